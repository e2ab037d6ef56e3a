"""The triple of proofs that every fault must pass on a real cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from prowl.chaos.engine.fault import Fault, FaultError, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Effects, Event, Phase

SHORT_SECONDS = 1.0


@dataclass(frozen=True)
class Idle:
    """A fault whose injection, or heal, or both, do nothing; what it observes is the fault's own."""

    fault: Fault
    injects: bool
    heals: bool
    limit_seconds: float = SHORT_SECONDS

    @property
    def needs(self) -> tuple[type, ...]:
        return self.fault.needs

    def unavailable(self, spec: ClusterSpec) -> str | None:
        return self.fault.unavailable(spec)

    def effects(self, scene: Scene) -> Effects:
        return self.fault.effects(scene)

    def inject(self, scene: Scene) -> None:
        if self.injects:
            self.fault.inject(scene)

    def effect_trouble(self, scene: Scene) -> str:
        return self.fault.effect_trouble(scene)

    def heal(self, scene: Scene) -> None:
        if self.heals:
            self.fault.heal(scene)

    def heal_trouble(self, scene: Scene) -> str:
        return self.fault.heal_trouble(scene)


def prove_held_and_healed(fault: Fault, cluster: Cluster, nodes: tuple[str, ...]) -> list[Event]:
    """Assert effect and heal; return what was written into the timeline."""
    written: list[Event] = []
    scene = Scene(cluster, nodes, written.append)
    planned = fault.effects(scene)
    with Injected(fault, scene) as injected:
        # Seen again after it was proven; a look that a starved machine spoils is taken again, as the engine does.
        assert wait_until(lambda: not fault.effect_trouble(scene), fault.limit_seconds), fault.effect_trouble(scene)
        assert fault.heal_trouble(scene) != "", "what stands is not taken for healed"
        assert injected.heal() <= fault.limit_seconds
    assert wait_until(lambda: not fault.heal_trouble(scene), fault.limit_seconds), fault.heal_trouble(scene)
    assert fault.effect_trouble(scene) != "", "what is healed is not taken for broken"
    assert written[0] == Event.of(0.0, planned, scene.number)
    phases = [event.phase for event in written if event.phase is not None]
    assert (phases[0], phases[-2:]) == (Phase.INJECT, [Phase.HEAL, Phase.HEALED])
    assert Phase.EFFECT in phases
    assert not scene.holds.down() | scene.holds.slow() | scene.holds.cut_off()
    return written


def prove_no_effect(fault: Fault, cluster: Cluster, nodes: tuple[str, ...]) -> str:
    """Assert that an injection that does nothing is told."""
    with (
        pytest.raises(FaultError, match="no effect within") as caught,
        Injected(Idle(fault, injects=False, heals=True), Scene(cluster, nodes)),
    ):
        pytest.fail("a fault without effect was let through")
    return str(caught.value)


def prove_loud_heal(fault: Fault, cluster: Cluster, nodes: tuple[str, ...]) -> str:
    """Assert that a heal that does nothing is told; heals it then."""
    scene = Scene(cluster, nodes)
    try:
        with pytest.raises(FaultError, match="not healed within") as caught, Injected(fault, scene) as injected:
            injected.fault = Idle(fault, injects=False, heals=False)
    finally:
        with Injected(Idle(fault, injects=False, heals=True, limit_seconds=60), scene) as injected:
            pass
    return str(caught.value)


def prove_triple(fault: Fault, cluster: Cluster, nodes: tuple[str, ...]) -> None:
    """Assert all three; the cluster is as it was afterwards."""
    prove_held_and_healed(fault, cluster, nodes)
    sentence = prove_no_effect(fault, cluster, nodes)
    assert re.search(r"no effect within 1 s: .+\.$", sentence), sentence
    sentence = prove_loud_heal(fault, cluster, nodes)
    assert re.search(r"not healed within 1 s: .+\.$", sentence), sentence
