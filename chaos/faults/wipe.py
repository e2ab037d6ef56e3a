"""A node loses its whole data directory, and starts with nothing."""

from __future__ import annotations

from prowl.chaos.engine.probes import gone_trouble, level_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.chaos.faults.crash import Crash


class Wipe(Crash):
    """Stops the nodes and deletes their data directories; the heal starts them, and they must fetch the chain.

    What a node keeps elsewhere (the reference node's witness of its votes) stays, as it does when a disk is replaced.
    """

    limit_seconds = 120.0

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words; each stop is written when it is done."""
        told = " ".join(scene.nodes)
        return f"corrupt the data directory of {told} : deleted", f"start {told}"

    def inject(self, scene: Scene) -> None:
        """Stop and delete."""
        for name in scene.nodes:
            scene.note(f"stop {name}")
            scene.cluster.terminate(name)
            scene.cluster.wipe(name)

    def missing(self, scene: Scene) -> str:
        """Proven by the folders being gone, and the processes."""
        nodes = {name: scene.cluster.node(name).data_dir for name in scene.nodes}
        here = [
            f"the data directory of {name} is there" for name, folder in nodes.items() if folder and folder.exists()
        ]
        return "; ".join(here) or gone_trouble(scene.cluster, scene.nodes)

    def left(self, scene: Scene) -> str:
        """Proven by the nodes being level with the others."""
        return level_trouble(scene.cluster, scene.nodes)
