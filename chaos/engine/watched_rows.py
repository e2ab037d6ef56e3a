"""Turns what the store of a Prometheus holds into rows of the timeline: changes of alerts, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from prowl.fixtures.monitoring import store
from prowl.fixtures.monitoring.server import HEARTBEAT, JOB, Prometheus
from prowl.fixtures.monitoring.store import RawSeries
from prowl.reports.watched import (
    AlertChange,
    AlertState,
    Lack,
    WatchedRule,
    change_row,
    lack_row,
    rule_row,
)

LATE = 1.6  # a sample that comes so many intervals after the one before: one in between is missing
BEFORE_SECONDS = 5.0


@dataclass(frozen=True)
class StoreClock:
    """Turns the store's time (seconds since 1970) into the timeline's."""

    offset: float

    def t(self, at: float) -> float:
        """Return the timeline's time."""
        return at - self.offset


def rows_of(
    server: Prometheus, rules: Sequence[WatchedRule], began: float, offset: float, end: float
) -> list[dict[str, Any]]:
    """Return the rows of one watch, from ``began`` to ``end`` in the timeline's time; MonitorError says why not."""
    seconds = end - began + BEFORE_SECONDS
    clock = StoreClock(offset)
    beats = store.samples(server.url, HEARTBEAT, seconds)
    times = [clock.t(at) for at, _value in beats[0].points] if beats else []
    states = store.samples(server.url, "ALERTS", seconds)
    ups = store.samples(server.url, f'up{{job="{JOB}"}}', seconds)
    pages = store.samples(server.url, "coc_block_height", seconds)
    evaluations = {rule.name: rule.evaluation_seconds for rule in rules}
    changes = changes_of(states, times, server.instances, clock, evaluations, end)
    lacks = lacks_of(ups, pages, times, server.instances, clock, server.pace.scrape_seconds, end)
    return [
        *(rule_row(rule) for rule in rules),
        *(change_row(change) for change in changes),
        *(lack_row(lack) for lack in lacks),
        {"t": round(end, 3), "watched": round(end - began, 3)},
    ]


def changes_of(
    states: Iterable[RawSeries],
    beats: Sequence[float],
    nodes: Mapping[str, str],
    clock: StoreClock,
    evaluations: Mapping[str, float],
    end: float,
) -> list[AlertChange]:
    """Return when each alert's state changed; ``evaluations`` are the seconds between two of them, by alert.

    ``beats`` are the evaluations that the store has of another group of rules. An alert is over where there are such
    and it has no sample; where there are none either, Prometheus was away, and the alert is what it was. So is one that
    fires after a hole though it would have to be pending first: a busy machine left out evaluations of its group.
    """
    seen: dict[tuple[str, str | None], list[tuple[float, AlertState]]] = {}
    for series in states:
        key = series.labels.get("alertname", ""), nodes.get(series.labels.get("instance", ""))
        state = AlertState(series.labels.get("alertstate", "pending"))
        if key[0] in evaluations:
            seen.setdefault(key, []).extend((clock.t(at), state) for at, _value in series.points)
    found: list[AlertChange] = []
    waiting = {
        name for (name, _node), points in seen.items() if any(state is AlertState.PENDING for _t, state in points)
    }
    for (name, node), points in seen.items():
        every = evaluations[name]
        ordered = sorted(points, key=lambda point: (point[0], point[1] is not AlertState.FIRING))
        last, before = AlertState.INACTIVE, ordered[0][0]
        for t, state in [*ordered, (end + 2 * every, AlertState.INACTIVE)]:
            if 0 < t - before < every / 10 or (t == before and last is not AlertState.INACTIVE):
                continue  # another series of the same node
            waits = name in waiting and state is AlertState.FIRING
            gone = None if waits else _gone(before, t, beats, every)
            if last is not AlertState.INACTIVE and gone is not None and gone <= end:
                found.append(AlertChange(gone, name, AlertState.INACTIVE, node))
                last = AlertState.INACTIVE
            if state is not last and t <= end:
                found.append(AlertChange(t, name, state, node))
                last = state
            before = t
    return sorted(found, key=lambda change: change.t)


def _gone(last: float, following: float, beats: Sequence[float], every: float) -> float | None:
    """Return when, between two samples of an alert, it was evaluated and did not hold."""
    between = (max(t, last + every) for t in beats if last + every / 2 < t < following - every / 2)
    return next(between, None) if following - last > LATE * every else None


def lacks_of(
    ups: Iterable[RawSeries],
    pages: Iterable[RawSeries],
    times: Sequence[float],
    nodes: Mapping[str, str],
    clock: StoreClock,
    scrape: float,
    end: float,
) -> list[Lack]:
    """Return what the store lacks: of each node its ``up`` and its page, and evaluations of rules."""
    found = [Lack(t, "evaluation", t - before) for before, t in _holes(times, scrape, end)]
    page_times = {_node(series, nodes): [clock.t(at) for at, _value in series.points] for series in pages}
    for series in ups:
        node = _node(series, nodes)
        points = [(clock.t(at), value) for at, value in series.points]
        found += [Lack(t, "up", t - before, node) for before, t in _holes([t for t, _value in points], scrape, end)]
        # A scrape that failed is a word about the node in ``up``, and none about its page.
        found += [Lack(t, "page", t - before, node) for before, t in _holes(page_times.get(node, []), scrape, end)]
    return found


def _node(series: RawSeries, nodes: Mapping[str, str]) -> str | None:
    return nodes.get(series.labels.get("instance", ""))


def _holes(times: Sequence[float], interval: float, end: float) -> Iterator[tuple[float, float]]:
    for before, t in pairwise([*times, end]):
        if t - before > LATE * interval:
            yield before, t
