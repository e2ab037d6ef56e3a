"""Faults of the network, on a cluster of reference nodes, and the leak probe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine.fault import FaultError, Scene, described
from prowl.chaos.engine.leak_probe import leaks
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.engine.probes import Exchange
from prowl.chaos.faults import cut
from prowl.chaos.faults.bandwidth import Bandwidth
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.limit import Limit
from prowl.chaos.faults.repeated import Repeated
from prowl.chaos.faults.reset import Reset
from prowl.chaos.faults.slow_close import SlowClose
from prowl.chaos.faults.toxics import Degraded
from prowl.chaos.selftest.triples import prove_held_and_healed, prove_no_effect, prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec, reference_command
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event, Phase

LEAK_SECONDS = 20.0
PAIR = ("node-1", "node-2")
SHAPES: dict[str, tuple[cut.Shape, tuple[str, ...], int]] = {
    "split": (cut.split, PAIR, 8),
    "isolate": (cut.isolate, ("node-3",), 6),
    "isolate-two": (cut.isolate, PAIR, 10),
    "bridge": (cut.bridge, ("node-4",), 4),
    "one-way": (cut.one_way, ("node-2",), 3),
    "ring": (cut.ring, ("node-1", "node-3", "node-2", "node-4"), 4),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves with all of its edges open."""
    with EmbeddedCluster(ClusterSpec(4), tmp_path_factory.mktemp("network")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("mode", Mode)
def test_a_split_is_proven_thrice(cluster: EmbeddedCluster, mode: Mode) -> None:
    prove_triple(Cut(cut.split, mode), cluster, PAIR)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_cuts_its_pairs(name: str) -> None:
    shape, nodes, count = SHAPES[name]
    scene = described(ClusterSpec(4), nodes)
    words, pairs = shape(scene)
    effects = Cut(shape, Mode.BLACK_HOLE).effects(scene)
    assert effects.kind == "cut"
    assert set(effects.cut) == pairs
    assert len(effects.cut) == count
    assert effects.words == f"{words} : black hole"
    assert effects.heal.words == f"heal of: {words}"


@pytest.mark.parametrize(
    ("shape", "nodes"),
    [(cut.split, ()), (cut.split, ("node-1", "node-2", "node-3")), (cut.ring, ("node-1", "node-2", "node-3"))],
)
def test_a_shape_that_cuts_nothing_is_refused(shape: cut.Shape, nodes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^(A partition|This cut) "):
        shape(described(ClusterSpec(3), nodes))


def test_a_degraded_network_is_proven_thrice(cluster: EmbeddedCluster) -> None:
    prove_triple(Latency(), cluster, ("node-2",))


@pytest.mark.parametrize(
    "fault", [Bandwidth(), SlowClose(), Reset(), Reset(0.3), Limit()], ids=lambda fault: fault.words()
)
def test_effect_and_heal_of_a_toxic_are_proven(cluster: EmbeddedCluster, fault: Degraded) -> None:
    written = prove_held_and_healed(fault, cluster, ("node-3",))
    touched = {("node-3", name) for name in ("node-1", "node-2", "node-4")}
    cuts = fault.cuts
    assert set(written[0].cut) == ({*touched, *(pair[::-1] for pair in touched)} if cuts else set())
    assert written[0].slow == (() if cuts else ("node-3",))


@pytest.mark.parametrize(
    ("first", "end", "shown"),
    [(0.001, 0.502, True), (0.4, 0.502, True), (0.001, 0.499, False), (0.501, 0.502, False), (None, 0.6, False)],
    ids=["shown", "read late by a starved probe", "closed in time", "latency", "no answer"],
)
def test_a_slow_close_is_told_from_its_neighbours(first: float | None, end: float, shown: bool) -> None:
    assert SlowClose(500).shows(Exchange(b"HTTP/1.1 200 OK", first, end)) is shown


@pytest.mark.parametrize(
    "fault", [Latency(50, 50), Latency(5000), Bandwidth(17), SlowClose(50), Limit(100), Reset(0.1)], ids=repr
)
def test_what_no_probe_could_prove_is_unavailable(cluster: EmbeddedCluster, fault: Degraded) -> None:
    assert "can't be proven by a probe" in str(fault.unavailable(cluster.spec))
    with pytest.raises(FaultError, match="unavailable here"), Injected(fault, Scene(cluster, ("node-1",))):
        pytest.fail("it was injected all the same")


def test_one_way_leaves_the_way_back(cluster: EmbeddedCluster) -> None:
    prove_held_and_healed(Cut(cut.one_way, Mode.BLACK_HOLE), cluster, ("node-2",))


def test_a_cut_that_flaps_is_seen_to_flap(cluster: EmbeddedCluster) -> None:
    written: list[Event] = []
    scene = Scene(cluster, PAIR, written.append)
    fault = Repeated(Cut(), 0.5)
    with Injected(fault, scene):
        assert fault.heal_trouble(scene) != ""
    turns = [event for event in written if event.phase in {Phase.INJECT, Phase.HEAL}]
    assert len(turns) >= 4
    assert [bool(event.cut) for event in turns[:4]] == [True, False, True, False]
    assert turns[-1].phase is Phase.HEAL
    assert {event.fault for event in turns} == {1}
    prove_no_effect(fault, cluster, PAIR)


def test_no_node_goes_around_its_proxies(cluster: EmbeddedCluster) -> None:
    assert leaks(cluster) == []


def leaking(config: Path, defect: str | None) -> list[str]:
    """Give node-1 the direct address of node-2 before it starts."""
    output = json.loads(config.read_text())
    if config.parent.name == "node-1":
        peer = json.loads((config.parent.parent / "node-2" / "config.json").read_text())
        for row in output["peers"]:
            if row["id"] == peer["nodeId"]:
                row["url"] = f"http://127.0.0.1:{peer['p2pPort']}"
        config.write_text(json.dumps(output))
    return reference_command(config, defect)


def test_a_planted_leak_is_found(tmp_path: Path) -> None:
    with EmbeddedCluster(ClusterSpec(3, command=leaking), tmp_path) as cluster:
        cluster.start()
        found = wait_until(lambda: leaks(cluster), LEAK_SECONDS)
    assert found is not None
    assert {line.rpartition(",")[0] for line in found} == {"node-1 reaches node-2 around its proxy"}
