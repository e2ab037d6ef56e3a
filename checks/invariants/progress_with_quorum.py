"""Progress with a quorum: where enough validators are up and reach each other, the chain goes on.

A pause is the time from the first sight of a height to the first sight of the next; it is surely too long when the old
height was still seen after the allowance. Where a quorum is lost meanwhile, each stretch with one is judged by itself,
and a stretch that begins with a quorum's return has the allowance of a heal; as long as that lasts and no block has
come, a stretch longer than a pause is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Tip, seen_of
from prowl.checks.invariants.network_state import Span, world_of
from prowl.checks.invariants.pace import Pace, pace_of
from prowl.reports.timeline import Timeline


@dataclass(frozen=True)
class Standstill:
    """The chain stood at ``height`` from ``begin`` to ``end`` (seconds).

    Of that time a connected quorum was surely there, the height seen to stand and the recorder not starved, for
    ``sure``; it may have been so for ``possible`` seconds. ``usual`` is the allowance of a pause, and ``allowed`` that
    of a heal where it began with one; ``paid`` says that a block ended it.
    """

    height: int
    begin: float
    end: float
    sure: float
    possible: float
    usual: float | None
    allowed: float | None
    paid: bool

    @property
    def verdict(self) -> Verdict:
        """Broken if it surely was too long, unknown if it may have been or may still become so."""
        if self.allowed is None:
            return Verdict.UNKNOWN
        if self.sure > self.allowed:
            return Verdict.BROKEN
        owed = not self.paid and self.usual is not None and self.possible > self.usual
        return Verdict.UNKNOWN if owed or self.possible > self.allowed else Verdict.HELD

    @property
    def excess(self) -> float:
        """By how much it is too long, for choosing the worst."""
        return self.possible - (self.allowed or 0.0)


def pauses(timeline: Timeline) -> list[Standstill]:
    """Return the stretches without a new block while a quorum was there."""
    world, tips = world_of(timeline), seen_of(timeline).tips
    healed = [action.t for action in world.actions if action.gives_back]
    found = []
    for number, tip in enumerate(tips):
        paid = tips[number + 1].t if number + 1 < len(tips) else None
        end = tip.last if paid is None else paid
        found += [_pause(timeline, tip, spans, paid) for spans in _stretches(world.over(tip.t, end), healed)]
    return found


def _stretches(spans: Iterable[Span], healed: list[float]) -> Iterator[list[Span]]:
    """Part spans where a quorum surely was lost, and where one that may have been lost was given back."""
    here: list[Span] = []
    unsure_since: float | None = None
    for span in spans:
        back = span.sure and unsure_since is not None and any(unsure_since <= t <= span.begin for t in healed)
        if here and (back or not span.possible):
            yield here
            here = []
        if span.possible:
            here.append(span)
        unsure_since = None if span.sure else span.begin if unsure_since is None else unsure_since
    if here:
        yield here


def _pause(timeline: Timeline, tip: Tip, spans: list[Span], paid: float | None) -> Standstill:
    pace = pace_of(timeline)
    begin, end = spans[0].begin, spans[-1].end
    surely = list(takewhile(lambda span: span.sure, spans))
    sure = sum(max(0.0, min(span.end, tip.last) - span.begin) for span in surely)
    sure = max(0.0, sure - timeline.starved_seconds(begin, begin + sure))
    possible = sum(span.end - span.begin for span in spans)
    usual, least = pace.pause_seconds(begin), pace.header.dead_proposer_seconds
    allowed = usual
    if begin > tip.t:  # a quorum came back
        least = max(least, pace.header.heal_seconds)
        allowed = None if usual is None or pace.heal_seconds is None else max(usual, pace.heal_seconds)
    if allowed is None and possible <= least:
        allowed = least  # held, whatever the interval is
    return Standstill(tip.height, begin, end, sure, possible, usual, allowed, end == paid)


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    world, pace, seen = world_of(timeline), pace_of(timeline), seen_of(timeline)
    found = pauses(timeline)
    if not found:
        if not seen.tips and world.sure_seconds(timeline.begin, timeline.end) > pace.header.start_grace_seconds:
            observed = "no node ever showed a height, though a connected quorum was up"
            return [INVARIANT.row(Verdict.UNKNOWN, timeline.begin, timeline.end, observed)]
        return []
    worst = max(found, key=lambda pause: (pause.verdict.severity, pause.excess))
    if worst.verdict is Verdict.HELD:
        worst = max(found, key=lambda pause: pause.possible)
    limit = "an unknown time" if worst.allowed is None else f"{worst.allowed:.1f} s"
    interval = "unknown" if pace.interval is None else f"{pace.interval:.2f} s {pace.how}"
    observed = (
        f"the longest pause with a connected quorum was {worst.possible:.1f} s{_count(worst.possible, pace)} at height "
        f"{worst.height}; allowed {limit}{_count(worst.allowed, pace)} (block interval {interval})"
    )
    if worst.verdict is not Verdict.HELD:
        observed = (
            f"no block after height {worst.height} for {worst.possible:.1f} s with a connected quorum; allowed {limit} "
            f"(block interval {interval})"
        )
        if worst.verdict is Verdict.UNKNOWN and worst.allowed is not None and worst.possible > worst.allowed:
            observed += f"; only {worst.sure:.1f} s of them are sure"
    return [INVARIANT.row(worst.verdict, worst.begin, worst.end, observed)]


def _count(seconds: float | None, pace: Pace) -> str:
    return f", {seconds / pace.interval:.1f} block intervals," if seconds is not None and pace.interval else ""


INVARIANT = Invariant(
    "progress-with-quorum",
    "With a connected quorum no pause between blocks lasts longer than ten intervals and the dead-proposer allowance.",
    look,
)
