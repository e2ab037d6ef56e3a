"""When the condition of an alert held at a node, by what the node itself showed: the truth beside what an alert says.

A condition is only believed where the node showed a value. Where it did not answer, no condition of a value holds, for
a Prometheus has none either; that it does not answer is the condition of one alert alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from prowl.checks.invariants.history import number
from prowl.reports.timeline import Sample, Timeline
from prowl.reports.watched import AlertState, WatchedRule

PAGE = ("block_height", "consensus_state", "peers_connected", "process_memory_bytes")
HEIGHT = "block_height"
SLOW_SHARE = 0.4  # of a scrape's time-out, which is its interval; what takes longer may take longer than that just then


@dataclass(frozen=True)
class Spell:
    """A condition held at a node from ``begin`` to ``end`` seconds, by the first and the last sample that showed it.

    ``before`` and ``after`` are the samples around it, which did not; the truth changed somewhere in between.
    ``open``: it still held when the recording ended. ``lost``: it ended because the node answered no more.
    """

    node: str
    begin: float
    end: float
    before: float
    after: float
    open: bool = False
    lost: bool = False

    @property
    def seconds(self) -> float:
        """Return for how long it surely held."""
        return self.end - self.begin


@dataclass(frozen=True)
class Fire:
    """An alert fired for a node (None: for no single one) from ``begin`` to ``end`` seconds; pending since then."""

    node: str | None
    pending: float
    begin: float
    end: float
    open: bool = False


Shows = Callable[[Sample, WatchedRule], bool | None]


def _down(sample: Sample, rule: WatchedRule) -> bool | None:
    """A page that takes longer than a scrape may counts as no page; one that takes nearly as long may be one or not."""
    if not sample.answered:
        return True
    slowest = (number(sample.values.get("page_ms")) or 0.0) / 1000
    if slowest > rule.scrape_seconds:
        return True
    page = any(name in sample.values for name in PAGE)
    return False if page and slowest <= SLOW_SHARE * rule.scrape_seconds else None


def _state(sample: Sample, _rule: WatchedRule) -> bool | None:
    state = number(sample.values.get("consensus_state"))
    return None if state is None else state > 0


def _memory(sample: Sample, rule: WatchedRule) -> bool | None:
    memory = number(sample.values.get("process_memory_bytes"))
    return None if memory is None else memory > rule.limit


def _peers(sample: Sample, rule: WatchedRule) -> bool | None:
    peers = number(sample.values.get("peers_connected"))
    return None if peers is None else peers < rule.limit


SHOWS: dict[str, Shows] = {
    "alerts/node-down": _down,
    "alerts/consensus-degraded": _state,
    "alerts/high-memory": _memory,
    "alerts/low-peers": _peers,
}
BLOCKS = "alerts/no-new-blocks"
DOWN = "alerts/node-down"
STATE = "alerts/consensus-degraded"
JUDGED = (*SHOWS, BLOCKS)


def shown(timeline: Timeline, rule: WatchedRule, node: str | None, begin: float, end: float) -> bool:
    """Whether a node (None: every one) showed between two times if the condition holds."""
    nodes = timeline.nodes if node is None else (node,)
    shows = SHOWS.get(rule.promise, _height)
    return all(
        any(shows(sample, rule) is not None for sample in timeline.of(each) if begin <= sample.t <= end)
        for each in nodes
    )


def _height(sample: Sample, _rule: WatchedRule) -> bool | None:
    return None if number(sample.values.get(HEIGHT)) is None else False


def nodes_of(timeline: Timeline, fire: Fire) -> tuple[str, ...]:
    """Return the nodes that an alert is about: all, where it names none."""
    return timeline.nodes if fire.node is None else (fire.node,)


def spells(timeline: Timeline, rule: WatchedRule, node: str, *, doubtful: bool = False) -> list[Spell]:
    """Return when a rule's condition held at a node, while a Prometheus watched.

    ``doubtful``: or may have, for all that a Prometheus can see: a node's page may be one or not, and what did not hold
    for less than a scrape may lie between two of them.
    """
    watched = timeline.watched
    samples = [sample for sample in timeline.of(node) if watched.begin <= sample.t <= watched.end]
    if rule.promise == BLOCKS:
        return _still(node, samples, rule.scrape_seconds)
    shows = SHOWS[rule.promise]
    points = [(sample.t, shows(sample, rule)) for sample in samples]
    if doubtful and rule.promise == DOWN:
        points = [(t, True if holds is None else holds) for t, holds in points]
    found = _runs(node, points, rule.scrape_seconds)
    return _bridged(found, rule.scrape_seconds) if doubtful else found


def _runs(node: str, points: list[tuple[float, bool | None]], patience: float) -> list[Spell]:
    """Return the runs of samples that show it; samples without an answer do not end a run within a scrape."""
    found: list[Spell] = []
    since: float | None = None
    before = last = points[0][0] if points else 0.0
    doubt: float | None = None  # since when nothing was shown
    for t, holds in points:
        if holds:
            since, last, doubt = (t if since is None else since), t, None
            continue
        doubt = t if doubt is None else doubt
        if since is None:
            before = t
        elif holds is False or t - last >= patience:
            found.append(Spell(node, since, last, before, doubt, lost=holds is None))
            since, before = None, t
        if holds is False:
            doubt = None
    if since is not None:
        found.append(Spell(node, since, last, before, last, open=True))
    return found


def _bridged(found: list[Spell], scrape_seconds: float) -> list[Spell]:
    """Join spells that no scrape needs to have told apart."""
    joined: list[Spell] = []
    for spell in found:
        if joined and spell.begin - joined[-1].end < scrape_seconds:
            last = joined.pop()
            spell = replace(spell, begin=last.begin, before=last.before)  # noqa: PLW2901 - the longer one takes its place
        joined.append(spell)
    return joined


def _still(node: str, samples: list[Sample], patience: float) -> list[Spell]:
    """Return the stretches between two changes of a height: it stands still from the first sample that shows it."""
    found: list[Spell] = []
    height: float | None = None
    since = last = 0.0
    before = samples[0].t if samples else 0.0
    for sample in samples:
        seen = number(sample.values.get(HEIGHT))
        if seen == height:
            last = sample.t
            continue
        if seen is None and height is not None and sample.t - last < patience:
            continue
        if height is not None:
            found.append(Spell(node, since, last, before, sample.t, lost=seen is None))
        before = last if height is not None else before
        height, since, last = seen, sample.t, sample.t
    if height is not None:
        found.append(Spell(node, since, last, before, last, open=True))
    return found


def fires(timeline: Timeline, rule: WatchedRule) -> list[Fire]:
    """Return when a rule's alert fired, for each node."""
    found: list[Fire] = []
    pending: dict[str | None, float] = {}
    begun: dict[str | None, float] = {}
    for change in timeline.watched.changes:
        if change.name != rule.name:
            continue
        node = change.node
        if change.state is AlertState.FIRING:
            begun.setdefault(node, change.t)
            continue
        if node in begun:
            begin = begun.pop(node)
            found.append(Fire(node, pending.pop(node, begin), begin, change.t))
        if change.state is AlertState.PENDING:
            pending[node] = change.t
        else:
            pending.pop(node, None)
    end = timeline.watched.end
    found += [Fire(node, pending.get(node, begin), begin, end, open=True) for node, begin in begun.items()]
    return sorted(found, key=lambda fire: fire.begin)


