"""Signals: what a node says of itself follows what is true.

State and health: the state must leave 0 (and a health that stands for the state must stop saying ok) once no connected
quorum has been up for three round time-outs, or once no block has come to the node for the allowance of a pause
though a quorum is up; counted from when the node itself came back, if that was later. Where the block interval is not
known, a stand that is longer than the least allowance can't be judged. Height: the metric, the number of
the latest block and the RPC's height are the same within what one sample and one block can differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, ShownBlock, height_of_block, number, seen_of, whole
from prowl.checks.invariants.network_state import Presence, Stretch, World, world_of
from prowl.checks.invariants.pace import Pace, pace_of
from prowl.checks.invariants.peers import unanswering
from prowl.reports.samples import ANSWERED, Track
from prowl.reports.timeline import Timeline

STATE = "consensus_state"
HEALTH = "health"
HEIGHTS = ("block_height", "rpc_height")


@dataclass
class Lie:
    """A signal that was wrong from ``begin`` to ``end`` (seconds), and why."""

    begin: float
    end: float
    why: str


@dataclass
class Findings:
    """What is wrong with one node's signals, and what could not be read."""

    lies: list[Lie] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    stalls: list[Stretch] = field(default_factory=list)


@dataclass(frozen=True)
class Stall:
    """A stretch in which a node's state must not be 0, and why; it has stood still, or alone, ``since`` then."""

    stretch: Stretch
    since: float
    why: str


def stalls(world: World, pace: Pace, seen: Seen, node: str) -> list[Stall]:
    """Return when a node's state must not be 0."""
    awake = _awake(world, node)
    return [*_without_quorum(world, pace, awake), *_without_blocks(world, pace, seen.runs[node], awake)]


def _awake(world: World, node: str) -> list[Stretch]:
    """Return the stretches in which a node is up and answers."""
    found: list[Stretch] = []
    for span in world.spans:
        if span.phases[node] is not Presence.UP:
            continue
        if found and found[-1].end == span.begin and not _restarted(world, node, span.begin):
            found[-1] = Stretch(found[-1].begin, span.end)
        else:
            found.append(Stretch(span.begin, span.end))
    return found


def _restarted(world: World, node: str, t: float) -> bool:
    return any(life.begin == t for life in world.lives[node])


def _without_quorum(world: World, pace: Pace, awake: list[Stretch]) -> Iterator[Stall]:
    if not world.timeline.header.bft:
        return
    lost: list[Stretch] = []
    for span in world.spans:
        if span.possible:
            continue
        if lost and lost[-1].end == span.begin:
            lost[-1] = Stretch(lost[-1].begin, span.end)
        else:
            lost.append(Stretch(span.begin, span.end))
    for mine in awake:
        for each in lost:
            since, end = max(each.begin, mine.begin), min(each.end, mine.end)
            begin = since + pace.signal_seconds
            if begin < end:
                yield Stall(Stretch(begin, end), since, f"no connected quorum since {each.begin:.1f} s")


def _without_blocks(world: World, pace: Pace, runs: list[ShownBlock], awake: list[Stretch]) -> Iterator[Stall]:
    """The node's own height stands for longer than a pause may last, counting time with a quorum.

    Where nobody can say whether there was one (nodes that are up by the events do not answer), a stretch longer than
    the loss of a quorum may be kept quiet counts, too: if there was none, the state had to leave 0 for that.
    """
    least = pace.pause_seconds(-inf)
    if least is None:
        return
    for run in _stands(runs):
        if run.last - run.first <= least:
            continue
        for mine in awake:
            begin, end = max(run.first, mine.begin), min(run.last, mine.end)
            allowed = pace.pause_seconds(begin) or least
            passed = 0.0
            for span in world.over(begin, end):
                seconds = span.end - span.begin
                due = allowed - passed if span.sure else max(allowed - passed, pace.signal_seconds)
                if not span.possible or (not span.sure and seconds <= pace.signal_seconds):
                    continue
                if seconds > due:
                    yield Stall(Stretch(span.begin + due, end), begin, f"no block after height {run.height}")
                    break
                passed += seconds


