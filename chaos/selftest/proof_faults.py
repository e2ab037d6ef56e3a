"""The triples of all faults, for a run that takes its time; the usual selftest proves one of each class."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import Fault
from prowl.chaos.faults import cut
from prowl.chaos.faults.bandwidth import Bandwidth
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.limit import Limit
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.reset import Reset
from prowl.chaos.faults.slow_close import SlowClose
from prowl.chaos.faults.slow_start import SlowStart
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec

NODES = ("node-1", "node-2", "node-3", "node-4")
SHAPES: tuple[tuple[cut.Shape, tuple[str, ...]], ...] = (
    (cut.split, NODES[:2]),
    (cut.split, NODES[3:]),
    (cut.isolate, NODES[:2]),
    (cut.one_way, NODES[2:3]),
    (cut.bridge, NODES[1:2]),
    (cut.ring, NODES),
)
CUTS = [(Cut(shape, mode), nodes) for shape, nodes in SHAPES for mode in Mode]
TOXICS = [(fault, NODES[1:2]) for fault in (Latency(), Latency(500, 0), Bandwidth(), SlowClose(), Reset(), Limit())]
PROCESSES = [(fault, nodes) for fault in (Crash(), Terminate(), Pause()) for nodes in (NODES[:1], NODES[1:3], NODES)]
TURNS: list[tuple[Fault, tuple[str, ...]]] = [
    (SlowStart(), NODES[1:2]),
    (Repeated(Crash(), 0.3), NODES[:1]),
    (Repeated(Cut(), 0.5), NODES[:2]),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves as it found it."""
    with EmbeddedCluster(ClusterSpec(4), tmp_path_factory.mktemp("proof")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize(("fault", "nodes"), [*CUTS, *TOXICS, *PROCESSES, *TURNS])
def test_triple(cluster: EmbeddedCluster, fault: Fault, nodes: tuple[str, ...]) -> None:
    prove_triple(fault, cluster, nodes)
