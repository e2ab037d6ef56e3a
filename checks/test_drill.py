"""The restore drill (``--drill``): a backup that nobody has restored is no backup. Held in nodes of the run's own."""

from __future__ import annotations

import math

from prowl.checks import backups
from prowl.checks.registry import check
from prowl.fixtures.drill import Drilled
from prowl.fixtures.survey.survey import NodeView
from prowl.reports.findings import Broken, Claim, Unknown

STAMP_SECONDS = 1  # names and files are stamped in whole seconds


@check(
    "backup/restore",
    needs=("host", "backup_dir", "drill"),
    drill=True,
    next="Backup Strategy > Manual Backup: make another backup, and drill again",
)
def test_restore(node: NodeView, drilled: Drilled) -> None:
    """The newest backup can be restored: it opens at the height that its name says, and syncs the rest."""
    expected = "a node opens it at the height in its name, and syncs the rest"
    if drilled.impossible:
        raise Unknown(Claim(expected, drilled.impossible))
    if drilled.opened_at is None:
        raise Broken(Claim(expected, drilled.problem))
    says = backups.named(drilled.archive)
    observed = f"{drilled.archive} opened at height {drilled.opened_at}"
    if says is None or says.height is None:
        raise Unknown(Claim(expected, f"{observed}; its name says no height"))
    # The manual's script asks for the height and then packs a running node, with the blocks that come meanwhile.
    packed = _blocks_while_packed(node, drilled.archive, says.made)
    if not says.height <= drilled.opened_at <= says.height + packed:
        more = f" to {says.height + packed} (what came while it was packed)" if packed else ""
        raise Broken(Claim(expected, f"{observed}, not at {says.height}{more}"))
    if drilled.problem:
        raise Broken(Claim(expected, f"{observed}; then {drilled.problem}"))
    if drilled.rest_to is None or drilled.began_at is None or drilled.rest_to <= drilled.began_at:
        raise Unknown(Claim(expected, f"{observed}; there was nothing to sync: {drilled.rest}"))
    reached = drilled.reached if drilled.reached is not None else "no height"
    held = drilled.reached is not None and drilled.reached >= drilled.rest_to
    observed += f"; synced from {drilled.began_at} to {reached} of {drilled.rest_to}, from {drilled.rest}"
    node.expect(expected, held, observed)


def _blocks_while_packed(node: NodeView, archive: str, made: float) -> int:
    """Return how many blocks may have come between the time in a backup's name and its last byte."""
    interval = node.survey.block_interval_seconds
    folder = node.seen.host.backups if node.seen.host is not None else None
    ended = next((file.modified for file in folder.files if file.name == archive), None) if folder else None
    if not interval or ended is None or ended < made:
        return 0
    return math.ceil((ended - made + STAMP_SECONDS) / interval)
