"""A node loses its whole data directory, and starts with nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import back_trouble, gone_trouble
from prowl.chaos.faults.crash import Crash
from prowl.fixtures.clusters.protocol import HasData, data_of
from prowl.reports.events import Effects, Heal


@dataclass
class Wiped:
    """The nodes that were stopped to be wiped."""

    nodes: list[str] = field(default_factory=list)


class Wipe(Crash):
    """Stops the nodes and deletes their data directories; the heal starts them, and they must fetch the chain.

    What a node keeps elsewhere (the reference node's witness of its votes) stays, as it does when a disk is replaced.
    """

    limit_seconds = 120.0
    needs = (HasData,)

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes lose their stores, and are down, each from its stop on."""
        named, stopped = " ".join(scene.nodes), tuple(scene.memory(Wiped).nodes)
        words = f"the data directory of {named} is deleted"
        return Effects("wipe", words, down=stopped, surgery=scene.nodes, heal=Heal(f"start {named} : with nothing"))

    def inject(self, scene: Scene) -> None:
        """Stop and delete."""
        for name in scene.nodes:
            scene.memory(Wiped).nodes.append(name)
            scene.tell(self.effects(scene))
            scene.cluster.terminate(name)
            scene.cluster.wipe(name)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for data directories, and for nodes that are there."""
        there = [name for name in scene.nodes if data_of(scene.cluster, name).exists()]
        here = [f"the data directory of {name} is there" for name in there]
        return "; ".join(here) or gone_trouble(scene.cluster, scene.nodes)

    def heal(self, scene: Scene) -> None:
        """Start what no other fault holds down."""
        scene.memory(Wiped).nodes.clear()
        super().heal(scene)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for nodes that are not level with the others."""
        return back_trouble(scene)
