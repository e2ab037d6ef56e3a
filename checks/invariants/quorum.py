"""Who can agree with whom: components and cliques of the nodes that are up, given the edges that are cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Edges = frozenset[tuple[str, str]]


def components(nodes: Iterable[str], cut: Edges) -> list[frozenset[str]]:
    """Return the groups whose nodes may hear of one another, be it through others or one way only."""
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
