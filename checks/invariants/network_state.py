"""What the events say of the world over time: who is up, who reaches whom, where there is a connected quorum.

An event's time is when the action began, and a node that was started needs a while until it answers, so a node is in
one of four phases. What is *owed* (progress) counts only where a quorum surely is there; what is *forbidden* (progress
without a quorum) only where there surely is none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import accumulate
from math import inf

from prowl.checks.invariants.actions import NOBODY, Action, actions_of
from prowl.checks.invariants.quorum import Course, Edges, components, course, heaviest_clique, holds_quorum, is_quorum
from prowl.reports.samples import Track
from prowl.reports.timeline import Timeline

ACCEPTED = ("Timeout", "Reset", "Disconnected")
"""In the error of a sample: the connection was accepted, so that the node may be at work."""


class Presence(IntEnum):
    """How present a node is in the network; ordered."""

    DOWN = 0
    """Killed, terminated or paused."""
    SILENT = 1
    """Up by the events, but it does not answer (or down by the events, but it does): may or may not take part."""
    STARTING = 2
    """Started, and within a start's grace not yet answering: counts as up, but others may not know it yet."""
    UP = 3


@dataclass(frozen=True)
class Span:
    """A stretch in which nothing changes; ``started`` are the nodes that are up by the events alone."""

    begin: float
    end: float
    phases: dict[str, Presence]
    cut: Edges
    started: frozenset[str]
    slow: frozenset[str] = NOBODY
    """Nodes that a fault hinders: they may or may not take part, and nothing is demanded of them."""
    lying: frozenset[str] = NOBODY
    """Nodes that a fault makes lie: what they say is no finding."""
    sure: bool = False
    """A connected quorum surely is up."""
    possible: bool = False
    """A connected quorum may be up."""


