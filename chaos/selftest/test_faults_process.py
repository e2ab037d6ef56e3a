"""Faults of processes, on a cluster of reference nodes: effect and heal proven, no effect and no heal told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prowl.chaos.engine.fault import Fault, FaultError, Scene
from prowl.chaos.engine.lifecycle import SHARE_OF_LIMIT, Injected
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.pause import Pause
from prowl.chaos.faults.repeated import HALF_PERIOD_SECONDS, Repeated
from prowl.chaos.faults.second_process import SecondProcess
from prowl.chaos.faults.slow_start import SlowStart
from prowl.chaos.faults.terminate import Terminate
from prowl.chaos.selftest.triples import Idle, prove_held_and_healed, prove_no_effect, prove_triple
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.layout import CALLS_PER_MINUTE
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Event, Phase


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves with all of its nodes up."""
    with EmbeddedCluster(ClusterSpec(3), tmp_path_factory.mktemp("processes")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize("fault", [Crash(), Terminate(), Pause()], ids=["kill", "terminate", "pause"])
def test_a_fault_of_one_node_is_proven_thrice(cluster: EmbeddedCluster, fault: Fault) -> None:
    prove_triple(fault, cluster, ("node-2",))


def test_all_are_killed_at_the_same_instant(cluster: EmbeddedCluster) -> None:
    written = prove_held_and_healed(Crash(), cluster, cluster.spec.names)
    assert (written[0].kind, written[0].down) == ("kill", cluster.spec.names)


def test_a_block_that_fails_is_healed_all_the_same(cluster: EmbeddedCluster) -> None:
    scene = Scene(cluster, ("node-1",))
    with pytest.raises(ZeroDivisionError), Injected(Pause(), scene):
        raise ZeroDivisionError
    assert Pause().heal_trouble(scene) == ""


def test_a_killed_node_was_not_terminated(cluster: EmbeddedCluster) -> None:
    class Killed(Terminate):
        limit_seconds = 2.0

        def inject(self, scene: Scene) -> None:
            Crash().inject(scene)

    words = r"no effect .* node-3 ended with exit code -9"
    with pytest.raises(FaultError, match=words), Injected(Killed(), Scene(cluster, ("node-3",))):
        pytest.fail("a kill was taken for a termination")
    assert cluster.is_running("node-3")


def test_a_crash_loop_is_seen_to_loop(cluster: EmbeddedCluster) -> None:
    written: list[Event] = []
    fault = Repeated(Crash(), 0.3)
    scene = Scene(cluster, ("node-1",), written.append)
    with Injected(fault, scene):
        assert fault.heal_trouble(scene) != ""
    turns = [event for event in written if event.phase in {Phase.INJECT, Phase.HEAL}]
    assert [event.down for event in turns[:4]] == [("node-1",), (), ("node-1",), ()]
    assert turns[-1].phase is Phase.HEAL
    prove_no_effect(fault, cluster, ("node-1",))


def test_no_look_is_in_step_with_the_turns() -> None:
    looks_seconds, period_seconds = 60 / (SHARE_OF_LIMIT * CALLS_PER_MINUTE), 2 * HALF_PERIOD_SECONDS
    assert 0.1 < looks_seconds % period_seconds / period_seconds < 0.9


def test_a_slow_start_is_proven(cluster: EmbeddedCluster) -> None:
    prove_held_and_healed(SlowStart(), cluster, ("node-2",))
    assert "not stopped" in prove_no_effect(SlowStart(), cluster, ("node-2",))


class OtherStore(SecondProcess):
    """Its second process has a store of its own, which nobody locks."""

    def config(self, scene: Scene, name: str, config: dict[str, Any], ports: Ports) -> dict[str, Any]:
        return {
            **super().config(scene, name, config, ports),
            "dataDir": str(Path(config["dataDir"]).with_name("other")),
        }


def test_a_second_process_is_refused_by_the_lock(cluster: EmbeddedCluster) -> None:
    scene = Scene(cluster, ("node-3",))
    fault = SecondProcess()
    with Injected(fault, scene):
        assert fault.effect_trouble(scene) == ""
    assert "node-3 has no second process" in prove_no_effect(SecondProcess(), cluster, ("node-3",))


def test_a_second_process_that_is_not_refused_is_told(cluster: EmbeddedCluster) -> None:
    scene = Scene(cluster, ("node-3",))
    fault = OtherStore()
    idle = Idle(fault, injects=True, heals=False, limit_seconds=3)
    with pytest.raises(FaultError, match=r"no effect .*its store refuses nobody") as caught, Injected(idle, scene):
        pytest.fail("a second process that runs was taken for one that was refused")
    assert "not healed within" in str(caught.value.__notes__)
    assert fault.heal_trouble(scene) != ""
    fault.heal(scene)
    assert fault.heal_trouble(scene) == ""
