"""Alerts, clear: an alert is over a scrape and an evaluation after its condition, and two scrapes; none stays.

A range still holds what a node showed that is gone: then it may stay for the range, too.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict, worst
from prowl.checks.invariants.conditions import Fire, fires, needs_of, nodes_of, rules_of, spells
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each alert that fired and whose condition ended."""
    return [row for rule in rules_of(timeline) if (row := _row(timeline, rule)) is not None]


def _row(timeline: Timeline, rule: WatchedRule) -> Judgement | None:
    found = [(*judged, fire) for fire in fires(timeline, rule) if (judged := _judged(timeline, rule, fire)) is not None]
    if not found:
        return None
    verdict = worst(row[0] for row in found)
    chosen = [row for row in found if row[0] is verdict]
    nodes = {row[2].node for row in chosen}
    node = nodes.pop() if len(nodes) == 1 else None
    late = several([row[1] for row in chosen])
    observed = f"{rule.name}: {late}; at most {rule.clear_seconds:.1f} s if nothing is late"
    return INVARIANT.row(verdict, chosen[0][2].begin, chosen[0][2].end, observed, node)


def _judged(timeline: Timeline, rule: WatchedRule, fire: Fire) -> tuple[Verdict, str] | None:
    near = [
        spell
        for node in nodes_of(timeline, fire)
        for spell in spells(timeline, rule, node)
        if spell.before <= fire.end
        and spell.after >= fire.begin - rule.clear_seconds - rule.slack_seconds
        and spell.seconds >= rule.range_seconds / 2
    ]
    if not near or any(spell.open for spell in near):
        return None
    last = max(near, key=lambda spell: spell.after)
    allowed = rule.clear_seconds + rule.slack_seconds + (rule.range_seconds if last.lost else 0.0)
    late = fire.end - last.after
    whom = fire.node or "the network"
    if late <= allowed:
        return None if fire.open else (Verdict.HELD, f"{whom} {max(0.0, late):.1f} s after its condition")
    observed = f"{whom} {'not yet ' if fire.open else ''}{late:.1f} s after its condition ended at {last.after:.1f} s"
    if last.lost and not rule.range_seconds:
        return Verdict.UNKNOWN, f"{observed}, when the node showed nothing any more"
    if timeline.watched.lacking(needs_of(rule), last.node, last.after, fire.end):
        return Verdict.UNKNOWN, f"{observed}; the store lacks scrapes or evaluations of that time"
    return Verdict.BROKEN, observed


INVARIANT = Invariant(
    "alerts-clear", "An alert is over a scrape and an evaluation, and two scrapes, after its condition ended.", look
)
