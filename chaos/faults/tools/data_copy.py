"""A copy of a node's data directory, taken before it is damaged, and put back as the manual's restore does."""

from __future__ import annotations

import shutil
from pathlib import Path

from prowl.chaos.faults.tools.damage import fingerprint
from prowl.fixtures.clusters.spec import ClusterError
from prowl.fixtures.reference.storage.store import CHAIN_STORE, STATE_STORE
from prowl.fixtures.reference.storage.store_copy import NOT_COPIED, Changed, copy_files, copy_store
from prowl.fixtures.waiting import wait_until

COPY_SECONDS = 30.0


def keep(data_dir: Path, copy: Path) -> Path:
    """Copy a data directory, its node running or not, each store at one moment; ClusterError if it can't be.

    What the chain refers to is copied after it, so that the copy has every state that its blocks need. The copy gets
    its name when it is whole.
    """
    last = ""
    passing = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(copy, ignore_errors=True)

    def attempt() -> bool:
        nonlocal last
        shutil.rmtree(passing, ignore_errors=True)
        try:
            for store in (CHAIN_STORE, STATE_STORE):
                copy_store(data_dir / store, passing / store)
            copy_files(data_dir, passing, (CHAIN_STORE, STATE_STORE, *NOT_COPIED))
        except (Changed, ValueError) as error:
            last = str(error)
            return False
        return True

    if not wait_until(attempt, COPY_SECONDS):
        raise ClusterError(f"No consistent copy of {data_dir} could be made in {COPY_SECONDS:g} s: {last}.")
    passing.replace(copy)
    return copy


def put_back(copy: Path, data_dir: Path) -> None:
    """Move a copy to the place of a stopped node's data directory, and read it back; ClusterError if it differs."""
    wanted = fingerprint(copy)
    shutil.rmtree(data_dir, ignore_errors=True)
    copy.replace(data_dir)
    if fingerprint(data_dir) != wanted:
        raise ClusterError(f"{data_dir} is not what its copy {copy} held, after it was put back.")
