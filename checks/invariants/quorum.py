"""Who can agree with whom, by stake and by the edges that are cut, and what the chain does then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

Edges = frozenset[tuple[str, str]]


class Course(StrEnum):
    """What a chain does with the validators that are left to it."""

    GOES_ON = "goes on"
    STANDS_STILL = "stands still"
    EITHER = "either"
    """A quorum is up and hears of itself, but not all of it reaches each other: whether it finalizes is open."""


def is_quorum(stake: int, total: int) -> bool:
    """Whether a stake decides: it is more than two thirds of the whole."""
    return 3 * stake > 2 * total


def holds_quorum(nodes: Iterable[str], stakes: Mapping[str, int]) -> bool:
    """Whether these nodes hold more than two thirds of the stake."""
    return is_quorum(sum(stakes.get(node, 0) for node in nodes), sum(stakes.values()))


def course(able: Iterable[str], possible: Iterable[str], cut: Edges, stakes: Mapping[str, int]) -> Course:
    """Return what the chain does: ``able`` nodes surely take part, ``possible`` ones may, as far as edges let them."""
    able = tuple(able)
    if holds_quorum(able, stakes) and holds_quorum(heaviest_clique(able, cut, stakes), stakes):
        return Course.GOES_ON
    if any(holds_quorum(group, stakes) for group in components(possible, cut)):
        return Course.EITHER
    return Course.STANDS_STILL


def components(nodes: Iterable[str], cut: Edges) -> list[frozenset[str]]:
    """Return the groups whose nodes may hear of one another, also through others, also one way only."""
    left = set(nodes)
    found = []
    while left:
        group, fresh = set[str](), {left.pop()}
        while fresh:
            group |= fresh
            fresh = {other for other in left if any(_open(cut, node, other) for node in fresh)}
            left -= fresh
        found.append(frozenset(group))
    return found


def heaviest_clique(nodes: Iterable[str], cut: Edges, stakes: Mapping[str, int]) -> frozenset[str]:
    """Return the nodes of the greatest stake that all reach each other, both ways.

    Nodes that nothing cuts from each other are tried together (Bron and Kerbosch with a pivot), so that a network
    that is split into groups takes a step a group.
    """
    every = frozenset(nodes)
    severed: dict[str, set[str]] = {node: set() for node in every}
    for one, other in cut:
        if one in every and other in every:
            severed[one].add(other)
            severed[other].add(one)
    free = frozenset(node for node in every if not severed[node])
    reach = {node: every - severed[node] - {node} for node in every}
    best = frozenset[str]()

    def weight(group: Iterable[str]) -> int:
        return sum(stakes.get(node, 0) for node in group)

    stack = [(frozenset[str](), every - free, frozenset[str]())]
    while stack:
        chosen, candidates, done = stack.pop()
        if not candidates and not done:
            best = max(best, chosen, key=weight)
            continue
        if not candidates:
            continue
        pivot = max(sorted(candidates | done), key=lambda node: len(candidates & reach[node]))
        for node in sorted(candidates - reach[pivot]):
            stack.append((chosen | {node}, candidates & reach[node], done & reach[node]))
            candidates -= {node}
            done |= {node}
    return best | free


def _open(cut: Edges, one: str, other: str) -> bool:
    return (one, other) not in cut or (other, one) not in cut
