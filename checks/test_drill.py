"""The restore drill (``--drill``): a backup that nobody has restored is no backup. Held in nodes of the run's own."""

from __future__ import annotations

from prowl.checks import backups
from prowl.checks.registry import check
from prowl.fixtures.drill import Drilled
from prowl.fixtures.survey import NodeView
from prowl.reports.findings import Broken, Claim, Unknown


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
    told = f"{drilled.archive} opened at height {drilled.opened_at}"
    if says is None or says.height is None:
        raise Unknown(Claim(expected, f"{told}; its name says no height"))
    if drilled.opened_at != says.height:
        raise Broken(Claim(expected, f"{told}, not at {says.height}"))
    if drilled.problem:
        raise Broken(Claim(expected, f"{told}; then {drilled.problem}"))
    if drilled.rest_to is None or drilled.began_at is None or drilled.rest_to <= drilled.began_at:
        raise Unknown(Claim(expected, f"{told}; there was nothing to sync: {drilled.rest}"))
    reached = drilled.reached if drilled.reached is not None else "no height"
    held = drilled.reached is not None and drilled.reached >= drilled.rest_to
    told += f"; synced from {drilled.began_at} to {reached} of {drilled.rest_to}, from {drilled.rest}"
    node.expect(expected, held, told)
