"""How long alerts took: when a condition began, when its alert fired, when both were over, beside the floor. Pure.

A figure is only given where both ends were seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prowl.checks.invariants.conditions import fires, nodes_of, rules_of, spells
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule


@dataclass(frozen=True)
class AlertLatency:
    """One firing of an alert for a node: seconds of the timeline, None for what was not seen."""

    rule: WatchedRule
    node: str
    began: float
    fired: float
    over: float | None
    cleared: float | None

    @property
    def fired_seconds(self) -> float:
        """Return how long after its condition it fired; below 0 it was seen by Prometheus before it was by us."""
        return self.fired - self.began

    @property
    def cleared_seconds(self) -> float | None:
        """Return how long after its condition it was over."""
        return None if self.over is None or self.cleared is None else self.cleared - self.over


def latencies(timeline: Timeline) -> Iterator[AlertLatency]:
    """Yield each firing whose condition was seen."""
    for rule in rules_of(timeline):
        for fire in fires(timeline, rule):
            near = [
                spell
                for node in nodes_of(timeline, fire)
                for spell in spells(timeline, rule, node)
                if spell.before <= fire.begin <= spell.after + rule.clear_seconds
            ]
            if near:
                first, last = min(near, key=lambda spell: spell.begin), max(near, key=lambda spell: spell.after)
                over = None if last.open or last.lost else last.after
                cleared = None if fire.open else fire.end
                yield AlertLatency(rule, fire.node or last.node, first.begin, fire.begin, over, cleared)


def figures(timeline: Timeline) -> dict[str, float]:
    """Return the longest times of each alert, in seconds, each beside its floor."""
    found: dict[str, float] = {}
    for each in latencies(timeline):
        name = each.rule.promise.rpartition("/")[2].replace("-", "_")
        measured = {"fired": each.fired_seconds, "cleared": each.cleared_seconds}
        floors = {"fired": each.rule.floor_seconds, "cleared": each.rule.clear_seconds}
        for what, seconds in measured.items():
            key = f"{name}_{what}_seconds"
            if seconds is not None and seconds > found.get(key, float("-inf")):
                found[key] = round(seconds, 3)
                found[f"{name}_{what}_floor_seconds"] = round(floors[what], 3)
    return found


def lines(timeline: Timeline) -> list[str]:
    """Return a line for each firing, for people."""
    rows = []
    for each in latencies(timeline):
        rule, cleared = each.rule, each.cleared_seconds
        over = "its end was not seen"
        if cleared is not None and cleared < -rule.slack_seconds:
            over = f"lost {-cleared:.1f} s before its condition was over"
        elif cleared is not None:
            over = f"over {max(0.0, cleared):.1f} s after it (floor {rule.clear_seconds:g} s)"
        fired = f"fired {max(0.0, each.fired_seconds):.1f} s after its condition (floor {rule.floor_seconds:g} s)"
        scaled = f"; divided by {rule.scale:g}" if rule.scale != 1 else ""
        rows.append(f"{rule.name:<20} {each.node:<8} since {each.began:7.1f} s: {fired}, {over}{scaled}")
    return rows
