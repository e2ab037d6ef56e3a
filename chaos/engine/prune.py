"""Old runs are deleted when a new one begins, so that a nightly does not fill its disk.

Runs that were held go first: what a night has broken is still there after many runs of the morning.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from prowl.fixtures.cleanup.folders import owned_below
from prowl.fixtures.cleanup.guard import GuardError, living
from prowl.fixtures.cleanup.ledger import LedgerError, read
from prowl.fixtures.clusters.processes import running
from prowl.reports.files import opened

MOST_RUNS = 20
MOST_BYTES = 5_000_000_000
RULE = (
    f"the newest {MOST_RUNS} that were held and {MOST_RUNS} that were not are kept, as long as they fit into "
    f"{MOST_BYTES / 1e9:g} GB"
)
HELD = re.compile(rb'\n"verdict": "held"')
TAIL_BYTES = 1_000_000


def prune(runs: Path, own: Path) -> list[str]:
    """Delete the oldest run folders in ``runs`` beyond what the rule keeps; return a sentence about those, or nothing.

    Never deleted: the run's ``own``, one that is alive, and one of which something is still there to be healed.
    """
    folders = sorted((path for path in runs.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True)
    rest = [folder for folder in folders if folder != own]
    was_held = {folder: _was_held(folder) for folder in rest}
    kept_bytes = _size(own)
    gone: list[str] = []
    for held in (False, True):
        kept, full = int(own in folders and not held), False  # nobody knows yet what the run of this moment will be
        for folder in (each for each in rest if was_held[each] is held):
            size = _size(folder)
            full = full or kept >= MOST_RUNS or kept_bytes + size > MOST_BYTES
            if not full or needed(folder):
                kept, kept_bytes = kept + 1, kept_bytes + size
            else:
                shutil.rmtree(folder, ignore_errors=True)
                gone.append(folder.name)
    gone.sort(reverse=True)
    return [f"{len(gone)} old runs were deleted ({RULE}): {gone[-1]} to {gone[0]}"] if gone else []


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())


def _was_held(folder: Path) -> bool:
    """Whether a run's report says that it was held; one without a report did not come to its end."""
    try:
        with opened(folder / "report.json", MOST_BYTES) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return HELD.search(file.read()) is not None
    except OSError:
        return False


def needed(folder: Path) -> bool:
    """Whether a run is alive, or something of it is left that ``prowl heal`` finds by its folder."""
    try:
        owned = owned_below(folder)
        owed = any(entry.open for each in owned if each.ledger.exists() for entry in read(each.ledger))
        return owed or bool(living(folder)) or any(running(each) for each in owned)
    except (LedgerError, GuardError, OSError):
        return True  # whoever wrote it may still need it
