"""What was seen of the chain: each node's tip over time, the blocks and their parents, what was final since when.

Final means, as seen from outside: the same hash at a height on validators of more than two thirds of the stake at the
same time (only where BFT is on), or what a node itself calls finalized (``fin``). What a node says while a fault makes
it lie is no evidence, and is left out.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import merge
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

from prowl.checks.invariants.network_state import World, world_of
from prowl.reports.timeline import Timeline


@dataclass(slots=True)
class ShownBlock:
    """A node showed this block as its latest (or its finalized one) in every answer from ``first`` to ``last``."""

    first: float
    last: float
    height: int
    hash: str | None
    parent: str | None = None


@dataclass(slots=True)
class Tip:
    """The network's height from ``t`` on; ``last`` is the last sample in which a node showed no more than that."""

    t: float
    height: int
    last: float


@dataclass(frozen=True, slots=True)
class Block:
    """A block as somebody showed it first; ``node`` showed it at ``t``."""

    t: float
    node: str
    height: int
    hash: str
    parent: str | None
    miner: str | None = None
    stamp: float | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """A hash is final at its height since ``t``; ``by`` says whose word that is."""

    t: float
    hash: str
    by: str
    claimed: bool


@dataclass
class Seen:
    """All of it, gathered in one pass."""

    runs: dict[str, list[ShownBlock]]
    fins: dict[str, list[ShownBlock]]
    shown: dict[str, Block] = field(default_factory=dict)
    """Every block of which a node showed number and hash, by hash."""
    clashes: list[tuple[Block, Block]] = field(default_factory=list)
    """The same hash at two heights, or with two parents."""
    at: dict[int, dict[str, list[tuple[float, str]]]] = field(default_factory=dict)
    """Height, then hash: who showed it, and when first."""
    finals: dict[int, dict[str, Final]] = field(default_factory=dict)
    tips: list[Tip] = field(default_factory=list)
    has_hashes: bool = False

    def tip_at(self, t: float) -> int | None:
        """Return the network's height at a time; None before one was seen."""
        number = bisect_right(self.tips, t, key=lambda tip: tip.t)
        return self.tips[number - 1].height if number else None

    def parent_of(self, name: str) -> str | None:
        """Return the hash that a block stands on; None where nobody showed it, or it is not of the height below.

        So a walk along parents always ends.
        """
        block = self.shown.get(name)
        if block is None or block.parent is None:
            return None
        below = self.shown.get(block.parent)
        return None if below is not None and below.height != block.height - 1 else block.parent

    def split_finals(self) -> Iterator[tuple[Block, Final]]:
        """Return the final blocks that stand on another block than the one that is final below them."""
        for height, finals in self.finals.items():
            below = self.finals.get(height - 1)
            for name in finals if below else ():
                block = self.shown.get(name)
                if below and block is not None and block.parent and block.parent not in below:
                    yield block, next(iter(below.values()))


