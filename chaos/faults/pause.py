"""SIGSTOP and SIGCONT: a process that holds its connections and says nothing."""

from __future__ import annotations

from prowl.chaos.engine.probes import Reach, not_up, reach
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.cluster import EmbeddedCluster

STOPPED = "stopped"


class Pause:
    """Stops the nodes' processes; the heal lets them go on where they were."""

    limit_seconds = 30.0

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - any process can be stopped
        """Return None: a process of one's own can always be stopped."""
        return None

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words."""
        return f"pause {' '.join(scene.nodes)}", f"unpause {' '.join(scene.nodes)}"

    def inject(self, scene: Scene) -> None:
        """Stop them."""
        for name in scene.nodes:
            scene.cluster.pause(name)

    def missing(self, scene: Scene) -> str:
        """Proven by the process's state and an RPC port that accepts but does not answer."""
        troubles = []
        for name in scene.nodes:
            state = scene.cluster.process(name).state
            if state != STOPPED:
                troubles.append(f"the process of {name} is {state}, not {STOPPED}")
                continue
            met = reach(address_of(scene.cluster.node(name).rpc))
            if met is not Reach.SILENT:
                troubles.append(f"the RPC port of {name} {met}")
        return "; ".join(troubles)

    def heal(self, scene: Scene) -> None:
        """Let them go on."""
        for name in scene.nodes:
            scene.cluster.resume(name)

    def left(self, scene: Scene) -> str:
        """Proven by the process's state and the RPC answering."""
        states = {name: scene.cluster.process(name).state for name in scene.nodes}
        stopped = [f"the process of {name} is {state}" for name, state in states.items() if state in {STOPPED, "gone"}]
        return "; ".join(stopped) or not_up(scene.cluster, scene.nodes)
