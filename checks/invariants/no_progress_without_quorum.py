"""No progress without a quorum: a node that no quorum can reach shows no new block.

Judged for each node while it, and all that it may hear of, hold no more than two thirds of the stake. Blocks first seen
within one round time-out of the loss were on their way (the action takes a moment, and so do the last votes), and so
was what a node shows in its first answer after it was away, up to two blocks. Blocks that nodes with a quorum showed by
then are theirs. In a longest-chain network blocks need no quorum: no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Run, Seen, seen_of
from prowl.checks.invariants.network_state import Phase, Stretch, World, world_of
from prowl.checks.invariants.text import listed, short
from prowl.reports.timeline import Timeline

IN_FLIGHT_BLOCKS = 2


@dataclass(frozen=True)
class Alone:
    """What a node did while no quorum was in reach: the new block it showed, or that it stood still."""

    node: str
    stretch: Stretch
    height: int
    wrong: Run | None


def alone(world: World, node: str) -> list[Stretch]:
    """Return the stretches in which no quorum can be in a node's reach; where it is down, in anybody's."""
    found: list[Stretch] = []
    begin: float | None = None
    for span in world.spans:
        down = span.phases[node] is Phase.DOWN
        cut_off = not span.possible if down else not world.has_quorum(world.component(span, node))
        if cut_off and begin is None:
            begin = span.begin
        elif not cut_off and begin is not None:
            found.append(Stretch(begin, span.begin))
            begin = None
    if begin is not None:
        found.append(Stretch(begin, world.timeline.end))
    return found


def _theirs(seen: Seen, world: World) -> dict[str, float]:
    """Return every block that a node within reach of a quorum showed, and when first."""
    slack = world.timeline.header.round_timeout_seconds
    lonely = {node: alone(world, node) for node in world.timeline.nodes}
    found: dict[str, float] = {}
    for node, runs in seen.runs.items():
        for run in runs:
            if run.hash and not any(each.begin + slack < run.first < each.end for each in lonely[node]):
                found[run.hash] = min(run.first, found.get(run.hash, run.first))
    return found


def _judge(world: World, seen: Seen, node: str, theirs: dict[str, float]) -> Iterator[Alone]:
    slack = world.timeline.header.round_timeout_seconds
    runs = seen.runs[node]
    for stretch in alone(world, node):
        inside = [run for run in runs if run.last > stretch.begin + slack and run.first < stretch.end]
        if not inside:
            continue
        reached = seen.tip_at(stretch.begin + slack)
        level = max([run.height for run in runs if run.first <= stretch.begin + slack], default=0)
        level = max(level, reached or 0)
        wrong = None
        for run in inside:
            if run.first <= stretch.begin + slack or run.height <= level:
                continue
            known = theirs.get(run.hash or "")
            if known is not None and known <= run.first + slack and known < stretch.end:
                continue
            if run.height <= level + IN_FLIGHT_BLOCKS and _first_answer(world, node, run.first):
                level = run.height
                continue
            wrong = run
            break
        yield Alone(node, stretch, level, wrong)


def _up_seconds(world: World, node: str, stretch: Stretch) -> float:
    spans = world.over(stretch.begin, stretch.end)
    return sum(span.end - span.begin for span in spans if span.phases[node] is not Phase.DOWN)


def _first_answer(world: World, node: str, t: float) -> bool:
    """Whether a node, at ``t``, answers for the first time after it was away."""
    span = world.at(t)
    before = world.at(span.begin - 1e-9)
    return span.phases[node] is Phase.UP and t - span.begin < 1e-6 and before.phases[node] is not Phase.UP


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network, side by side where it is split."""
    if not timeline.header.bft:
        return []
    world, seen = world_of(timeline), seen_of(timeline)
    slack = timeline.header.round_timeout_seconds
    occasions = [
        each for node in timeline.nodes for each in alone(world, node) if _up_seconds(world, node, each) > slack
    ]
    if not occasions:
        return []
    theirs = _theirs(seen, world)
    found = [each for node in timeline.nodes for each in _judge(world, seen, node, theirs)]
    begin, end = min(each.begin for each in occasions), max(each.end for each in occasions)
    if not found:
        return [INVARIANT.row(Verdict.UNKNOWN, begin, end, "no height was seen while there was no quorum")]
    wrong = [(each.wrong.first, each, each.wrong) for each in found if each.wrong is not None]
    if wrong:
        t, each, run = min(wrong, key=lambda one: one[0])
        observed = (
            f"{each.node} shows block {run.height} ({short(run.hash)}) at {t:.1f} s, with no quorum in reach since "
            f"{each.stretch.begin:.1f} s and height {each.height} the last before"
        )
        return [INVARIANT.row(Verdict.BROKEN, each.stretch.begin, t, observed)]
    longest = max(found, key=lambda each: each.stretch.seconds)
    nodes = listed(sorted({each.node for each in found}))
    observed = f"without a quorum for up to {longest.stretch.seconds:.1f} s, {nodes} showed no new block"
    return [INVARIANT.row(Verdict.HELD, begin, end, observed)]


INVARIANT = Invariant(
    "no-progress-without-quorum",
    "While validators of more than two thirds of the stake are not up and connected, no new block appears.",
    look,
)