@dataclass(frozen=True)
class Stretch:
    """From ``begin`` to ``end``, in seconds."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True)
class _Life:
    """A stretch in which a node is up, or down, by the events; ``by`` is the action that began it."""

    begin: float
    end: float
    up: bool
    by: Action | None
    again: bool = False
    """It began with a restart: the node was stopped some time after the action began."""


class World:
    """Who was up and connected at each moment of a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        header = timeline.header
        self.stakes = {node: header.stakes.get(node, 0) if header.stakes else 1 for node in timeline.nodes}
        self.actions = actions_of(timeline)
        self.lives = {node: tuple(self._lives(node)) for node in timeline.nodes}
        self.spans = tuple(self._spans())
        self._begins = [span.begin for span in self.spans]
        self._sure = _Clock(self.spans, [span.sure for span in self.spans])
        self._possible = _Clock(self.spans, [span.possible for span in self.spans])

    @property
    def validators(self) -> tuple[str, ...]:
        """Nodes that have a stake."""
        return tuple(node for node, stake in self.stakes.items() if stake > 0)

    def has_quorum(self, nodes: Iterable[str]) -> bool:
        """Whether these nodes hold more than two thirds of the stake."""
        return holds_quorum(nodes, self.stakes)

    def at(self, t: float) -> Span:
        """Return the span that ``t`` lies in."""
        return self.spans[max(0, bisect_right(self._begins, t) - 1)]

    def parted(self, track: Track, begin: int, end: int) -> Iterator[tuple[int, int, Span]]:
        """Return the spans that samples of a node lie in, with the numbers of the first and of that behind the last."""
        while begin < end:
            place = max(0, bisect_right(self._begins, track.times[begin]) - 1)
            later = self._begins[place + 1] if place + 1 < len(self._begins) else inf
            behind = min(end, bisect_left(track.times, later, begin, end))
            yield begin, behind, self.spans[place]
            begin = behind

    def over(self, begin: float, end: float) -> Iterator[Span]:
        """Return the spans, or parts of them, between two times."""
        for number in range(max(0, bisect_right(self._begins, begin) - 1), len(self.spans)):
            span = self.spans[number]
            if span.begin >= end:
                return
            clipped = replace(span, begin=max(span.begin, begin), end=min(span.end, end))
            if clipped.end > clipped.begin:
                yield clipped

    def sure_seconds(self, begin: float, end: float) -> float:
        """Return for how long, between two times, a connected quorum surely was up, and the recorder not starved."""
        return max(0.0, self._sure.between(begin, end) - self.timeline.starved_seconds(begin, end))

    def counted(self, node: str, begin: float, end: float) -> float:
        """Return for how long, between two times, a node was up in a connected quorum, by the events alone."""
        return sum(span.end - span.begin for span in self.over(begin, end) if self.started_quorum(span, node))

    def possible_seconds(self, begin: float, end: float) -> float:
        """Return for how long, between two times, a connected quorum may have been up."""
        return self._possible.between(begin, end)

    def starts(self) -> list[float]:
        """Return when nodes were started anew; to go on after a pause is no start."""
        return [action.t for action in self.actions if action.starts]

    def liars_until(self, t: float) -> frozenset[str]:
        """Return the nodes that a fault has made lie by then, whether it is over or not."""
        number = bisect_right(self.actions, t, key=lambda action: action.t)
        return self.actions[number - 1].liars if number else NOBODY

    def lies(self, node: str) -> list[Stretch]:
        """Return when what a node says is a fault's own effect; the process that lied may outlive the fault's end."""
        found: list[Stretch] = []
        begin: float | None = None
        for span in self.spans:
            if node in span.lying:
                begin = span.begin if begin is None else begin
            elif begin is not None and span.phases[node] is Presence.UP:
                found.append(Stretch(begin, span.begin))
                begin = None
        return found if begin is None else [*found, Stretch(begin, inf)]

    def address(self, node: str) -> str:
        """Return a node's address as blocks and votes name it; its name where the header has none."""
        return self.timeline.header.addresses.get(node, node).lower()

    @cached_property
    def fewest_voters(self) -> int:
        """Return how many validators are a quorum at the least: the heaviest ones."""
        heaviest = sorted(self.stakes.values(), reverse=True)
        enough = (count for count in range(1, len(heaviest)) if is_quorum(sum(heaviest[:count]), sum(heaviest)))
        return next(enough, len(heaviest))

    @cached_property
    def mute(self) -> dict[str, tuple[Stretch, ...]]:
        """Return when each node surely can't vote: it was started, and until its first answer it last refused then.

        Where the connection was accepted and no answer came it may be at work.
        """
        return {node: tuple(self._mute(node)) for node in self.timeline.nodes}

    def mute_at(self, t: float) -> frozenset[str]:
        """Return the nodes that can't vote at a time, as they were started and have not answered."""
        return frozenset(node for node, found in self.mute.items() if any(each.begin <= t < each.end for each in found))

    def _mute(self, node: str) -> Iterator[Stretch]:
        for life in self.lives[node]:
            if not life.up or life.by is None:
                continue
            begin = None if life.again else life.begin  # with a restart, the old process goes on until it refuses
            end = None
            for sample in self.timeline.of(node).between(life.begin, life.end):
                if sample.answered and begin is not None:
                    break
                if not sample.answered and not any(word in (sample.error or "") for word in ACCEPTED):
                    begin, end = sample.t if begin is None else begin, sample.t
            if begin is not None and end is not None:
                yield Stretch(begin, end)

    def honest(self, node: str) -> Track:
        """Return a node's samples but those in which a fault makes it lie."""
        lies = self.lies(node)
        samples = self.timeline.of(node)
        if not lies:
            return samples
        found = Track(node)
        for number, each in enumerate(samples):
            if not any(lie.begin <= each.t < lie.end for lie in lies):
                found.append(each.t, samples.order[number], dict(each.values), each.error, each.process)
        return found

    def changes_for(self, node: str) -> list[float]:
        """Return when the events changed what is up, or what of it is cut off from a node."""
        found = []
        before: frozenset[str] | None = None
        for span in self.spans:
            here = frozenset(
                other for other in span.started if other != node and not _cut_either_way(span.cut, node, other)
            )
            if here != before:
                found.append(span.begin)
                before = here
        return found

    def component(self, span: Span, node: str) -> frozenset[str]:
        """Return the nodes that may be up and that a node may reach, directly or through others; it is one of them."""
        able = [each for each, phase in span.phases.items() if phase is not Presence.DOWN]
        return next((group for group in _components(tuple(able), span.cut) if node in group), frozenset())

    def started_quorum(self, span: Span, node: str) -> bool:
        """Whether, by the events alone, a node is up and with others forms a connected quorum.

        Without BFT there are no quorums: there it must reach all that are up.
        """
        able = span.started - span.slow
        if node not in able:
            return False
        near = [other for other in able if other == node or not _cut_either_way(span.cut, node, other)]
        if not self.timeline.header.bft:
            return len(near) == len(able)
        if not self.has_quorum(near):
            return False
        return self.has_quorum({node, *_clique(tuple(sorted(near)), span.cut, tuple(self.stakes.items()))})

    def _lives(self, node: str) -> Iterator[_Life]:
        """Cut the timeline where the events stop or start a node."""
        begin, up, again = self.timeline.begin, True, False
        by: Action | None = None
        for action in self.actions:
            if node not in action.stopped | action.starts | action.resumed:
                continue
            next_up = node not in action.stopped
            if next_up == up and node not in action.starts:
                continue  # a kill of what is down changes nothing; a start may follow a death that no event tells of
            if action.t > begin or by is not None:
                yield _Life(begin, action.t, up, by, again)
            begin, up, by, again = action.t, next_up, action, node in action.restarted
        yield _Life(begin, max(self.timeline.end, begin), up, by, again)

    def _phases(self, node: str) -> list[tuple[float, Presence]]:
        """Return when each phase of a node begins."""
        found: list[tuple[float, Presence]] = []
        track = self.timeline.of(node)
        for number, life in enumerate(self.lives[node]):
            if not life.up:
                found.append((life.begin, self._down(life, track)))
            else:
                was_down = number > 0 and not self.lives[node][number - 1].up
                found.extend(self._up(life, track, was_down))
        return found

    def _down(self, life: _Life, track: Track) -> Presence:
        """A node that goes on answering though it should be down may well be up: the action had no effect."""
        grace = self.timeline.header.round_timeout_seconds
        first, behind = bisect_right(track.times, life.begin + grace), bisect_left(track.times, life.end - grace)
        answers = sum(end - begin for begin, end, answered in track.answers(first, behind) if answered)
        return Presence.SILENT if answers > 1 else Presence.DOWN

    def _up(self, life: _Life, track: Track, was_down: bool) -> Iterator[tuple[float, Presence]]:
        header = self.timeline.header
        again = life.again
        silences = _silences(life, track)
        if again and not was_down:  # stopped some time after the action began: it may still answer until then
            soon = life.begin + max(header.start_grace_seconds, header.start_seconds)
            first = next((each for each in silences if each.begin <= soon), None)
            silences = (
                [Stretch(life.begin, first.end), *(each for each in silences if each.end > first.end)]
                if first
                else silences
            )
        at = life.begin
        for silence in silences:
            fresh = silence.begin <= life.begin
            if fresh and not again and silence.seconds <= header.start_grace_seconds:
                phase = Presence.STARTING
            elif fresh or silence.seconds >= header.round_timeout_seconds:
                phase = Presence.SILENT
            else:
                continue  # a moment without an answer is not a node that is away
            if silence.begin > at:
                yield at, Presence.UP
            yield silence.begin, phase
            at = silence.end
        if at < life.end or not silences:
            yield at, Presence.UP

    def _spans(self) -> Iterator[Span]:
        phases = {node: self._phases(node) for node in self.timeline.nodes}
        times = {self.timeline.begin, self.timeline.end, *(action.t for action in self.actions)}
        times.update(t for changes in phases.values() for t, _ in changes)
        times.update(t for stretches in self.mute.values() for each in stretches for t in (each.begin, each.end))
        ordered = sorted(times)
        at = dict.fromkeys(phases, 0)
        cut: Edges = frozenset()
        slow = lying = NOBODY
        waiting = list(self.actions)
        for begin, end in zip(ordered, [*ordered[1:], ordered[-1]], strict=True):
            while waiting and waiting[0].t <= begin:
                action = waiting.pop(0)
                cut, slow, lying = action.cut, action.slow, action.lying
            here = {}
            for node, changes in phases.items():
                while at[node] + 1 < len(changes) and changes[at[node] + 1][0] <= begin:
                    at[node] += 1
                here[node] = changes[at[node]][1]
            started = frozenset(node for node in phases if self._started(node, begin))
            yield self._judged(Span(begin, end, here, cut, started, slow, lying))

    def _started(self, node: str, t: float) -> bool:
        for life in reversed(self.lives[node]):
            if life.begin <= t:
                return life.up
        return self.lives[node][0].up

    def _judged(self, span: Span) -> Span:
        able = tuple(
            sorted(node for node, phase in span.phases.items() if phase >= Presence.STARTING and node not in span.slow)
        )
        mute = self.mute_at(span.begin)
        maybe = tuple(
            sorted(node for node, phase in span.phases.items() if phase is not Presence.DOWN and node not in mute)
        )
        found = _course(able, maybe, span.cut, tuple(self.stakes.items()))
        return replace(span, sure=found is Course.GOES_ON, possible=found is not Course.STANDS_STILL)


