"""The triple of proofs that every fault must pass on a real cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from prowl.chaos.engine.lifecycle import Broken
from prowl.chaos.engine.scenario import Fault, FaultError, Scene
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.waiting import wait_until

SHORT_SECONDS = 1.0


@dataclass(frozen=True)
class Idle:
    """A fault whose injection, or heal, or both, do nothing; what it observes is the fault's own."""

    fault: Fault
    injects: bool
    heals: bool
    limit_seconds: float = SHORT_SECONDS

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:
        return self.fault.unavailable(cluster)

    def events(self, scene: Scene) -> tuple[str, str]:
        return self.fault.events(scene)

    def inject(self, scene: Scene) -> None:
        if self.injects:
            self.fault.inject(scene)

    def missing(self, scene: Scene) -> str:
        return self.fault.missing(scene)

    def heal(self, scene: Scene) -> None:
        if self.heals:
            self.fault.heal(scene)

    def left(self, scene: Scene) -> str:
        return self.fault.left(scene)


def prove_held_and_healed(fault: Fault, cluster: EmbeddedCluster, nodes: tuple[str, ...]) -> list[str]:
    """Assert effect and heal; return what was written into the timeline."""
    written: list[str] = []
    scene = Scene(cluster, nodes, written.append)
    with Broken(fault, scene) as broken:
        # Seen again after it was proven; a look that a starved machine spoils is taken again, as the engine does.
        assert wait_until(lambda: not fault.missing(scene), fault.limit_seconds), fault.missing(scene)
        assert fault.left(scene) != "", "what stands is not taken for healed"
        assert broken.heal() <= fault.limit_seconds
    assert wait_until(lambda: not fault.left(scene), fault.limit_seconds), fault.left(scene)
    assert fault.missing(scene) != "", "what is healed is not taken for broken"
    down, up = fault.events(scene)
    told = [line for line in written if not line.startswith(("effect of: ", "healed: "))]
    assert told[0] == down
    assert up in told[1:]
    return written


def prove_no_effect(fault: Fault, cluster: EmbeddedCluster, nodes: tuple[str, ...]) -> str:
    """Assert that an injection that does nothing is told."""
    with (
        pytest.raises(FaultError, match="no effect within") as caught,
        Broken(Idle(fault, injects=False, heals=True), Scene(cluster, nodes)),
    ):
        pytest.fail("a fault without effect was let through")
    return str(caught.value)


def prove_loud_heal(fault: Fault, cluster: EmbeddedCluster, nodes: tuple[str, ...]) -> str:
    """Assert that a heal that does nothing is told; heals it then."""
    scene = Scene(cluster, nodes)
    try:
        with pytest.raises(FaultError, match="not healed within") as caught, Broken(fault, scene) as broken:
            broken.fault = Idle(fault, injects=False, heals=False)
    finally:
        with Broken(Idle(fault, injects=False, heals=True, limit_seconds=60), scene) as broken:
            pass
    return str(caught.value)


def prove_triple(fault: Fault, cluster: EmbeddedCluster, nodes: tuple[str, ...]) -> None:
    """Assert all three; the cluster is as it was afterwards."""
    prove_held_and_healed(fault, cluster, nodes)
    sentence = prove_no_effect(fault, cluster, nodes)
    assert re.search(r"no effect within 1 s: .+\.$", sentence), sentence
    sentence = prove_loud_heal(fault, cluster, nodes)
    assert re.search(r"not healed within 1 s: .+\.$", sentence), sentence
