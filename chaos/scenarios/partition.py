"""Failure Recovery, Network Partition: the nodes are parted, and one chain comes back."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Hold, Recover
from prowl.chaos.engine.targets import half, one
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "kill-inside-a-partition",
        item="recovery/partition",
        why="a validator dies while the network is parted in two halves; healed, all of them are one chain again",
        steps=(During(Cut(), half, (Hold(), During(Crash(), one), Hold())), Recover()),
        also=("progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
    ),
)
