"""The contract's limits in seconds: the block interval of this network, and what is allowed in terms of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median

from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.network_state import Presence, Stretch, World, world_of
from prowl.reports.timeline import Header, Timeline

INTERVALS = 10
"""Block intervals that every allowance begins with."""
NEWEST_BLOCKS = 50
ENOUGH_BLOCKS = 10
"""With fewer blocks than these a chain is young, and its key goes before what was measured."""
FEWEST_BLOCKS = 2
STALL = 10
"""A step of so many times the median is a stall."""
COARSE_STAMP_SECONDS = 1.0
COARSE_SHARE = 0.05


@dataclass(frozen=True)
class Pace:
    """The block interval in seconds (None: it can't be known) and how it is known."""

    interval: float | None
    how: str
    header: Header
    starts: tuple[float, ...]

    def pause_seconds(self, begin: float) -> float | None:
        """Return how long a pause that begins then may be: more where a start's grace falls into it in time."""
        if self.interval is None:
            return None
        base = INTERVALS * self.interval + self.header.dead_proposer_seconds
        grace = self.header.start_grace_seconds
        return base + (grace if any(begin - grace < start < begin + base for start in self.starts) else 0.0)

    @property
    def heal_seconds(self) -> float | None:
        """How long progress may be owed after a heal."""
        return None if self.interval is None else INTERVALS * self.interval + self.header.heal_seconds

    @property
    def signal_seconds(self) -> float:
        """Three round time-outs: how long a signal may lag behind what is true."""
        return 3 * self.header.round_timeout_seconds


@lru_cache(maxsize=4)
def pace_of(timeline: Timeline) -> Pace:
    """Return the pace of a timeline's network: measured while all was well, else the header's key, else unknown."""
    world, seen, header = world_of(timeline), seen_of(timeline), timeline.header
    measured = [found for calm in _calm(world) if (found := _measure(seen, calm)) is not None]
    starts = tuple(world.starts())
    good = next((found for found in measured if found[0] >= ENOUGH_BLOCKS), None)
    if good is not None:
        return Pace(good[1], good[2], header, starts)
    if header.block_interval_seconds is not None:
        return Pace(header.block_interval_seconds, "the network's key", header, starts)
    if measured:
        count, interval, how = measured[0]  # the first calm: what came after a fault may be a burst, or hold a stall
        return Pace(interval, f"{how}, of {count} blocks only", header, starts)
    return Pace(None, "not known: too few blocks while all nodes were up, and no key", header, starts)


def _calm(world: World) -> Iterator[Stretch]:
    """Return the stretches in which every node was up and no edge was cut."""
    begin: float | None = None
    for span in world.spans:
        well = not span.cut and not span.slow and all(phase is Presence.UP for phase in span.phases.values())
        fresh = any(action.t == span.begin and not action.is_note for action in world.actions)
        if begin is not None and (not well or fresh):
            yield Stretch(begin, span.begin)
            begin = None
        if well and begin is None:
            begin = span.begin
    if begin is not None:
        yield Stretch(begin, world.spans[-1].end)


def _measure(seen: Seen, calm: Stretch) -> tuple[int, float, str] | None:
    """Return count, interval and way of measuring, by the newest blocks after block 1 that came in a stretch."""
    tips = [tip for tip in seen.tips if calm.begin <= tip.t <= calm.end and tip.height > 1]
    if len(tips) < 2:
        return None
    oldest = next(tip for tip in tips if tip.height >= tips[-1].height - NEWEST_BLOCKS)
    count = tips[-1].height - oldest.height
    if count < FEWEST_BLOCKS:
        return None
    stamps = sorted(
        (block.height, block.stamp)
        for block in seen.shown.values()
        if block.stamp is not None and oldest.height <= block.height <= tips[-1].height
    )
    if len(stamps) > 1 and stamps[-1][0] - stamps[0][0] >= FEWEST_BLOCKS:
        coarse = all(stamp == int(stamp) for _, stamp in stamps)
        resolution = COARSE_STAMP_SECONDS if coarse else 0.0
        blocks, seconds = _pace(stamps, resolution)
        if seconds > 0 and resolution <= COARSE_SHARE * seconds:
            return blocks, seconds / blocks, "by the blocks' stamps"
    blocks, seconds = _pace([(tip.height, tip.t) for tip in tips if tip.t >= oldest.t], 0.0)
    return (blocks, seconds / blocks, "by the heights seen") if blocks else None


def _pace(points: list[tuple[int, float]], resolution: float) -> tuple[int, float]:
    """Return how many blocks came in how many seconds; a recording may hold a stall, and that is no pace."""
    steps = [
        (height - lower, max(0.0, t - before)) for (lower, before), (height, t) in pairwise(points) if height > lower
    ]
    usual = median([seconds / blocks for blocks, seconds in steps for _ in range(blocks)])
    kept = [step for step in steps if step[1] <= STALL * max(usual, resolution) * step[0]]
    return sum(blocks for blocks, _ in kept), sum(seconds for _, seconds in kept)