def _stands(runs: list[ShownBlock]) -> Iterator[ShownBlock]:
    """Return the stretches without a higher block: another block in its place, or the one below it, is no progress."""
    here: ShownBlock | None = None
    for run in runs:
        if here is not None and run.height in (here.height, here.height - 1):
            here = replace(here, last=run.last)
            continue
        if here is not None:
            yield here
        here = run
    if here is not None:
        yield here


def says_ok(value: object) -> bool | None:
    """Return whether a health answer (text, status, JSON) says that all is well; None if there was none."""
    if value is None:
        return None
    if isinstance(value, dict):
        return says_ok(value.get("ok", value.get("status")))
    if isinstance(value, list | tuple):
        return all(says_ok(each) for each in value) if value else None
    if isinstance(value, str):
        return value.strip().lower() in {"ok", "healthy", "true", "200"}
    return value is True or value == 200


def _states(timeline: Timeline, world: World, pace: Pace, seen: Seen, node: str) -> Findings:
    found = Findings()
    if pace.interval is None:
        longest = max(seen.runs[node], key=lambda run: run.last - run.first, default=None)
        stood = 0.0 if longest is None else world.possible_seconds(longest.first, longest.last)
        if longest is not None and stood > pace.header.dead_proposer_seconds:
            why = "how long it may be so with a state of 0 is unknown, as the block interval is"
            found.unread.append(f"no block after height {longest.height} for {stood:.1f} s; {why}")
    track = world.honest(node)
    if not _is_number_somewhere(track, STATE):
        found.unread.append(f"{STATE} was missing, or no number, where the node answered")
    for stall in stalls(world, pace, seen, node):
        stretch = stall.stretch
        during = [
            each for each in track.between(stretch.begin, stretch.end) if each.answered and each.t > stretch.begin
        ]
        if not during and stall.stretch.seconds <= timeline.header.round_timeout_seconds:
            continue  # too short for a sample to be in it
        states = [(sample.t, number(sample.values.get(STATE))) for sample in during]
        if all(state is None for _, state in states):
            where = f"from {stall.stretch.begin:.1f} to {stall.stretch.end:.1f} s"
            found.unread.append(f"{STATE} could not be read {where}, {stall.why}")
        _lie(found, timeline, stall, f"{STATE} is 0", [t for t, state in states if state == 0])
        if timeline.header.health_is_state:
            well = [sample.t for sample in during if says_ok(sample.values.get(HEALTH))]
            _lie(found, timeline, stall, f"{HEALTH} says ok", well)
        found.stalls.append(stall.stretch)
    return found


def _lie(found: Findings, timeline: Timeline, stall: Stall, what: str, times: list[float]) -> None:
    """Note a signal that said at these times that all is well; time of a starved recorder does not count."""
    sure = [t for t in times if t - timeline.starved_seconds(stall.since, t) > stall.stretch.begin]
    if sure:
        found.lies.append(Lie(sure[0], sure[-1], f"{what}, {stall.why}"))
    elif times:
        starved = timeline.starved_seconds(stall.since, times[-1])
        found.unread.append(f"{what}, {stall.why}, but the recorder was starved for {starved:.1f} s of it")


def _is_number_somewhere(track: Track, name: str) -> bool:
    return any(number(value) is not None for _, _, value in track.runs(name))


