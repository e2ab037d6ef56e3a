"""``prowl heal``: undo and end by hand what a run that died has left behind."""

from __future__ import annotations

import sys
from pathlib import Path

from prowl.chaos.commands.runs import RUNS, named
from prowl.fixtures.cleanup.guard import GuardError, living
from prowl.fixtures.cleanup.reaper import clear
from prowl.fixtures.cleanup.undo import NOT_UNDONE

USAGE_ERROR = 4


def heal(run: Path | None) -> int:
    """Heal a run from its ledgers and registers, or every run that is not alive; say each thing that was done.

    0 if nothing is left, 1 if something could not be undone, 4 for a run that is not there or that is alive.
    """
    run = named(run) if run is not None else None
    if run is not None and not run.is_dir():
        print(
            f"prowl heal: there is no run folder {run}; give one below {RUNS}, or none for all of them.",
            file=sys.stderr,
        )
        return USAGE_ERROR
    done = []
    for folder in [run] if run is not None else sorted(RUNS.glob("*/")):
        try:
            alive = sorted(identity.pid for identity in living(folder))
        except GuardError as error:
            done.append(f"{folder.name}: {NOT_UNDONE}: {error}")
            continue
        if alive:
            pids = ", ".join(map(str, alive))
            words = f"The run {folder} is alive (pid {pids}) and is left alone; end it first, and it heals itself."
            print(words, file=sys.stderr if run is not None else sys.stdout)
            if run is not None:
                return USAGE_ERROR
            continue
        done += [f"{folder.name}: {line}" for line in clear(folder, "prowl heal")]
    for line in done:
        print(line)
    if not done:
        print("Nothing is to heal: no ledger of a dead run owes anything, and no process of one is left.")
    return 1 if any(NOT_UNDONE in line for line in done) else 0
