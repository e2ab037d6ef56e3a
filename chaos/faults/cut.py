"""Cuts of directed edges: any shape, by refusing or by a black hole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prowl.chaos.engine.leak_probe import leaks
from prowl.chaos.engine.probes import Reach, reach_trouble
from prowl.chaos.engine.scenario import Scene
from prowl.fixtures.clusters.cluster import EmbeddedCluster
from prowl.fixtures.proxies.edges import Edge

STREAMS = ("upstream", "downstream")


class Mode(StrEnum):
    """How a cut edge fails.

    *Refuse*: the proxy is closed; connections that it carried are dropped, new ones refused at once. *Black hole*: TCP
    connects, for the proxy itself is there, but no byte gets through any connection, old or new, in either direction,
    and none is closed. (To swallow the handshake, too, takes a packet filter, which proxies on loopback are not.)
    """

    REFUSE = "refuse"
    BLACK_HOLE = "black hole"


Shape = Callable[[Scene], tuple[str, frozenset[tuple[str, str]]]]
"""Returns the timeline's words and the directed pairs of nodes to cut."""


def split(scene: Scene) -> tuple[str, frozenset[tuple[str, str]]]:
    """Part the nodes from all others, both ways."""
    return _partition([scene.nodes, scene.others])


def isolate(scene: Scene) -> tuple[str, frozenset[tuple[str, str]]]:
    """Part each of the nodes from every other."""
    return _partition([*((name,) for name in scene.nodes), *([scene.others] if scene.others else [])])


def groups(*sides: Sequence[str]) -> Shape:
    """Part these groups from each other; a node in none of them stays connected to all."""
    return lambda _scene: _partition(sides)


def bridge(scene: Scene) -> tuple[str, frozenset[tuple[str, str]]]:
    """Part the others into two halves that are connected by the nodes only."""
    middle = len(scene.others) // 2
    return _partition([scene.others[:middle], scene.others[middle:]])


def one_way(scene: Scene) -> tuple[str, frozenset[tuple[str, str]]]:
    """Lose what the nodes send to the others; what the others send arrives."""
    return _cut({(one, other) for one in scene.nodes for other in scene.others})


def ring(scene: Scene) -> tuple[str, frozenset[tuple[str, str]]]:
    """Leave each of the nodes its two neighbours, in the order in which they are named."""
    count = len(scene.nodes)
    return _cut(
        {
            (one, other)
            for here, one in enumerate(scene.nodes)
            for there, other in enumerate(scene.nodes)
            if (here - there) % count not in {0, 1, count - 1}
        }
    )


def _partition(sides: Sequence[Sequence[str]]) -> tuple[str, frozenset[tuple[str, str]]]:
    members = [name for side in sides for name in side]
    if len(sides) < 2 or not all(sides) or len(set(members)) < len(members):
        told = " | ".join(" ".join(side) or "nobody" for side in sides)
        raise ValueError(f"A partition has two or more groups, none empty and no node in two, not {told}.")
    return f"partition {' | '.join(' '.join(side) for side in sides)}", frozenset(
        (one, other) for side in sides for beyond in sides if beyond is not side for one in side for other in beyond
    )


def _cut(pairs: set[tuple[str, str]]) -> tuple[str, frozenset[tuple[str, str]]]:
    if not pairs:
        raise ValueError("This cut cuts no edge: it needs nodes on both sides, and a ring at least four.")
    return f"cut {' '.join(f'{one}>{other}' for one, other in sorted(pairs))}", frozenset(pairs)


@dataclass(frozen=True)
class Cut:
    """Cuts the edges of a shape; the heal lets everything through them again."""

    shape: Shape = split
    mode: Mode = Mode.REFUSE
    limit_seconds: float = 30.0

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:
        """Return why there is no edge to cut."""
        return None if cluster.spec.count > 1 else "a cluster of one node has no edges"

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words."""
        words, _pairs = self.shape(scene)
        return f"{words} : {self.mode}" if words.startswith("partition") else words, "heal"

    def edges(self, scene: Scene) -> list[Edge]:
        """Return the edges that it cuts."""
        _words, pairs = self.shape(scene)
        return [scene.cluster.edges.edge(*pair) for pair in sorted(pairs)]

    def inject(self, scene: Scene) -> None:
        """Cut them."""
        edges = self.edges(scene)
        if self.mode is Mode.REFUSE:
            scene.cluster.edges.cut(edges)
            return
        rows = [(edge.name, "timeout", stream, {"timeout": 0}) for edge in edges for stream in STREAMS]
        scene.cluster.edges.client.add_toxics(rows)

    def missing(self, scene: Scene) -> str:
        """Proven by a fresh probe through each edge, and by the socket table: no node goes around its proxies.

        The edges that are not cut still answer; a black hole stands in both directions, read back from the server.
        """
        edges = self.edges(scene)
        others = [edge for edge in scene.cluster.edges.edges if edge not in edges]
        wanted = Reach.REFUSED if self.mode is Mode.REFUSE else Reach.SILENT
        troubles = [reach_trouble(edges, wanted), reach_trouble(others, Reach.ANSWERS), "; ".join(leaks(scene.cluster))]
        if self.mode is Mode.BLACK_HOLE:
            states = scene.cluster.edges.client.states()
            half = [
                edge for edge in edges if {toxic.stream for toxic in states[edge.name].toxics.values()} < {*STREAMS}
            ]
            troubles += [f"{edge} is no black hole in both directions" for edge in half]
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """Restore them, by the ladder."""
        told = scene.cluster.edges.restore(self.edges(scene))
        if told:
            scene.note(told)

    def left(self, scene: Scene) -> str:
        """Proven by a fresh probe through each edge."""
        return reach_trouble(self.edges(scene), Reach.ANSWERS)
