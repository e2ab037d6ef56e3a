"""SIGKILL, and start again."""

from __future__ import annotations

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import gone_trouble, running_trouble
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Effects, Heal


class Crash:
    """Kills the nodes, all at the same instant; the heal starts them again, side by side, on what their disks hold."""

    limit_seconds = 60.0  # a node must start within it
    needs: tuple[type, ...] = ()

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any node can be killed
        """Return None: a node of one's own can always be killed."""
        return None

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are down."""
        named = " ".join(scene.nodes)
        return Effects("kill", f"kill {named}", down=scene.nodes, heal=Heal(f"start {named}"))

    def inject(self, scene: Scene) -> None:
        """Kill them."""
        scene.cluster.kill(*scene.nodes)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for nodes that are there, and RPC ports that do not refuse."""
        return gone_trouble(scene.cluster, scene.nodes)

    def heal(self, scene: Scene) -> None:
        """Start what no other fault holds down."""
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Look for an RPC that does not answer."""
        return running_trouble(scene)
