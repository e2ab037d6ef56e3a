"""Upgrade Procedure: the next version comes node by node, and goes again, and the network never stops."""

from __future__ import annotations

from prowl.chaos.engine.operations import Backup
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.steps import Do, Recover
from prowl.chaos.engine.upgrades import Rolling

ALSO = ("confirmation", "availability", "progress-with-quorum", "progress-after-heal", "recovery")

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "rolling-upgrade",
        item="upgrade/rolling",
        why="each node in turn is stopped and started as the next version, and only one that takes part again is left",
        steps=(Do(Backup()), Rolling(), Recover()),
        also=ALSO,
    ),
)
