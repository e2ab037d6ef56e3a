"""SIGKILL, and start again."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

from prowl.chaos.engine.probes import not_gone, not_up
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.cluster import EmbeddedCluster


class Crash:
    """Kills the nodes, all at the same instant; the heal starts them again, side by side, on what their disks hold."""

    limit_seconds = 60.0  # a node must start within it
    verb = "kill"
    number = signal.SIGKILL

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:  # noqa: ARG002 - any process can be killed
        """Return None: a process of one's own can always be killed."""
        return None

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words."""
        return f"{self.verb} {' '.join(scene.nodes)}", f"start {' '.join(scene.nodes)}"

    def inject(self, scene: Scene) -> None:
        """Signal every process before any is waited for."""
        for process in [scene.cluster.process(name) for name in scene.nodes]:
            process.identity.signal(self.number)

    def missing(self, scene: Scene) -> str:
        """Proven by the processes being gone and their RPC ports refusing."""
        return not_gone(scene.cluster, scene.nodes)

    def heal(self, scene: Scene) -> None:
        """Start what is down."""
        down = [name for name in scene.nodes if not scene.cluster.is_running(name)]
        with ThreadPoolExecutor(max(1, len(down))) as pool:
            list(pool.map(scene.cluster.start_node, down))

    def left(self, scene: Scene) -> str:
        """Proven by the RPC answering."""
        return not_up(scene.cluster, scene.nodes)
