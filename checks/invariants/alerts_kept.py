"""Alerts, kept: no critical alert is lost for want of data, as long as its condition lasts somewhere.

Scrapes may be missing, an instance may vanish, Prometheus may have been away: within twice the floor after that the
alert fires, for whatever node, and goes on. Time without any evaluation does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.conditions import Fire, Spell, fires, rules_of, spells
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule

CRITICAL = "critical"
FLOORS = 2


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each critical alert whose condition lasted long enough."""
    rules = [rule for rule in rules_of(timeline) if rule.severity == CRITICAL]
    return [row for rule in rules if (row := _row(timeline, rule)) is not None]


def _row(timeline: Timeline, rule: WatchedRule) -> Judgement | None:
    fired = fires(timeline, rule)
    due = [
        (spell, begin)
        for node in timeline.nodes
        for spell in spells(timeline, rule, node)
        if (begin := _due(timeline, rule, spell, fired)) < spell.end
    ]
    if not due:
        return None
    lost = [row for spell, begin in due for row in _lost(timeline, rule, spell, begin, fired)]
    first = min(spell.begin for spell, _begin in due)
    end = max(spell.end for spell, _begin in due)
    if lost:
        return INVARIANT.row(Verdict.BROKEN, first, end, f"{rule.name}: {several(lost)}")
    return INVARIANT.row(Verdict.HELD, first, end, f"{rule.name} fired as long as its condition lasted")


def _away(timeline: Timeline, begin: float, end: float) -> float:
    """Return for how long nothing was evaluated."""
    lacks = timeline.watched.lacking(("evaluation",), None, begin, end)
    return sum(min(lack.t, end) - max(lack.begin, begin) for lack in lacks)


def _due(timeline: Timeline, rule: WatchedRule, spell: Spell, fired: list[Fire]) -> float:
    """Return from when on something must fire: from when it first did, or after twice the floor.

    What fires for another node need not for this one, before its own condition has lasted as long as is promised.
    """
    begin = spell.begin + FLOORS * rule.floor_seconds + rule.slack_seconds
    begin += _away(timeline, spell.begin, begin)
    lasted = spell.begin + rule.for_seconds + rule.range_seconds
    did = (max(fire.begin, lasted) for fire in fired if fire.end > spell.begin)
    return min(begin, next(did, begin))


def _lost(timeline: Timeline, rule: WatchedRule, spell: Spell, begin: float, fired: list[Fire]) -> Iterator[str]:
    """Yield each time in which no alert of the name fired though one was due."""
    at = begin
    ends = [(fire.begin, fire.end) for fire in fired if fire.end > begin and fire.begin < spell.end]
    for start, end in [*sorted(ends), (spell.end, spell.end)]:
        away = _away(timeline, at, start)
        allowed = rule.clear_seconds + rule.slack_seconds + (away + rule.floor_seconds if away else 0.0)
        if start - at > allowed:
            since = spell.begin
            yield (
                f"nothing fired from {at:.1f} to {start:.1f} s, though its condition held on {spell.node} since "
                f"{since:.1f} s"
            )
        at = max(at, end)


INVARIANT = Invariant(
    "alerts-kept",
    "A critical alert fires for some node as long as its condition lasts, whatever data is missing.",
    look,
)
