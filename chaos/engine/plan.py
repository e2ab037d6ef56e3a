"""The plan: what a run would do to whom, for how long, and what it would expect; nothing is touched, asked or started.

A plan holds no port, time of day or height, and lengths of time as the network counts them: the same seed gives the
same plan, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prowl.chaos.engine.refusals import not_asked, obstacle
from prowl.chaos.engine.runner import GATE_BLOCKS
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.stage import Outline
from prowl.chaos.engine.steps import Recover, plan_all
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.deadlines import REJOIN_WORDS, SIGNAL_WORDS


def lines(
    run: Mapping[str, str], looks: Sequence[tuple[str, str, str]], scenarios: Iterable[Scenario], base: ClusterSpec
) -> list[str]:
    """Return the plan's lines.

    ``run`` is what comes first (seed, commit, ...); ``looks`` are item, node (or "") and promise of each check.
    """
    rows = [f"{name:<9} {value}" for name, value in run.items()]
    if looks:
        rows += ["", "Looked at in one survey, which changes nothing:"]
        promises: dict[tuple[str, str], list[str]] = {}
        for item, node, promise in looks:
            promises.setdefault((item, promise), []).append(node)
        for (item, promise), nodes in promises.items():
            whose = ", ".join(filter(None, nodes))
            rows.append(f"  {item}{f' on {whose}' if whose else ''}: {promise}")
    for scenario in scenarios:
        rows += ["", *_scenario(scenario, base, int(run["seed"]))]
    return rows


def _scenario(scenario: Scenario, base: ClusterSpec, seed: int) -> list[str]:
    spec = scenario.shape.spec(base)
    where = f"a cluster of {spec.count} nodes that this run starts; each directed edge has a proxy of its own"
    kind = "" if scenario.shape.bft else "; longest chain, no finality"
    load = "seeded transfers, counted at the sender and found again in blocks" if scenario.load else "none"
    reason = not_asked(scenario, base) or obstacle(scenario, base)
    rows = [
        f"where     {where}{kind}",
        f"gate      every node answers, is healthy and linked to all others, and {GATE_BLOCKS} blocks have come",
        f"load      {load}",
        *([f"UNAVAILABLE here, so its verdict would be unknown: {reason}"] if reason else []),
        *plan_all(Outline(spec, seed, scenario.name), scenario.steps),
    ]
    if not isinstance(scenario.steps[-1], Recover) and not scenario.breaks:
        rows.append(f"recovery  within {REJOIN_WORDS}")
    rows.append(f"signals   {SIGNAL_WORDS} and one block interval for what the nodes say")
    rows.append(f"expected  {scenario.expected}")
    return [f"{scenario.name} ({scenario.item}): {scenario.why}", *(f"  {line}" for line in rows)]
