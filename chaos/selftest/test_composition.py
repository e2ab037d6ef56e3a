"""Faults that are on at the same time: each effect and each heal is proven, in whichever order they end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.chaos.engine.fault import FaultError
from prowl.chaos.engine.pool import worn
from prowl.chaos.engine.probes import Reach, exchange, reach
from prowl.chaos.faults import cut
from prowl.chaos.faults.clock import Clock
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.selftest.composition_kit import (
    LIMIT_SECONDS,
    ONE,
    ORDERS,
    SILENT,
    TWO,
    Composed,
    prove_either_order,
    proven,
)
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.protocol import GONE, RUNNING, STOPPED
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until

# One of each kind; all of them are proven by proof_composition.
USUAL = ("a cut in a black hole", "the same cut twice", "a kill in a cut", "latency in a cut")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves as good as new."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=400), tmp_path_factory.mktemp("composed")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", USUAL)
def test_two_faults_are_proven_and_healed_in_either_order(cluster: EmbeddedCluster, name: str, order: str) -> None:
    prove_either_order(cluster, name, order)


@pytest.mark.parametrize("order", ["the kill ends first", "the pause ends first"])
def test_a_kill_in_a_pause(cluster: EmbeddedCluster, order: str) -> None:
    composed = Composed(cluster)
    with composed.injected(Pause(), TWO) as pause, composed.injected(Crash(), ONE) as kill:
        assert (cluster.state("node-1"), cluster.state("node-2")) == (GONE, STOPPED)
        if order == "the kill ends first":
            kill.heal()
            assert (cluster.state("node-1"), cluster.state("node-2")) == (GONE, STOPPED), "the pause holds both down"
            pause.heal()
        else:
            pause.heal()
            assert (cluster.state("node-1"), cluster.state("node-2")) == (GONE, RUNNING), "the kill holds one down"
            kill.heal()
        assert cluster.state("node-1") == cluster.state("node-2") == RUNNING
    assert worn(cluster) == ""


def test_three_cuts_over_one_edge(cluster: EmbeddedCluster) -> None:
    composed = Composed(cluster)
    edge = cluster.edges.edge("node-1", "node-4")
    with (
        composed.injected(SILENT, TWO) as black,
        composed.injected(Cut(cut.isolate), ONE) as refused,
        composed.injected(Latency(), ONE) as slow,
    ):
        assert reach(edge.near) is Reach.REFUSED
        refused.heal()
        assert reach(edge.near) is Reach.SILENT
        black.heal()
        first = exchange(edge.near, LIMIT_SECONDS).first_seconds
        assert first is not None
        assert first >= 0.3, "the latency is there again"
        slow.heal()
    assert worn(cluster) == ""


def test_delays_add_up(cluster: EmbeddedCluster) -> None:
    composed = Composed(cluster)
    edge = cluster.edges.edge("node-1", "node-2")
    with composed.injected(Latency(150, 10), ONE) as one, composed.injected(Latency(250, 10), ("node-2",)):
        first = exchange(edge.near, LIMIT_SECONDS).first_seconds
        assert first is not None
        assert first >= 2 * (150 + 250 - 20) / 1000
        one.heal()
        first = exchange(edge.near, LIMIT_SECONDS).first_seconds
        assert first is not None
        assert 2 * 240 / 1000 <= first < 2 * (150 + 250 - 20) / 1000
    assert worn(cluster) == ""


def test_a_cut_that_flaps_in_a_cut_opens_nothing(cluster: EmbeddedCluster) -> None:
    composed = Composed(cluster)
    edge = cluster.edges.edge("node-1", "node-3")
    with composed.injected(SILENT, TWO) as outer:
        with composed.injected(Repeated(Cut(cut.isolate), 1.0), ONE):
            looks: set[Reach] = set()

            def seen_both() -> bool:
                looks.add(reach(edge.near))
                return {Reach.REFUSED, Reach.SILENT} <= looks

            assert wait_until(seen_both, LIMIT_SECONDS), looks
        assert Reach.ANSWERS not in looks
        assert proven(outer) == ""
    assert worn(cluster) == ""


def test_what_restarts_its_nodes_refuses_those_that_are_held_down(cluster: EmbeddedCluster) -> None:
    composed = Composed(cluster)
    with (
        composed.injected(Crash(), ONE),
        pytest.raises(FaultError, match="no effect: It needs nodes that run, and another fault holds node-1 down"),
        composed.injected(Clock(), TWO),
    ):
        pytest.fail("a node that is held down was started")
    assert worn(cluster) == ""
