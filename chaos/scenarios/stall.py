"""The scenarios, one literal each."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.targets import minority
from prowl.chaos.faults.crash import Crash

SAFETY = ("agreement", "finality", "linkage", "equivocation")

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "minority-crash",
        item="recovery/consensus-stall",
        why="less than a third of the validators may stop without notice; one that comes back takes part again",
        fault=Crash(),
        target=minority,
        always=(*SAFETY, "progress-with-quorum", "signals", "peers"),
        after_heal=("progress-after-heal", "recovery"),
    ),
)
