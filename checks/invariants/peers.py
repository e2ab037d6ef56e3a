"""Peers: a node's count follows the number of other validators that are up and not cut off from it.

It may differ for three round time-outs, counted from when the count became wrong or the truth last changed. A node that
was started and does not answer yet may be counted or not, and so may one that shows no sign of life, and one that
reaches the node one way only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import Presence, Span, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.samples import ANSWERED, Track
from prowl.reports.timeline import Timeline

METRIC = "peers_connected"


@dataclass
class Wrong:
    """A count that did not fit from ``begin`` to ``end``, seconds."""

    begin: float
    end: float
    count: float
    low: int
    high: float

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.end - self.begin

    def sentence(self) -> str:
        """Say what was counted and what was true."""
        true = f"at least {self.low}" if self.high == inf else f"{self.low} to {self.high:.0f}"
        true = str(self.low) if self.low == self.high else true
        return f"{METRIC} {self.count:g} where {true} were up and in reach, from {self.begin:.1f} to {self.end:.1f} s"


def truth(world: World, span: Span, node: str, among: frozenset[str] | None = None) -> tuple[int, float]:
    """Return the least and the greatest number of peers that is true for a node.

    With ``among``, the least is of these alone, and there is no greatest.
    """
    low = 0
    high = 0.0 if among is None else inf
    for other, phase in span.phases.items():
        if other == node:
            continue
        ways = ((node, other) not in span.cut) + ((other, node) not in span.cut)
        validator = world.stakes[other] > 0 and (among is None or other in among)
        low += validator and phase is Presence.UP and ways == 2 and not {node, other} & span.slow
        high += phase is not Presence.DOWN and ways > 0
    return low, high


class _Counts:
    """Follows a node's count of peers, and notes where it is wrong and where too much of it can't be read."""

    def __init__(self, world: World, track: Track, patience: float, among: frozenset[str] | None) -> None:
        self.world, self.track, self.patience, self.among = world, track, patience, among
        self.changes = world.changes_for(track.node)
        self.found: list[Wrong] = []
        self.blind = False
        self._here: Wrong | None = None
        self._unread_since: float | None = None
        self._before: float | None = None

    def follow(self) -> _Counts:
        """Look at all of it."""
        node = self.track.node
        for first, behind, (shown, answered) in self.track.together(METRIC, ANSWERED):
            for begin, end, span in self.world.parted(self.track, first, behind):
                if span.phases[node] is not Presence.UP:
                    self._here = self._unread_since = None
                elif answered:  # missed once, it neither clears nor accuses
                    self._take(self.track.times[begin:end], number(shown), truth(self.world, span, node, self.among))
        return self

    def _take(self, times: Sequence[float], count: float | None, true: tuple[int, float]) -> None:
        if count is None:
            self._unread_since = times[0] if self._unread_since is None else self._unread_since
            self.blind = self.blind or times[-1] - self._unread_since > self.patience
            return
        self._unread_since = None
        if true[0] <= count <= true[1]:
            self._here, self._before = None, times[-1]
            return
        for t in times:
            self._wrong(t, count, *true)

    def _wrong(self, t: float, count: float, low: int, high: float) -> None:
        here = self._here
        changed = self.changes[max(0, bisect_right(self.changes, t) - 1)]
        away = self._before is not None and t - self._before > self.patience
        self._before = t
        if here is None or here.begin < changed or away or (here.low, here.high) != (low, high):
            since = here.begin if here is not None and here.begin >= changed and not away else max(t, changed)
            self._here = Wrong(since, t, count, low, high)
            self.found.append(self._here)
        else:
            here.end, here.count = t, count


def wrongs(
    world: World, track: Track, patience: float, among: frozenset[str] | None = None
) -> tuple[list[Wrong], bool]:
    """Return the stretches in which a node's count was wrong, and whether too much of it could not be read."""
    counts = _Counts(world, track, patience, among).follow()
    return counts.found, counts.blind


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that is expected to answer."""
    world, pace = world_of(timeline), pace_of(timeline)
    patience = pace.signal_seconds
    rows = []
    for node in timeline.nodes:
        track = world.honest(node)
        answered = [(track.times[begin], track.times[end - 1]) for begin, end, each in track.answers() if each]
        if not answered:
            rows += [INVARIANT.row(Verdict.UNKNOWN, *found, node) for found in unanswering(timeline, world, node)]
            continue
        found, blind = wrongs(world, track, patience)
        begin, end = answered[0][0], answered[-1][1]
        late = [wrong for wrong in found if wrong.seconds > patience]
        if late:
            rows.append(_late(timeline, node, late, patience))
        elif blind or all(number(value) is None for _, _, value in track.runs(METRIC)):
            observed = f"{METRIC} was missing, or no number, where the node answered"
            rows.append(INVARIANT.row(Verdict.UNKNOWN, begin, end, observed, node))
        else:
            longest_wrong = max((wrong.seconds for wrong in found), default=0.0)
            observed = f"the count was wrong for at most {longest_wrong:.1f} s; {patience:.0f} s are allowed"
            rows.append(INVARIANT.row(Verdict.HELD, begin, end, observed, node))
    return rows


def _late(timeline: Timeline, node: str, late: list[Wrong], patience: float) -> Judgement:
    """Broken where a count was wrong for too long; unknown where only because the recorder was starved meanwhile."""
    sure = [each for each in late if each.seconds - timeline.starved_seconds(each.begin, each.end) > patience]
    longest = max(sure or late, key=lambda wrong: wrong.seconds)
    more = f" ({len(late)} such stretches)" if len(late) > 1 else ""
    observed = f"{longest.sentence()}; {patience:.0f} s are allowed{more}"
    if not sure:
        observed += f"; the recorder was starved for {timeline.starved_seconds(longest.begin, longest.end):.1f} s of it"
    verdict = Verdict.BROKEN if sure else Verdict.UNKNOWN
    return INVARIANT.row(verdict, longest.begin, longest.end, observed, node)


def unanswering(timeline: Timeline, world: World, node: str) -> list[tuple[float, float, str]]:
    """Return what to say of a node that never answers: unknown if it is up by the events, nothing if it is down."""
    asked = [t for t in world.honest(node).times if node in world.at(t).started]
    if not asked or asked[-1] - asked[0] <= timeline.header.start_grace_seconds:
        return []
    return [(asked[0], asked[-1], "the node never answered")]


INVARIANT = Invariant(
    "peers",
    "A node's peer count differs from the number of validators up and in its reach for three round time-outs at most.",
    look,
)
