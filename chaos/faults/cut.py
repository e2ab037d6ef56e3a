"""Cuts of directed edges: any shape, by refusing or by a black hole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.leak_probe import leaks
from prowl.chaos.engine.probes import reach_trouble
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.proxies.edges import Edge
from prowl.fixtures.proxies.wishes import REFUSE, SILENCE, Wish
from prowl.reports.events import Effects, Heal


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
        listed = " | ".join(" ".join(side) or "nobody" for side in sides)
        raise ValueError(f"A partition has two or more groups, none empty and no node in two, not {listed}.")
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
    needs: ClassVar[tuple[type, ...]] = ()

    @property
    def wish(self) -> Wish:
        """Return what it wishes of each edge."""
        return REFUSE if self.mode is Mode.REFUSE else SILENCE

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why there is no edge to cut."""
        return None if spec.count > 1 else "a cluster of one node has no edges"

    def effects(self, scene: Scene) -> Effects:
        """Return that the edges are cut."""
        words, pairs = self.shape(scene)
        return Effects("cut", f"{words} : {self.mode}", cut=tuple(sorted(pairs)), heal=Heal(f"heal of: {words}"))

    def edges(self, scene: Scene) -> list[Edge]:
        """Return the edges that it cuts."""
        _words, pairs = self.shape(scene)
        return [scene.cluster.edges.edge(*pair) for pair in sorted(pairs)]

    def inject(self, scene: Scene) -> None:
        """Cut them."""
        scene.cluster.edges.impose(scene.number, self.edges(scene), self.wish)

    def effect_trouble(self, scene: Scene) -> str:
        """Look for an edge that is not cut, by a probe and read back, and for a node that goes around its proxies.

        The edges that nobody cuts still answer: those of which no fault wishes anything.
        """
        edges = self.edges(scene)
        beside = [edge for edge in scene.cluster.edges.edges if edge not in edges]
        free = [edge for edge in beside if not scene.cluster.edges.wishes(edge)]
        troubles = (reach_trouble(scene, edges, self.wish), reach_trouble(scene, free, None), *leaks(scene.cluster))
        return "; ".join(trouble for trouble in troubles if trouble)

    def heal(self, scene: Scene) -> None:
        """Let everything through them that no other fault keeps back, by the ladder."""
        sentence = scene.cluster.edges.release(scene.number, self.edges(scene))
        if sentence:
            scene.note(sentence)

    def heal_trouble(self, scene: Scene) -> str:
        """Look for an edge that does not let through what no other fault keeps back."""
        return reach_trouble(scene, self.edges(scene), None)