class _Clock:
    """Runs while a condition holds; built from the spans in which it does."""

    def __init__(self, spans: tuple[Span, ...], holds: list[bool]) -> None:
        self._spans, self._holds = spans, holds
        self._begins = [span.begin for span in spans]
        lengths = (span.end - span.begin if held else 0.0 for span, held in zip(spans, holds, strict=True))
        self._before = [0.0, *accumulate(lengths)]

    def between(self, begin: float, end: float) -> float:
        """Return for how many seconds it ran between two times."""
        return max(0.0, self._upto(end) - self._upto(begin))

    def _upto(self, t: float) -> float:
        number = max(0, bisect_right(self._begins, t) - 1)
        span = self._spans[number]
        inside = min(max(t - span.begin, 0.0), span.end - span.begin)
        return self._before[number] + (inside if self._holds[number] else 0.0)


def _silences(life: _Life, track: Track) -> list[Stretch]:
    """Return the stretches of a life in which every sample is an error; without samples there is no such stretch."""
    first, behind = bisect_right(track.times, life.begin), bisect_right(track.times, life.end)
    return [
        Stretch(track.times[begin] if begin > first else life.begin, track.times[end] if end < behind else life.end)
        for begin, end, answered in track.answers(first, behind)
        if not answered
    ]


def _cut_either_way(cut: Edges, one: str, other: str) -> bool:
    return (one, other) in cut or (other, one) in cut


@lru_cache(maxsize=1024)
def _course(able: tuple[str, ...], maybe: tuple[str, ...], cut: Edges, stakes: tuple[tuple[str, int], ...]) -> Course:
    return course(able, maybe, cut, dict(stakes))


@lru_cache(maxsize=1024)
def _clique(nodes: tuple[str, ...], cut: Edges, stakes: tuple[tuple[str, int], ...]) -> frozenset[str]:
    return heaviest_clique(nodes, cut, dict(stakes))


@lru_cache(maxsize=1024)
def _components(nodes: tuple[str, ...], cut: Edges) -> list[frozenset[str]]:
    return components(nodes, cut)


@lru_cache(maxsize=4)
def world_of(timeline: Timeline) -> World:
    """Return the world of a timeline, built once."""
    return World(timeline)
