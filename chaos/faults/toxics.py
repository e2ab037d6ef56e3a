"""What the faults of a degraded network have in common: toxics on every edge from and to the nodes."""

from __future__ import annotations

from collections.abc import Mapping

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import Exchange, at_once, exchange, reach_trouble
from prowl.fixtures.clusters.addresses import Address
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.proxies.edges import Edge
from prowl.fixtures.proxies.wishes import Wish
from prowl.reports.events import Effects, Heal

LOOK_SECONDS = 3.0  # the longest that one probe through an edge listens


class Degraded:
    """Edges with toxics; the heal takes them away, by the ladder.

    A kind of it says which toxics, in which words, how an exchange through such an edge differs from a direct one, and
    whether its edges count as cut: else its nodes are hindered.
    """

    limit_seconds = 30.0
    needs: tuple[type, ...] = ()
    padding_bytes = 0
    cuts = False

    def words(self) -> str:
        """Return what is done, in words."""
        raise NotImplementedError

    def toxics(self) -> list[tuple[str, str, Mapping[str, int]]]:
        """Return kind, stream and attributes of each toxic."""
        raise NotImplementedError

    def shows(self, through: Exchange) -> bool:
        """Whether an exchange shows the effect."""
        raise NotImplementedError

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why there is no edge to degrade."""
        return None if spec.count > 1 else "a cluster of one node has no edges"

    def effects(self, scene: Scene) -> Effects:
        """Return that the edges are cut, or the nodes hindered."""
        kind, pairs = self.words(), self._pairs(scene)
        words = f"{kind} {' '.join(f'{one}>{other}' for one, other in pairs)}"
        cut, slow = (pairs, ()) if self.cuts else ((), scene.nodes)
        return Effects(kind, words, cut=cut, slow=slow, heal=Heal(f"no more {kind} on {' '.join(scene.nodes)}"))

    def _pairs(self, scene: Scene) -> tuple[tuple[str, str], ...]:
        names = scene.cluster.spec.names
        return tuple((one, other) for one in names for other in names if one != other and {one, other} & {*scene.nodes})

    def edges(self, scene: Scene) -> list[Edge]:
        """Return the edges from and to the nodes."""
        return [scene.cluster.edges.edge(*pair) for pair in self._pairs(scene)]

    def wish(self) -> Wish:
        """Return what it wishes of each edge."""
        return Wish(toxics=tuple(self.toxics()))

    def inject(self, scene: Scene) -> None:
        """Add the toxics."""
        scene.cluster.edges.impose(scene.number, self.edges(scene), self.wish())

    def effect_trouble(self, scene: Scene) -> str:
        """Look for an edge without the toxics, and for a fresh exchange that shows nothing, or that does so directly.

        An edge of which another fault wishes something, too, or whose target a fault holds down, is read back only.
        """
        edges = self._probed(scene)
        through = self._exchanges({edge.near for edge in edges})
        direct = self._exchanges({edge.far for edge in edges})
        troubles = [reach_trouble(scene, self.edges(scene), self.wish())]
        troubles += [f"{edge} shows nothing of it" for edge in edges if not self.shows(through[edge.near])]
        for edge in edges:
            straight = direct[edge.far]
            if self.shows(straight) or not straight.whole:
                troubles.append(f"{edge.target} is no better directly")
        return "; ".join(dict.fromkeys(trouble for trouble in troubles if trouble))

    def heal(self, scene: Scene) -> None:
        """Take its toxics from the edges."""
        sentence = scene.cluster.edges.release(scene.number, self.edges(scene))
        if sentence:
            scene.note(sentence)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for an edge that has its toxics, and for an exchange that shows them or is not whole."""
        edges = self._probed(scene)
        through = self._exchanges({edge.near for edge in edges})
        sick = [edge for edge in edges if self.shows(through[edge.near]) or not through[edge.near].whole]
        shown = "; ".join(f"{edge} still shows it" for edge in sick)
        return shown or reach_trouble(scene, self.edges(scene), None)

    def _probed(self, scene: Scene) -> list[Edge]:
        """Return the edges of which a probe tells: nobody else wishes anything of them, and their target is up."""
        down, slow = scene.holds.down(), scene.holds.slow(besides=scene.number)
        return [
            edge
            for edge in self.edges(scene)
            if edge.target not in down | slow and not scene.cluster.edges.wishes(edge, scene.number)
        ]

    def _exchanges(self, ends: set[Address]) -> Mapping[Address, Exchange]:
        return at_once(self.probe, tuple(sorted(ends)))

    def probe(self, end: Address) -> Exchange:
        """Ask once through an edge, or directly."""
        return exchange(end, LOOK_SECONDS, self.padding_bytes)
