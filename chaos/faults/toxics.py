"""What the faults of a degraded network have in common: toxics on every edge from and to the nodes."""

from __future__ import annotations

from collections.abc import Mapping

from prowl.chaos.engine.probes import Exchange, at_once, exchange
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.addresses import Address
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.proxies.edges import Edge

LOOK_SECONDS = 3.0  # the longest that one probe through an edge listens


class Degraded:
    """Edges with toxics; the heal takes them away, by the ladder.

    A kind of it says which toxics, in which words, and how an exchange through such an edge differs from a direct one.
    """

    limit_seconds = 30.0
    padding_bytes = 0

    def words(self) -> str:
        """Return what is done, in words."""
        raise NotImplementedError

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return kind, stream and attributes of each toxic."""
        raise NotImplementedError

    def shows(self, through: Exchange) -> bool:
        """Whether an exchange shows the effect."""
        raise NotImplementedError

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:
        """Return why there is no edge to degrade."""
        return None if cluster.spec.count > 1 else "a cluster of one node has no edges"

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words."""
        return f"{self.words()} {' '.join(f'{edge.source}>{edge.target}' for edge in self.edges(scene))}", "heal"

    def edges(self, scene: Scene) -> list[Edge]:
        """Return the edges from and to the nodes."""
        names = scene.cluster.spec.names
        pairs = [(one, other) for one in names for other in names if one != other and {one, other} & {*scene.nodes}]
        return [scene.cluster.edges.edge(*pair) for pair in pairs]

    def inject(self, scene: Scene) -> None:
        """Add the toxics."""
        scene.cluster.edges.client.add_toxics(
            (edge.name, *toxic) for edge in self.edges(scene) for toxic in self.toxics()
        )

    def missing(self, scene: Scene) -> str:
        """Proven by a fresh exchange through each edge that shows it, and a direct one that does not."""
        edges = self.edges(scene)
        through = self._exchanges({edge.near for edge in edges})
        direct = self._exchanges({edge.far for edge in edges})
        troubles = [f"{edge} shows nothing of it" for edge in edges if not self.shows(through[edge.near])]
        for edge in edges:
            its = direct[edge.far]
            if self.shows(its) or not its.whole:
                troubles.append(f"{edge.target} is no better directly")
        return "; ".join(dict.fromkeys(troubles))

    def heal(self, scene: Scene) -> None:
        """Restore the edges."""
        told = scene.cluster.edges.restore(self.edges(scene))
        if told:
            scene.note(told)

    def left(self, scene: Scene) -> str:
        """Proven by a whole answer through each edge that shows nothing of it."""
        edges = self.edges(scene)
        through = self._exchanges({edge.near for edge in edges})
        sick = [edge for edge in edges if self.shows(through[edge.near]) or not through[edge.near].whole]
        return "; ".join(f"{edge} still shows it" for edge in sick)

    def _exchanges(self, ends: set[Address]) -> Mapping[Address, Exchange]:
        return at_once(lambda end: exchange(end, LOOK_SECONDS, self.padding_bytes), tuple(sorted(ends)))
