"""Old runs are deleted when a new one begins, so that a nightly does not fill its disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from prowl.fixtures.cleanup.guard import living
from prowl.fixtures.cleanup.json_lines import below
from prowl.fixtures.cleanup.ledger import LEDGER, LedgerError, read
from prowl.fixtures.clusters.processes import REGISTER, running

MOST_RUNS = 20
MOST_BYTES = 5_000_000_000
RULE = f"the newest {MOST_RUNS} runs are kept, as long as they fit into {MOST_BYTES / 1e9:g} GB"


def prune(runs: Path, own: Path) -> list[str]:
    """Delete the oldest run folders in ``runs`` beyond what the rule keeps; return a sentence about those, or nothing.

    Never deleted: the run's ``own``, one that is alive, and one of which something is still there to be healed.
    """
    folders = sorted((path for path in runs.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True)
    kept = held_bytes = 0
    gone: list[str] = []
    for folder in folders:
        size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())
        fits = kept < MOST_RUNS and held_bytes + size <= MOST_BYTES and not gone
        if fits or folder == own or needed(folder):
            kept, held_bytes = kept + 1, held_bytes + size
        else:
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder.name)
    return [f"{len(gone)} old runs were deleted ({RULE}): {gone[-1]} to {gone[0]}"] if gone else []


def needed(folder: Path) -> bool:
    """Whether a run is alive, or something of it is left that ``prowl heal`` finds by its folder."""
    try:
        owed = any(entry.open for path in below(folder, LEDGER) for entry in read(path))
    except LedgerError:
        return True  # whoever wrote it may still need it
    return owed or bool(living(folder)) or any(running(path) for path in below(folder, REGISTER))
