"""Progress after a heal: whatever ended a fault, a new block is owed, and soon.

Only time with a connected quorum counts. A heal without progress stays owed across later faults and heals, and such
time adds up.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.network_state import World, world_of
from prowl.checks.invariants.pace import Pace, pace_of
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline


@dataclass(frozen=True)
class OwedBlock:
    """A block owed since ``begin`` (for ``text``), and paid at ``paid`` or not at all; times in seconds.

    Owed time that surely passed without a block is ``sure``; at most it is ``possible``.
    """

    text: str
    begin: float
    paid: float | None
    sure: float
    possible: float
    allowed: float | None

    @property
    def verdict(self) -> Verdict:
        """Held once paid in time; unknown while the allowance lasts or where it can't be told."""
        if self.allowed is None:
            return Verdict.UNKNOWN
        if self.sure > self.allowed:
            return Verdict.BROKEN
        return Verdict.HELD if self.paid is not None and self.possible <= self.allowed else Verdict.UNKNOWN

    def sentence(self) -> str:
        """Say what was owed and when it came."""
        limit = "" if self.allowed is None else f" of {self.allowed:.0f} s"
        if self.paid is None:
            return f"no new block after '{self.text}' at {self.begin:.1f} s, {self.sure:.1f} s{limit} counted"
        return f"a new block {self.possible:.1f} s{limit} after '{self.text}' at {self.begin:.1f} s"


def debts(world: World, pace: Pace, seen: Seen) -> list[OwedBlock]:
    """Return every heal that owed a block; heals without a block between them count as one."""
    found: list[OwedBlock] = []
    paid_until = -inf
    for action in world.actions:
        if not action.gives_back or action.t < paid_until or action.t >= world.timeline.end:
            continue
        number = next((number for number, tip in enumerate(seen.tips) if tip.t > action.t), None)
        tip_before = seen.tips[number - 1] if number else (seen.tips[-1] if seen.tips and number is None else None)
        last = max(action.t, tip_before.last) if tip_before else action.t
        paid = seen.tips[number].t if number is not None else None
        end = paid if paid is not None else last
        sure = world.sure_seconds(action.t, last)
        possible = world.possible_seconds(action.t, end)
        allowed = pace.heal_seconds
        if allowed is None and possible <= pace.header.heal_seconds and paid is not None:
            allowed = pace.header.heal_seconds  # held, whatever the interval is
        found.append(OwedBlock(action.words, action.t, paid, sure, possible, allowed))
        if paid is None:
            break
        paid_until = paid
    return found


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    found = debts(world_of(timeline), pace_of(timeline), seen_of(timeline))
    if not found:
        return []
    worst = max(found, key=lambda debt: (debt.verdict.severity, debt.possible))
    observed = several([debt.sentence() for debt in found if debt.verdict is worst.verdict])
    return [INVARIANT.row(worst.verdict, worst.begin, timeline.end if worst.paid is None else worst.paid, observed)]


INVARIANT = Invariant(
    "progress-after-heal",
    "After every heal a new block comes within ten intervals and the node's time-outs, counting time with a quorum.",
    look,
)