class _Heights:
    """Compares a height with those of the latest block in the samples before, of, and after it.

    In its first answer after it was away a node may still be catching up: how low it was a moment before is not known.
    """

    def __init__(self, track: Track, name: str) -> None:
        self.track, self.name = track, name

    def lies(self) -> list[Lie]:
        """Return the stretches in which it is off by more than one block, or for more than two samples."""
        found: list[Lie] = []
        since, count, last = 0.0, 0, -1
        for begin, end, (shown, latest) in self.track.together(self.name, "latest"):
            height, block = whole(shown), height_of_block(latest)
            if height is None or block is None or height == block:
                continue
            for number_ in range(begin, end):
                t, (before, place) = self.track.times[number_], self._next(number_, -1)
                after, _ = self._next(number_, 1)
                latest_blocks = [block, *(each for each in (before, after) if each is not None)]
                off = max(min(latest_blocks) - height if before is not None else 0, height - max(latest_blocks))
                if off <= 0:
                    continue
                since, count = (since, count + 1) if count and place == last else (t, 1)
                last = number_
                if off > 1 or count > 2:
                    if not found or found[-1].begin != since:
                        found.append(Lie(since, t, f"{self.name} is {height} where the latest block is {block}"))
                    found[-1].end = t
        return found

    def _next(self, number_: int, step: int) -> tuple[int | None, int]:
        """Return the latest block of the next sample with both, and the number of that; None where the node is away."""
        columns, here = self.track.columns, number_ + step
        while 0 <= here < len(self.track.times) and columns[ANSWERED].at(here):
            block = height_of_block(columns["latest"].at(here))
            if block is not None and whole(columns[self.name].at(here)) is not None:
                return block, here
            here += step
        return None, -1


def _impossible(track: Track, name: str) -> list[Lie]:
    """Find a height that is a number and can be no height: less than 0, or between two blocks."""
    found = [
        (track.times[begin], track.times[end - 1], value)
        for begin, end, shown in track.runs(name)
        if (value := number(shown)) is not None and whole(value) is None
    ]
    return [Lie(found[0][0], found[-1][1], f"{name} is {found[0][2]:g}, which no height can be")] if found else []


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that is expected to answer."""
    world, pace, seen = world_of(timeline), pace_of(timeline), seen_of(timeline)
    rows = []
    for node in timeline.nodes:
        track = world.honest(node)
        answers = [(track.times[begin], track.times[end - 1]) for begin, end, answered in track.answers() if answered]
        if not answers:
            rows += [INVARIANT.row(Verdict.UNKNOWN, *found, node) for found in unanswering(timeline, world, node)]
            continue
        found = _states(timeline, world, pace, seen, node)
        for name in HEIGHTS:
            found.lies += [*_Heights(track, name).lies(), *_impossible(track, name)]
        shows_blocks = any(height_of_block(latest) is not None for _, _, latest in track.runs("latest"))
        if shows_blocks and not _is_number_somewhere(track, HEIGHTS[0]):
            found.unread.append(f"{HEIGHTS[0]} was missing, or no number, where the node answered")
        rows.append(_row(node, found, answers[0][0], answers[-1][1]))
    return rows


def _row(node: str, found: Findings, begin: float, end: float) -> Judgement:
    if found.lies:
        # Each reason with the stretch of its own that is the longest; the row is of the longest of all.
        lies = {lie.why: lie for lie in sorted(found.lies, key=lambda lie: lie.end - lie.begin)}
        longest, *others = reversed(lies.values())
        reasons = [f"{lie.why} (from {lie.begin:.1f} to {lie.end:.1f} s)" for lie in (longest, *others[:2])]
        return INVARIANT.row(Verdict.BROKEN, longest.begin, longest.end, "; ".join(reasons), node)
    if found.unread:
        return INVARIANT.row(Verdict.UNKNOWN, begin, end, "; ".join(found.unread[:3]), node)
    observed = "the heights agree"
    if found.stalls:
        observed += f", and the state left 0 in {len(found.stalls)} stretches where it had to"
    return INVARIANT.row(Verdict.HELD, begin, end, observed, node)


INVARIANT = Invariant(
    "signals",
    "State, health and height say what is true, and soon: a chain that stands still is not called healthy.",
    look,
)