def young(timeline: Timeline, rule: WatchedRule, fire: Fire) -> bool:
    """Whether a rule's range was not full when it fired: the watch, or the node's own answers, began within it."""
    if not rule.range_seconds:
        return False
    since = fire.begin - rule.range_seconds - rule.scrape_seconds
    if timeline.watched.begin > since:
        return True
    return any(_silent(timeline, node, since, fire.begin, rule.scrape_seconds) for node in nodes_of(timeline, fire))


def _silent(timeline: Timeline, node: str, begin: float, end: float, patience: float) -> bool:
    """Whether a node did not answer for a scrape's interval, between two times."""
    silent: float | None = None
    for sample in timeline.of(node):
        if not begin <= sample.t <= end or sample.answered:
            silent = None
        elif silent is None:
            silent = sample.t
        elif sample.t - silent >= patience:
            return True
    return False


def needs_of(rule: WatchedRule) -> tuple[str, ...]:
    """Return what the store must have for a rule to be judged."""
    return ("up", "evaluation") if rule.promise == DOWN else ("up", "page", "evaluation")


def rules_of(timeline: Timeline) -> tuple[WatchedRule, ...]:
    """Return the watched rules whose promise has a condition that a node shows."""
    return tuple(rule for rule in timeline.watched.rules if rule.promise in JUDGED)
