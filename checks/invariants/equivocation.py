"""Equivocation: no node sees a validator vote twice; judged where a node counts such votes.

A count alone does not say who it was. Where a recorder wrote who (``twice``), double votes of nodes that a fault makes
lie are that fault's effect and no finding; where nobody is named and such a node was there, it can't be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import World, world_of
from prowl.checks.invariants.text import listed
from prowl.reports.samples import MISSING
from prowl.reports.timeline import Timeline

METRIC = "bft_equivocations_total"


@dataclass(frozen=True, order=True)
class Rise:
    """A node counts more double votes at ``end`` than at ``begin`` (seconds); ``who`` voted, as far as it was said."""

    begin: float
    end: float
    node: str
    old: float
    new: float
    who: tuple[str, ...]

    def sentence(self) -> str:
        """Say what was counted."""
        by = f", by {listed(self.who)}" if self.who else ""
        return f"{self.node} counts {self.new:.0f} double votes at {self.end:.1f} s{by}, {self.old:.0f} before"


def rises(timeline: Timeline, world: World, node: str) -> Iterator[Rise]:
    """Return where a node's count rose; it begins at 0 with each start."""
    starts = [life.begin for life in world.lives[node] if life.up and life.by is not None]
    track = timeline.of(node)
    counts = [(begin, end, count) for begin, end, value in track.runs(METRIC) if (count := number(value)) is not None]
    for (_, behind, old), (first, _, new) in pairwise(counts):
        before, t, twice = track.times[behind - 1], track.times[first], track[first].values.get("twice")
        fresh = any(before < start <= t for start in starts) or new < old
        base = 0.0 if fresh and new < old else old
        if new > base:
            names = twice if isinstance(twice, list) else []
            yield Rise(before, t, node, base, new, tuple(sorted({str(name).lower() for name in names})))


def _verdict(world: World, rise: Rise) -> Verdict:
    liars = world.liars_until(rise.end)
    addresses = {world.address(node) for node in liars}
    if not rise.who:
        return Verdict.UNKNOWN if liars else Verdict.BROKEN
    return Verdict.HELD if addresses.issuperset(rise.who) else Verdict.BROKEN


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network: any node may see the double vote of any other."""
    world = world_of(timeline)
    shown = {
        node: [row[2] for row in timeline.of(node).runs(METRIC) if row[2] is not MISSING] for node in timeline.nodes
    }
    counting = [node for node, counts in shown.items() if any(number(count) is not None for count in counts)]
    unread = [node for node, counts in shown.items() if counts and node not in counting]
    found = [(_verdict(world, rise), rise) for node in counting for rise in rises(timeline, world, node)]
    for verdict in (Verdict.BROKEN, Verdict.UNKNOWN):
        those = sorted(rise for each, rise in found if each is verdict)
        if those:
            why = ", while a fault makes a node lie, and not who they are of" if verdict is Verdict.UNKNOWN else ""
            return [INVARIANT.row(verdict, those[0].begin, those[0].end, those[0].sentence() + why)]
    if unread:
        observed = f"{METRIC} is no number on {listed(unread)}"
        return [INVARIANT.row(Verdict.UNKNOWN, timeline.begin, timeline.end, observed)]
    if not counting:
        return []
    observed = f"the counters of {len(counting)} nodes did not rise"
    if found:
        who = sorted({name for _, rise in found for name in rise.who})
        observed = f"all {len(found)} rises of the counters are by {listed(who)}, whom a fault makes lie"
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]


INVARIANT = Invariant("equivocation", "No validator is seen to vote twice.", look)
