"""Alerts, caused: no alert fires where its condition did not hold at the node, nor before it has held long enough.

A range that is not full yet is judged apart (``alerts-young``): two scrapes of a series are enough for ``delta``.

So it is silent in health and under every fault but its own. A condition has held long enough after the ``for`` and the
range of the manual; a scrape less, for the newest value that differed may be nearly a scrape old.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict, worst
from prowl.checks.invariants.conditions import Fire, fires, needs_of, nodes_of, rules_of, shown, spells, young
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each alert that was watched."""
    return [_row(timeline, rule) for rule in rules_of(timeline)]


def _row(timeline: Timeline, rule: WatchedRule) -> Judgement:
    watched = timeline.watched
    fired = fires(timeline, rule)
    old = [fire for fire in fired if not young(timeline, rule, fire)]
    found = [(*judged, fire) for fire in old if (judged := _judged(timeline, rule, fire)) is not None]
    if not found:
        names = ", ".join(dict.fromkeys(fire.node or "the network" for fire in fired))
        observed = f"{rule.name} fired for {names}, each with its condition" if fired else f"{rule.name} was silent"
        return INVARIANT.row(Verdict.HELD, watched.begin, watched.end, observed)
    verdict = worst(row[0] for row in found)
    chosen = [row for row in found if row[0] is verdict]
    nodes = {row[2].node for row in chosen}
    node = nodes.pop() if len(nodes) == 1 else None
    observed = f"{rule.name}: {several([row[1] for row in chosen])}"
    return INVARIANT.row(verdict, chosen[0][2].begin, chosen[0][2].end, observed, node)


def _judged(timeline: Timeline, rule: WatchedRule, fire: Fire) -> tuple[Verdict, str] | None:
    """Return what is wrong with one firing; None if it has its cause."""
    lasted = rule.for_seconds + rule.range_seconds
    seen_at = fire.begin - rule.clear_seconds - rule.slack_seconds
    near = [spell for node in nodes_of(timeline, fire) for spell in spells(timeline, rule, node, doubtful=True)]
    near = [spell for spell in near if spell.before <= fire.begin and (spell.open or spell.after >= seen_at)]
    if any(spell.before <= fire.begin - lasted + rule.slack_seconds for spell in near):
        return None
    whom = fire.node or "the network"
    since = f"fired for {whom} at {fire.begin:.1f} s"
    if not shown(timeline, rule, fire.node, fire.begin - lasted - rule.slack_seconds, fire.begin):
        return Verdict.UNKNOWN, f"{since}, and the node showed nothing by which its condition could be judged"
    lacks = timeline.watched.lacking(needs_of(rule), fire.node, fire.begin - lasted - rule.slack_seconds, fire.begin)
    if lacks:
        return Verdict.UNKNOWN, f"{since}, and the store lacks {len(lacks)} scrapes or evaluations of that time"
    if not near:
        return Verdict.BROKEN, f"{since}, and its condition did not hold there"
    held = max(fire.begin - spell.before for spell in near)
    return Verdict.BROKEN, f"{since}, {held:.1f} s after its condition began at the earliest, of {lasted:.1f} s"


INVARIANT = Invariant(
    "alerts-caused",
    "An alert fires only where its condition has held at the node as long as the manual says.",
    look,
)
