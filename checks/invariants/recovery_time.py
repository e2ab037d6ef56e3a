"""Recovery time: a network takes no longer to go on because it was without a quorum for longer.

Compares the outages of one timeline: after one that lasted at least twice as long as another, the next block may come
later by the allowance of a pause, not by more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.network_state import World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.timeline import Timeline

LONGER = 2.0


@dataclass(frozen=True)
class Outage:
    """No connected quorum was possible from ``begin`` to ``end``; the next block came ``recovery`` seconds later.

    Of these only those count in which a connected quorum surely was up.
    """

    begin: float
    end: float
    recovery: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


def outages(world: World, seen: Seen) -> Iterator[Outage]:
    """Return the outages after which a block came; those without a block between them count as one."""
    begin: float | None = None
    ended: tuple[float, float] | None = None
    for span in world.spans:
        if not span.possible:
            if begin is None:  # without a block since, it is still the outage of before
                begin = span.begin if ended is None else ended[0]
            ended = None
            continue
        if begin is not None:
            ended, begin = (begin, span.begin), None
        if ended is not None:
            place = bisect_right(seen.tips, ended[1], key=lambda tip: tip.t)
            if place < len(seen.tips) and seen.tips[place].t <= span.end:
                yield Outage(*ended, world.sure_seconds(ended[1], seen.tips[place].t))
                ended = None


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    if not timeline.header.bft:
        return []
    found = sorted(outages(world_of(timeline), seen_of(timeline)), key=lambda outage: outage.seconds)
    pairs = [(short, long) for short in found for long in found if long.seconds >= LONGER * short.seconds]
    if not pairs:
        return []
    short, long = max(pairs, key=lambda pair: pair[1].recovery - pair[0].recovery)
    more = long.recovery - short.recovery
    allowed = pace_of(timeline).pause_seconds(long.end)
    observed = (
        f"a block came {short.recovery:.1f} s after an outage of {short.seconds:.1f} s, and {long.recovery:.1f} s "
        f"after one of {long.seconds:.1f} s"
    )
    if allowed is None:
        verdict = Verdict.HELD if more <= timeline.header.dead_proposer_seconds else Verdict.UNKNOWN
        observed += "; how much later it may come is unknown, as the block interval is"
    else:
        verdict = Verdict.HELD if more <= allowed else Verdict.BROKEN
        observed += f"; {allowed:.0f} s more are allowed"
    return [INVARIANT.row(verdict, long.begin, long.end + long.recovery, observed)]


INVARIANT = Invariant(
    "recovery-time",
    "Recovery does not take longer because the outage did.",
    look,
)
