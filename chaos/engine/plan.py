"""The plan: what a run would do to whom, for how long, and what it would expect; nothing is touched, asked or started.

A plan holds no port, time of day or height, and lengths of time as the network counts them: the same seed gives the
same plan, byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prowl.chaos.engine.scenario import Scenario, Scene
from prowl.chaos.engine.targets import Words
from prowl.fixtures.clusters.cluster import ClusterSpec, EmbeddedCluster
from prowl.fixtures.clusters.spec import STAKE
from prowl.fixtures.deadlines import PAUSE_WORDS, REJOIN_WORDS, SIGNAL_WORDS
from prowl.fixtures.proxies.edges import Edge, Edges

NOWHERE = Path("/nonexistent/prowl-plan")
GATE_BLOCKS = 5


def streams(seed: int, name: str) -> tuple[random.Random, random.Random]:
    """Return a scenario's chance in a run: of whom it is for, and of its load; one does not depend on the other."""
    return random.Random(f"{seed}/{name}/target"), random.Random(f"{seed}/{name}/load")


def stakes_of(spec: ClusterSpec) -> dict[str, int]:
    """Return the stake of each node that a cluster will have, by name."""
    return {name: spec.stakes.get(name, STAKE) for name in spec.names}


def paper(spec: ClusterSpec) -> EmbeddedCluster:
    """Return a cluster that is never started, to ask faults about: its nodes' names, and edges without ports."""
    cluster = EmbeddedCluster(spec, NOWHERE)
    cluster.edges = Edges([Edge(one, other, 0, 0) for one in spec.names for other in spec.names if one != other])
    return cluster


def unavailable(scenario: Scenario, spec: ClusterSpec) -> str | None:
    """Return why a scenario's fault can't be done to such a cluster on this machine, or None."""
    return scenario.fault.unavailable(paper(spec))


def lines(
    run: Mapping[str, str], looks: Sequence[tuple[str, str, str]], scenarios: Iterable[Scenario], spec: ClusterSpec
) -> list[str]:
    """Return the plan's lines.

    ``run`` is what comes first (seed, commit, ...); ``looks`` are item, node (or "") and promise of each check.
    """
    told = [f"{name:<9} {value}" for name, value in run.items()]
    if looks:
        told += ["", "Looked at in one survey, which changes nothing:"]
        promises: dict[tuple[str, str], list[str]] = {}
        for item, node, promise in looks:
            promises.setdefault((item, promise), []).append(node)
        for (item, promise), nodes in promises.items():
            whose = ", ".join(filter(None, nodes))
            told.append(f"  {item}{f' on {whose}' if whose else ''}: {promise}")
    for scenario in scenarios:
        told += ["", *_scenario(scenario, spec, int(run["seed"]))]
    return told


def _scenario(scenario: Scenario, spec: ClusterSpec, seed: int) -> list[str]:
    whom, nodes = _whom(scenario.target, spec, streams(seed, scenario.name)[0])
    down, up = _fault_words(scenario, spec, nodes, whom)
    reason = unavailable(scenario, spec)
    rows = [
        ("where", f"a cluster of {spec.count} nodes that this run starts; each directed edge has a proxy of its own"),
        ("gate", f"every node answers, is healthy and linked to all others, and {GATE_BLOCKS} blocks have come"),
        ("load", "seeded transfers, counted at the sender and found again in blocks"),
        ("whom", whom),
        ("fault", down if reason is None else f"{down}; UNAVAILABLE here, so its verdict would be unknown: {reason}"),
        ("hold", PAUSE_WORDS),
        ("heal", up),
        ("recovery", f"within {REJOIN_WORDS}; then {SIGNAL_WORDS} and one block interval for what the nodes say"),
        ("expected", scenario.expected),
    ]
    head = f"{scenario.name} ({scenario.item}): {scenario.why}"
    return [head, *(f"  {name:<9} {text}" for name, text in rows)]


def _whom(target: Words, spec: ClusterSpec, chance: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return a target in words, and its nodes; none where they are known only at a height."""
    word = getattr(target, "__name__", type(target).__name__).removesuffix("_nodes").replace("_", "-")
    try:
        nodes = target(stakes_of(spec), chance)
    except ValueError as error:
        return f"{word}: {error}", ()
    told = ", ".join(nodes)
    return (word if word == told else f"{word}: {told}"), nodes


def _fault_words(scenario: Scenario, spec: ClusterSpec, nodes: tuple[str, ...], whom: str) -> tuple[str, str]:
    """Return the timeline's words for injection and heal; in general ones where the nodes are not known yet."""
    name = type(scenario.fault).__name__
    if not nodes:
        return f"{name} of {whom.partition(':')[0]}", f"{name} undone"
    try:
        return scenario.fault.events(Scene(paper(spec), nodes))
    except ValueError as error:
        return f"{name}, which can't be: {error}", "nothing"
