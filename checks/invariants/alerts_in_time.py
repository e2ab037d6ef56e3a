"""Alerts, in time: a condition that lasts is an alert by the floor that its times imply, and two scrapes.

The floor counts scrape and evaluation interval, range and ``for`` (:class:`prowl.reports.watched.WatchedRule`). Where
the store lacks a scrape or an evaluation of that time, how late it is can't be known.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict, worst
from prowl.checks.invariants.conditions import Fire, Spell, fires, needs_of, rules_of, spells
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each alert whose condition lasted long enough."""
    return [row for rule in rules_of(timeline) if (row := _row(timeline, rule)) is not None]


def _row(timeline: Timeline, rule: WatchedRule) -> Judgement | None:
    fired = fires(timeline, rule)
    found = [
        (*judged, spell)
        for node in timeline.nodes
        for spell in spells(timeline, rule, node)
        if (judged := _judged(timeline, rule, spell, fired)) is not None
    ]
    if not found:
        return None
    verdict = worst(row[0] for row in found)
    chosen = [row for row in found if row[0] is verdict]
    observed = f"{rule.name}: {several([row[1] for row in chosen])}; {_floor(rule)}"
    nodes = {row[2].node for row in chosen}
    first = min(chosen, key=lambda row: row[2].begin)[2]
    return INVARIANT.row(verdict, first.begin, first.end, observed, nodes.pop() if len(nodes) == 1 else None)


def _floor(rule: WatchedRule) -> str:
    scaled = f", all divided by {rule.scale:g}" if rule.scale != 1 else ""
    return f"the floor is {rule.floor_seconds:.1f} s{scaled}"


def _judged(timeline: Timeline, rule: WatchedRule, spell: Spell, fired: list[Fire]) -> tuple[Verdict, str] | None:
    due = spell.begin + rule.floor_seconds + rule.slack_seconds
    first = next((fire for fire in fired if fire.node in (None, spell.node) and fire.end > spell.begin), None)
    if first is not None and first.begin < spell.before:
        return None  # it fires for an earlier one, and has no reason to stop
    if first is not None and first.begin <= min(due, spell.after + rule.clear_seconds):
        late = max(0.0, first.begin - spell.begin)
        return Verdict.HELD, f"{spell.node} {late:.1f} s after its condition began at {spell.begin:.1f} s"
    if spell.end <= due:
        return None
    came = first is not None and first.begin <= spell.after + rule.clear_seconds
    until = first.begin if first is not None and came else spell.end
    when = f"{until - spell.begin:.1f} s after" if came else f"never, in {spell.seconds:.1f} s of"
    observed = f"{spell.node} {when}"
    lacks = timeline.watched.lacking(needs_of(rule), spell.node, spell.begin, until)
    observed += f" its condition, which began at {spell.begin:.1f} s"
    if lacks:
        return Verdict.UNKNOWN, f"{observed}; the store lacks {len(lacks)} scrapes or evaluations of that time"
    starved = timeline.starved_seconds(spell.begin, until)
    if starved and until - starved <= due:
        return Verdict.UNKNOWN, f"{observed}; the recorder was starved for {starved:.1f} s of it"
    return Verdict.BROKEN, observed


INVARIANT = Invariant(
    "alerts-in-time",
    "An alert fires by the floor of its rule's times and two scrapes after its condition began.",
    look,
)
