"""Availability: a node that nobody touches answers its RPC all the time, whatever is done to others.

Judged from its first answer in each of its lives: that it comes up at all is recovery's. A silence counts from the last
answer before it to the next one; time in which a fault hinders the node, or the recorder was starved, does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.network_state import Presence, Stretch, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.timeline import Timeline


def silences(world: World, node: str) -> Iterator[Stretch]:
    """Return the stretches in which a node that had answered before did not, though by the events it was up."""
    for life in world.lives[node]:
        answered, begin = False, None
        for span in world.over(life.begin, life.end) if life.up else ():
            phase, slow = span.phases[node], node in span.slow
            if begin is not None and (phase is not Presence.SILENT or slow):
                yield Stretch(begin, span.begin)
                begin = None
            if phase is Presence.SILENT and answered and not slow and begin is None:
                begin = span.begin
            answered = answered or phase is Presence.UP
        if begin is not None:
            yield Stretch(begin, life.end)


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that ever answered."""
    world, pace = world_of(timeline), pace_of(timeline)
    rows = []
    for node in timeline.nodes:
        samples = timeline.of(node)
        if not any(sample.answered for sample in samples):
            continue
        found = list(silences(world, node))
        longest = max(found, key=lambda each: each.seconds, default=Stretch(samples[0].t, samples[0].t))
        sure = longest.seconds - timeline.starved_seconds(longest.begin, longest.end)
        if longest.seconds <= pace.signal_seconds:
            observed = (
                f"never silent for longer than {max(longest.seconds, timeline.header.round_timeout_seconds):.1f} s"
            )
            rows.append(INVARIANT.row(Verdict.HELD, samples[0].t, samples[-1].t, f"{observed} while it was up", node))
            continue
        verdict = Verdict.BROKEN if sure > pace.signal_seconds else Verdict.UNKNOWN
        observed = f"no answer for {longest.seconds:.1f} s, though nobody had stopped it"
        if verdict is Verdict.UNKNOWN:
            observed += f"; only {sure:.1f} s of them are sure, for the recorder was starved"
        rows.append(INVARIANT.row(verdict, longest.begin, longest.end, observed, node))
    return rows


INVARIANT = Invariant(
    "availability",
    "A node that nobody stops answers its RPC all the time; a silence longer than three round time-outs is none.",
    look,
)
