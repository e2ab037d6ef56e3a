"""SIGSTOP and SIGCONT: a process that holds its connections and says nothing."""

from __future__ import annotations

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import Reach, reach, running_trouble
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.protocol import STOPPED
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Effects, Heal


class Pause:
    """Stops the nodes' processes; the heal lets them go on where they were, and starts what was killed meanwhile."""

    limit_seconds = 30.0
    needs: tuple[type, ...] = ()

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any node can be stopped
        """Return None: a node of one's own can always be stopped."""
        return None

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are down."""
        named = " ".join(scene.nodes)
        return Effects("pause", f"pause {named}", down=scene.nodes, heal=Heal(f"unpause {named}"))

    def inject(self, scene: Scene) -> None:
        """Stop them."""
        scene.cluster.pause(*scene.nodes)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for a node that is not stopped, or whose RPC port does not accept in silence."""
        troubles = []
        for name in scene.nodes:
            state = scene.cluster.state(name)
            if state != STOPPED:
                troubles.append(f"the process of {name} is {state}, not {STOPPED}")
                continue
            met = reach(address_of(scene.cluster.node(name).rpc))
            if met is not Reach.SILENT:
                troubles.append(f"the RPC port of {name} {met}")
        return "; ".join(troubles)

    def heal(self, scene: Scene) -> None:
        """Let them go on."""
        scene.cluster.resume(*(name for name in scene.free if scene.cluster.state(name) == STOPPED))
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look for a node that does not run, or whose RPC does not answer."""
        return running_trouble(scene)
