"""Unharmed: nodes that no fault was for go on answering, keep their peers among themselves, and keep up.

A node keeps up if it shows what the network showed one allowance of a heal ago, counting time in which, by the events,
it was up in a connected quorum; behind at the end for more than three round time-outs is not held either. What the
network shows are heights that two nodes have shown. A node whose port refuses for three round time-outs is away; one
that is only silent may not be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.network_state import ACCEPTED, Presence, World, world_of
from prowl.checks.invariants.pace import Pace, pace_of
from prowl.checks.invariants.peers import wrongs
from prowl.checks.invariants.text import listed, several
from prowl.reports.timeline import Timeline

Row = tuple[Verdict, float, float, str]


def bystanders(world: World) -> list[str]:
    """Return the nodes that no fault touched; one with cut edges alone counts, as far as a quorum reaches it."""
    struck = set[str]()
    for action in world.actions:
        struck |= action.stopped | action.resumed | action.restarted | action.surgery | action.slow | action.lying
        struck |= frozenset() if action.launch else action.started
    return [node for node in world.timeline.nodes if node not in struck]


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each bystander."""
    world, seen, pace = world_of(timeline), seen_of(timeline), pace_of(timeline)
    whole = bystanders(world)
    rows = []
    for node in whole:
        samples = timeline.of(node)
        others = [other for other in timeline.nodes if other != node and seen.runs[other]]
        if not samples or not others:
            continue
        found = [
            *_answers(world, pace, node),
            *_peers(world, pace, node, frozenset(whole)),
            *_keeps_up(world, seen, pace, node),
        ]
        blind = len(timeline.nodes) - 1 - len(others)
        compared = f"compared with {listed(others)}" + (f"; {blind} could not be seen" if blind else "")
        verdict = max((row[0] for row in found), key=lambda each: each.severity, default=Verdict.HELD)
        those = [row for row in found if row[0] is verdict]
        begin, end = (those[0][1], those[0][2]) if those else (samples[0].t, samples[-1].t)
        words = several([row[3] for row in those]) if those else "it answered, kept its peers and kept up"
        rows.append(INVARIANT.row(verdict, begin, end, f"{words} ({compared})", node))
    return rows


def _answers(world: World, pace: Pace, node: str) -> Iterator[Row]:
    """Find stretches without an answer, but for a start's grace."""
    track = world.timeline.of(node)
    for first, behind, answered in track.answers():
        looks = (
            []
            if answered
            else [t for t in track.times[first:behind] if world.at(t).phases[node] is not Presence.STARTING]
        )
        if not looks:
            continue
        begin, end = looks[0], looks[-1]
        if end - begin - world.timeline.starved_seconds(begin, end) > pace.signal_seconds:
            errors = [each.error or "" for each in track[first:behind]]
            accepted = any(word in error for error in errors for word in ACCEPTED)
            text = f"no answer from {begin:.1f} to {end:.1f} s"
            yield Verdict.UNKNOWN if accepted else Verdict.BROKEN, begin, end, text


def _peers(world: World, pace: Pace, node: str, whole: frozenset[str]) -> Iterator[Row]:
    """Find counts of peers below the number of bystanders in reach."""
    found, _ = wrongs(world, world.timeline.of(node), pace.signal_seconds, whole)
    for wrong in found:
        sure = wrong.seconds - world.timeline.starved_seconds(wrong.begin, wrong.end) > pace.signal_seconds
        if wrong.seconds > pace.signal_seconds:
            yield Verdict.BROKEN if sure else Verdict.UNKNOWN, wrong.begin, wrong.end, wrong.sentence()


def _keeps_up(world: World, seen: Seen, pace: Pace, node: str) -> Iterator[Row]:
    """Find heights of the network that the node showed too late, or not by the end."""
    runs = seen.runs[node]
    highest = list(accumulate((run.height for run in runs), max))
    last = world.timeline.of(node)[-1].t
    measured = pace.heal_seconds
    allowed = pace.header.heal_seconds if measured is None else measured
    worst: tuple[float, float, float, int] | None = None
    for tip in seen.tips:
        place = bisect_left(highest, tip.height)
        end = runs[place].first if place < len(runs) else last
        if end - tip.t <= pace.signal_seconds or (worst is not None and end - tip.t <= worst[0]):
            continue
        counted = world.counted(node, tip.t, end) - world.timeline.starved_seconds(tip.t, end)
        if worst is None or counted > worst[0]:
            worst = counted, tip.t, end, tip.height
        if place == len(runs):
            break  # the later ones are missing for less long
    if worst is None:
        return
    counted, begin, end, height = worst
    missing = not highest or highest[-1] < height
    text = f"it did not show height {height}, which the network showed at {begin:.1f} s, "
    text += f"{'to the end' if missing else f'until {end:.1f} s'}: {counted:.1f} s, {allowed:.0f} s are allowed"
    if counted > allowed:
        yield Verdict.UNKNOWN if measured is None else Verdict.BROKEN, begin, end, text
    elif missing and counted > pace.signal_seconds:
        yield Verdict.UNKNOWN, begin, end, text


INVARIANT = Invariant(
    "unharmed",
    "A node that no fault was for goes on answering, keeps its peers among its like, and keeps up with the network.",
    look,
)
