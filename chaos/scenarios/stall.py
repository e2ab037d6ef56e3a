"""Failure Recovery, Consensus Stall: validators stop, and the chain goes on, or stands still safely and comes back."""

from __future__ import annotations

from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Each, Recover
from prowl.chaos.engine.targets import all_nodes, minority
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.terminate import Terminate

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "minority-crash",
        item="recovery/consensus-stall",
        why="less than a third of the validators may stop without notice; one that comes back takes part again",
        steps=(During(Crash(), minority), Recover()),
        also=("progress-with-quorum", "signals", "peers", "progress-after-heal", "recovery"),
        quick=True,
    ),
    Scenario(
        "rolling-restart",
        item="recovery/consensus-stall",
        why="each validator in turn is stopped in order and started again, and the network goes on",
        steps=(Each(all_nodes, lambda node: (During(Terminate(), node, ()), Recover())),),
        also=("progress-with-quorum", "progress-after-heal", "recovery"),
        shape=Shape(nodes=4),
    ),
)
