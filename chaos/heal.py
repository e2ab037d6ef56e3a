"""``prowl heal``: end by hand what a run that died has left behind."""

from __future__ import annotations

from pathlib import Path

from prowl.fixtures.processes import reap

RUNS = Path(".prowl/runs")


def heal(run: Path | None) -> int:
    """End the processes that a run's register names and that are still the ones it recorded; say what was done."""
    if run is not None and not run.is_dir():
        print(f"prowl heal: there is no run folder {run}; give one below {RUNS}, or none for all of them.")
        return 4
    folders = [run] if run is not None else sorted(RUNS.glob("*/"))
    ended = [line for folder in folders for line in reap(folder)]
    for line in ended:
        print(line)
    if not ended:
        print("Nothing is to heal: no process of these runs is left, and no other fault is recorded in a ledger yet.")
    return 0