def number(value: object) -> float | None:
    """Return a sample's value as a number; None for anything else (missing, text, NaN, doubled)."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int | None:
    """Return a height; None for what can't be one."""
    if type(value) is int and value >= 0:
        return value  # the very one: there are as many as there are samples
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def quantity(value: object) -> int | None:
    """Return a height as an RPC's answer has it, a number or "0x..."; None for anything else."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            return None
    return whole(value)


def digest(value: object) -> str | None:
    """Return a hash; None for anything else, and for zeros (no block at all)."""
    if not isinstance(value, str):
        return None
    low = value.lower()
    low = value if low == value else low  # the text that is there already is kept
    return low if low.removeprefix("0x").strip("0") else None


def height_of_block(value: object) -> int | None:
    """Return the number of a block as samples have it in ``latest``; None for anything else."""
    return whole(value[0]) if isinstance(value, list | tuple) and value else None


def _block(value: object) -> tuple[int, str | None, str | None] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    height = whole(value[0])
    if height is None:
        return None
    return height, digest(value[1]) if len(value) > 1 else None, digest(value[2]) if len(value) > 2 else None


class _Show(NamedTuple):
    """From ``t`` to ``last`` a node showed the same."""

    t: float
    order: int
    last: float
    node: str
    tip: tuple[int, str | None, str | None] | None
    fin: tuple[int, str | None, str | None] | None
    blocks: object
    miner: object
    stamp: object


class _Gatherer:
    """Builds :class:`Seen`, from one change of what a node shows to the next."""

    def __init__(self, timeline: Timeline, world: World) -> None:
        self.bft, self.world = timeline.header.bft, world
        self.seen = Seen({node: [] for node in timeline.nodes}, {node: [] for node in timeline.nodes})
        self.tracks = {node: world.honest(node) for node in timeline.nodes}
        self.by_hash = any(_block(value) for track in self.tracks.values() for _, _, value in track.runs("latest"))
        self.standing: dict[int, dict[str, str]] = {}
        self.highest: dict[str, int] = {}
        self.orders: list[int] = []

    def gather(self) -> Seen:
        """Take all that was shown, in the order of time."""
        showing = sum(any(show.tip for show in self._shows(node)) for node in self.tracks)
        self.witnesses = min(2, showing)
        for show in merge(*(self._shows(node) for node in self.tracks), key=itemgetter(0, 1)):
            self._take(show)
        for node in self.tracks:
            self._last_looks(node)
        return self.seen

    def _shows(self, node: str) -> Iterator[_Show]:
        track = self.tracks[node]
        names = ("latest", "rpc_height", "block_height", "fin", "blocks", "miner", "stamp")
        for begin, end, (latest, rpc, metric, fin, blocks, miner, stamp) in track.together(*names):
            tip = _block(latest) if self.by_hash else next(
                ((height, None, None) for each in (rpc, metric) if (height := whole(each)) is not None), None
            )  # fmt: skip
            times = track.times
            yield _Show(times[begin], track.order[begin], times[end - 1], node, tip, _block(fin), blocks, miner, stamp)

    def _take(self, show: _Show) -> None:
        if show.tip is not None:
            if self._run(self.seen.runs[show.node], show, show.tip):
                self._see(show, [*show.tip, show.miner, show.stamp])
            self._height(show, show.tip[0])
        fin = show.fin
        if fin is not None and self._run(self.seen.fins[show.node], show, fin) and fin[0] > 0 and fin[1]:
            self._stand(show, fin[0], fin[1])
            claim = Final(show.t, fin[1], f"{show.node} as finalized", True)
            self.seen.finals.setdefault(fin[0], {}).setdefault(fin[1], claim)
        for row in _rows(show.blocks):
            self._see(show, row)

    @staticmethod
    def _run(runs: list[ShownBlock], show: _Show, block: tuple[int, str | None, str | None]) -> bool:
        """Lengthen the node's run, or begin another and say so."""
        if runs and (runs[-1].height, runs[-1].hash, runs[-1].parent) == block:
            runs[-1].last = show.last
            return False
        runs.append(ShownBlock(show.t, show.last, *block))
        return True

    def _last_looks(self, node: str) -> None:
        """Note until when a node was seen to show no more than each height of the network."""
        tips, track = self.seen.tips, self.tracks[node]
        name = "latest" if self.by_hash else None
        columns = ("latest",) if name else ("rpc_height", "block_height")
        place = -1
        for begin, end, values in track.together(*columns):
            tip = _block(values[0]) if name else None
            heights = [tip[0]] if tip else [height for each in values if (height := whole(each)) is not None]
            first = begin
            while heights and first < end:
                key = track.times[first], track.order[first]
                while place + 1 < len(tips) and (tips[place + 1].t, self.orders[place + 1]) <= key:
                    place += 1
                if place + 1 == len(tips):
                    behind = end
                else:
                    behind = min(end, track.before(tips[place + 1].t, self.orders[place + 1]))
                if place >= 0 and heights[0] <= tips[place].height:
                    tips[place].last = max(tips[place].last, track.times[behind - 1])
                first = behind

    def _height(self, show: _Show, height: int) -> None:
        """The network's height is one that two nodes have shown: a single one may lie about its tip."""
        if height > self.highest.get(show.node, -1):
            self.highest[show.node] = height
            best = sorted(self.highest.values(), reverse=True)
            if len(best) >= self.witnesses:
                tips, reached = self.seen.tips, best[self.witnesses - 1]
                if not tips or reached > tips[-1].height:
                    tips.append(Tip(show.t, reached, show.t))
                    self.orders.append(show.order)

    def _see(self, show: _Show, row: list[Any]) -> None:
        """A node shows a block: number, hash, parent, and perhaps miner and stamp."""
        shape = _block(row)
        if shape is None:
            return
        height, name, parent = shape
        if name is None:
            return
        self.seen.has_hashes = True
        miner = row[3].lower() if len(row) > 3 and isinstance(row[3], str) else None
        stamp = number(row[4]) if len(row) > 4 else None
        block = Block(show.t, show.node, height, name, parent, miner, stamp)
        earlier = self.seen.shown.setdefault(name, block)
        if earlier is not block:
            if earlier.height != height or (earlier.parent and parent and earlier.parent != parent):
                self.seen.clashes.append((earlier, block))
            elif (earlier.parent, earlier.miner, earlier.stamp) != (parent, miner, stamp):
                self.seen.shown[name] = Block(
                    earlier.t, earlier.node, height, name, earlier.parent or parent, earlier.miner or miner,
                    earlier.stamp if earlier.stamp is not None else stamp,
                )  # fmt: skip
        self._stand(show, height, name)

    def _stand(self, show: _Show, height: int, name: str) -> None:
        """A node stands by a hash at a height; note who did, and when a quorum does."""
        here = self.standing.setdefault(height, {})
        if here.get(show.node) == name:
            return
        here[show.node] = name
        self.seen.at.setdefault(height, {}).setdefault(name, []).append((show.t, show.node))
        if not self.bft or (name in self.seen.finals.get(height, {}) and not self.seen.finals[height][name].claimed):
            return
        group = sorted(node for node, theirs in here.items() if theirs == name)
        if self.world.has_quorum(group):
            by = intern(f"a quorum ({', '.join(group)})")
            earlier = self.seen.finals.setdefault(height, {}).get(name)
            self.seen.finals[height][name] = Final(earlier.t if earlier else show.t, name, by, False)


def _rows(value: object) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield from (row for row in value if isinstance(row, list))


@lru_cache(maxsize=4)
def seen_of(timeline: Timeline) -> Seen:
    """Return what was seen in a timeline, gathered once."""
    return _Gatherer(timeline, world_of(timeline)).gather()
