"""Equivocation: no node sees a validator vote twice; judged where a node counts such votes."""

from __future__ import annotations

from itertools import pairwise

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import world_of
from prowl.reports.timeline import Timeline

METRIC = "bft_equivocations_total"


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network: any node may see the double vote of any other."""
    rises: list[tuple[float, float, str]] = []
    counting, unread = 0, 0
    for node in timeline.nodes:
        counts = [(sample.t, number(sample.values[METRIC])) for sample in timeline.of(node) if METRIC in sample.values]
        good = [(t, count) for t, count in counts if count is not None]
        unread += bool(counts) and not good
        counting += bool(good)
        starts = [life.begin for life in world_of(timeline).lives[node] if life.up and life.by is not None]
        for (before, old), (t, new) in pairwise(good):
            fresh = any(before < start <= t for start in starts) or new < old  # the counter begins at 0 with a start
            base = 0.0 if fresh and new < old else old
            if new > base:
                rises.append((before, t, f"{node} counts {new:.0f} double votes at {t:.1f} s, {base:.0f} before"))
    if rises:
        begin, end, text = min(rises)
        return [INVARIANT.row(Verdict.BROKEN, begin, end, text)]
    if unread:
        return [
            INVARIANT.row(Verdict.UNKNOWN, timeline.begin, timeline.end, f"{METRIC} is no number on {unread} nodes")
        ]
    if not counting:
        return []
    observed = f"the counters of {counting} nodes did not rise"
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]


INVARIANT = Invariant("equivocation", "No validator is seen to vote twice.", look)
