"""No progress without a quorum: a node that no quorum can reach shows no new block.

Judged for each node while it, and all that it may hear of, hold no more than two thirds of the stake. A node that was
started can't vote before it answers, so until it last refused an answer it does not count, unless a vote of it is seen:
a block of its own, a block that it says it voted for, or so many votes in a node's BFT status. Blocks first seen
within one round time-out of the loss were on their way (the action takes a moment, and so do the last votes), and so
was what a node shows in its first answer after it was away, up to two blocks. Blocks that nodes with a quorum showed by
then are theirs. In a longest-chain network blocks need no quorum: no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, ShownBlock, number, quantity, seen_of
from prowl.checks.invariants.network_state import Presence, Span, Stretch, World, world_of
from prowl.checks.invariants.quorum import components
from prowl.checks.invariants.text import listed, short
from prowl.reports.timeline import Sample, Timeline

IN_FLIGHT_BLOCKS = 2


@dataclass(frozen=True)
class Alone:
    """What a node did while no quorum was in reach: the new block it showed, or that it stood still."""

    node: str
    stretch: Stretch
    height: int
    wrong: ShownBlock | None


def alone(world: World, node: str) -> list[Stretch]:
    """Return the stretches in which no quorum can be in a node's reach; while it is down: in any node's reach."""
    found: list[Stretch] = []
    begin: float | None = None
    for span in _parted(world.spans, [each.end for stretches in world.mute.values() for each in stretches]):
        mute = world.mute_at(span.begin)
        voting = [name for name, phase in span.phases.items() if phase is not Presence.DOWN and name not in mute]
        here = span.phases[node] is not Presence.DOWN
        groups = components({*voting, node} if here else voting, span.cut)
        cut_off = not any(world.has_quorum(group - mute) for group in groups if node in group or not here)
        if cut_off and begin is None:
            begin = span.begin
        elif not cut_off and begin is not None:
            found.append(Stretch(begin, span.begin))
            begin = None
    return found if begin is None else [*found, Stretch(begin, world.timeline.end)]


def _parted(spans: Iterable[Span], times: list[float]) -> Iterator[Span]:
    """Return the spans, parted at these times besides."""
    for span in spans:
        inside = sorted({t for t in times if span.begin < t < span.end})
        for begin, end in pairwise([span.begin, *inside, span.end]):
            yield replace(span, begin=begin, end=end)


def _theirs(seen: Seen, world: World, lonely: Mapping[str, list[Stretch]]) -> dict[str, float]:
    """Return every block that a node within reach of a quorum showed, and when first."""
    slack = world.timeline.header.round_timeout_seconds
    found: dict[str, float] = {}
    for node, runs in seen.runs.items():
        for run in runs:
            if run.hash and not any(each.begin + slack < run.first < each.end for each in lonely[node]):
                found[run.hash] = min(run.first, found.get(run.hash, run.first))
    return found


def _judge(world: World, seen: Seen, node: str, lonely: list[Stretch], theirs: Mapping[str, float]) -> Iterator[Alone]:
    slack = world.timeline.header.round_timeout_seconds
    runs = seen.runs[node]
    for stretch in lonely:
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
            shown_at = theirs.get(run.hash or "")
            if shown_at is not None and shown_at <= run.first + slack and shown_at < stretch.end:
                continue
            on_its_way = run.height <= level + IN_FLIGHT_BLOCKS and _first_answer(world, node, run.first)
            if on_its_way or _vote_is_seen(world, seen, run):
                level = run.height
                continue
            wrong = run
            break
        yield Alone(node, stretch, level, wrong)


def _vote_is_seen(world: World, seen: Seen, run: ShownBlock) -> bool:
    """Whether a vote is seen of a node that was started and did not answer yet when this block came."""
    mute = world.mute_at(run.first)
    block = seen.shown.get(run.hash or "")
    if block is not None and block.miner in {world.address(node) for node in mute}:
        return True
    for node in world.timeline.nodes if mute else ():
        for sample in world.honest(node):
            if _votes(sample, run.height) >= world.fewest_voters:
                return True
            if node in mute and number(sample.values.get("voted")) == run.height:
                return True
    return False


def _votes(sample: Sample, height: int) -> float:
    """Return how many votes a node's BFT status shows for a height."""
    bft = sample.values.get("bft")
    if not isinstance(bft, dict) or quantity(bft.get("height")) != height:
        return 0
    return max(number(bft.get(name)) or 0 for name in ("prepareVotes", "commitVotes"))


def _words_of_bft(world: World, run: ShownBlock) -> str:
    """Say what a BFT status shows of a block's votes when it is there; "" where none shows any."""
    found = (
        (_votes(sample, run.height), node)
        for node in world.timeline.nodes
        for sample in world.honest(node)
        if sample.t >= run.first
    )
    most, node = max(found, default=(0.0, ""))
    return f"; {most:.0f} of {world.fewest_voters} votes in the BFT status of {node}" if most else ""


def _up_seconds(world: World, node: str, stretch: Stretch) -> float:
    spans = world.over(stretch.begin, stretch.end)
    return sum(span.end - span.begin for span in spans if span.phases[node] is not Presence.DOWN)


def _first_answer(world: World, node: str, t: float) -> bool:
    """Whether a node, at ``t``, answers for the first time after it was away."""
    span = world.at(t)
    before = world.at(span.begin - 1e-9)
    return span.phases[node] is Presence.UP and t == span.begin and before.phases[node] is not Presence.UP


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network, side by side where it is split."""
    if not timeline.header.bft:
        return []
    world, seen = world_of(timeline), seen_of(timeline)
    slack = timeline.header.round_timeout_seconds
    lonely = {node: alone(world, node) for node in timeline.nodes}
    occasions = [
        each for node, stretches in lonely.items() for each in stretches if _up_seconds(world, node, each) > slack
    ]
    if not occasions:
        return []
    theirs = _theirs(seen, world, lonely)
    found = [each for node in timeline.nodes for each in _judge(world, seen, node, lonely[node], theirs)]
    begin, end = min(each.begin for each in occasions), max(each.end for each in occasions)
    if not found:
        return [INVARIANT.row(Verdict.UNKNOWN, begin, end, "no height was seen while there was no quorum")]
    wrong = [(each.wrong.first, each, each.wrong) for each in found if each.wrong is not None]
    if wrong:
        t, each, run = min(wrong, key=lambda one: one[0])
        mute = [f"{node} had not answered yet since its start" for node in sorted(world.mute_at(run.first))]
        observed = (
            f"{each.node} shows block {run.height} ({short(run.hash)}) at {t:.1f} s, with no quorum in reach since "
            f"{each.stretch.begin:.1f} s and height {each.height} the last before"
            f"{''.join(f'; {words}' for words in mute)}{_words_of_bft(world, run)}"
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
