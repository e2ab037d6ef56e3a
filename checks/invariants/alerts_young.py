"""Alerts, young: a rule with a range does not fire on a series that is younger than the range.

``delta`` and its like need two samples and no full range. So a node that was just started, or a Prometheus that has
just begun, may be an alert after two scrapes. It is judged apart, for it lies in the words of the manual's own rule.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.conditions import Fire, fires, nodes_of, rules_of, spells, young
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each rule with a range that fired on a young series."""
    return [row for rule in rules_of(timeline) if (row := _row(timeline, rule)) is not None]


def _row(timeline: Timeline, rule: WatchedRule) -> Judgement | None:
    fired = [fire for fire in fires(timeline, rule) if young(timeline, rule, fire)]
    early = [(fire, seconds) for fire in fired if (seconds := _held(timeline, rule, fire)) < rule.range_seconds]
    if not early:
        return None
    cases = [f"for {fire.node or 'the network'} at {fire.begin:.1f} s, after {young:.1f} s" for fire, young in early]
    observed = (
        f"{rule.name} fired {several(cases)} of standing still; its range is {rule.range_seconds:g} s, and was not full"
    )
    nodes = {fire.node for fire, _seconds in early}
    node = nodes.pop() if len(nodes) == 1 else None
    return INVARIANT.row(Verdict.BROKEN, early[0][0].begin, early[-1][0].end, observed, node)


def _held(timeline: Timeline, rule: WatchedRule, fire: Fire) -> float:
    """Return for how long, at most, its condition was seen to have held."""
    near = [
        fire.begin - spell.before
        for node in nodes_of(timeline, fire)
        for spell in spells(timeline, rule, node)
        if spell.before <= fire.begin <= spell.after + rule.clear_seconds + rule.slack_seconds
    ]
    return max(near, default=0.0)


INVARIANT = Invariant(
    "alerts-young", "An alert with a range does not fire on a series that is younger than its range.", look
)
