"""What the tests of faults that are on at the same time share: the pairs, and the proof of both orders of ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from prowl.chaos.engine.fault import Fault, Holds, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.engine.pool import worn
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.limit import Limit
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.reset import Reset
from prowl.chaos.faults.wipe import Wipe
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event, Phase

LIMIT_SECONDS = 30.0
ONE, TWO = ("node-1",), ("node-1", "node-2")
REFUSE, SILENT = Cut(cut.split), Cut(cut.split, Mode.BLACK_HOLE)


@dataclass
class Composed:
    """The scenes of faults that know of each other."""

    cluster: Cluster
    written: list[Event] = field(default_factory=list)
    holds: Holds = field(default_factory=Holds)
    count: int = 0

    def injected(self, fault: Fault, nodes: tuple[str, ...]) -> Injected:
        self.count += 1
        return Injected(fault, Scene(self.cluster, nodes, self.written.append, number=self.count, holds=self.holds))


def proven(injected: Injected) -> str:
    """Return what of a fault's effect is not to be seen, looked for as long as a starved machine may need."""
    wait_until(lambda: not injected.fault.effect_trouble(injected.scene), LIMIT_SECONDS)
    return injected.fault.effect_trouble(injected.scene)


ORDERS = ("the inner ends first", "the outer ends first")
PAIRS: dict[str, tuple[Fault, tuple[str, ...], Fault, tuple[str, ...]]] = {
    "a cut in a cut": (REFUSE, TWO, Cut(cut.isolate), ONE),
    "a cut in a black hole": (SILENT, TWO, Cut(cut.isolate), ONE),
    "a black hole in a cut": (REFUSE, TWO, Cut(cut.isolate, Mode.BLACK_HOLE), ONE),
    "a black hole in a black hole": (SILENT, TWO, Cut(cut.isolate, Mode.BLACK_HOLE), ONE),
    "the same cut twice": (REFUSE, TWO, Cut(cut.split), TWO),
    "a kill in a cut": (REFUSE, TWO, Crash(), ("node-3",)),
    "a kill in a black hole": (SILENT, TWO, Crash(), ("node-1",)),
    "a pause in a cut": (REFUSE, TWO, Pause(), ("node-2",)),
    "a cut around a killed node": (Crash(), ONE, Cut(cut.isolate), ONE),
    "a black hole around a paused node": (Pause(), ONE, Cut(cut.isolate, Mode.BLACK_HOLE), ONE),
    "latency in a cut": (REFUSE, TWO, Latency(), ONE),
    "latency in a black hole": (SILENT, TWO, Latency(), ONE),
    "a cut in latency": (Latency(), ONE, Cut(cut.split), TWO),
    "a black hole in latency": (Latency(), ONE, SILENT, TWO),
    "latency in latency": (Latency(150, 20), ONE, Latency(250, 20), ("node-2",)),
    "a reset in a black hole": (SILENT, TWO, Reset(), ONE),
    "a limit in a cut": (REFUSE, TWO, Limit(), ONE),
    "latency around a killed node": (Crash(), ONE, Latency(), TWO),
    "a wipe in a cut": (Cut(cut.isolate), ONE, Wipe(), ONE),
}


def prove_either_order(cluster: Cluster, name: str, order: str) -> None:
    """Assert effect and heal of two faults, of which one ends while the other one is on; nothing is left of them."""
    outer, outer_nodes, inner, inner_nodes = PAIRS[name]
    composed = Composed(cluster)
    with composed.injected(outer, outer_nodes) as first, composed.injected(inner, inner_nodes) as second:
        assert proven(first) == ""
        ends, stays = (second, first) if order == "the inner ends first" else (first, second)
        ends.heal()
        assert proven(stays) == "", "the end of one is not the end of the other"
        stays.heal()
    healed = [event.fault for event in composed.written if event.phase is Phase.HEALED]
    assert healed == ([2, 1] if ends is second else [1, 2])
    assert worn(cluster) == ""
