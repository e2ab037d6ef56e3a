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
from typing import Any

from prowl.checks.invariants.network_state import World, world_of
from prowl.reports.timeline import Sample, Timeline


@dataclass
class Run:
    """A node showed this block as its latest (or its finalized one) in every answer from ``first`` to ``last``."""

    first: float
    last: float
    height: int
    hash: str | None
    parent: str | None = None


@dataclass
class Tip:
    """The network's height from ``t`` on; ``last`` is the last sample in which a node showed no more than that."""

    t: float
    height: int
    last: float


@dataclass(frozen=True)
class Block:
    """A block as somebody showed it first; ``node`` showed it at ``t``."""

    t: float
    node: str
    height: int
    hash: str
    parent: str | None
    miner: str | None = None
    stamp: float | None = None


@dataclass(frozen=True)
class Final:
    """A hash is final at its height since ``t``; ``by`` says whose word that is."""

    t: float
    hash: str
    by: str
    claimed: bool


@dataclass
class Seen:
    """All of it, gathered in one pass."""

    runs: dict[str, list[Run]]
    fins: dict[str, list[Run]]
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
    """Return a sample's value as a number; None for what is none (missing, text, NaN, doubled)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def whole(value: object) -> int | None:
    """Return a height; None for what can't be one."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def quantity(value: object) -> int | None:
    """Return a height as an RPC's answer has it, a number or "0x..."; None for what is none."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            return None
    return whole(value)


def digest(value: object) -> str | None:
    """Return a hash; None for what is none, and for zeros (no block at all)."""
    return value.lower() if isinstance(value, str) and value.lower().removeprefix("0x").strip("0") else None


def latest_height(sample: Sample) -> int | None:
    """Return the number of a sample's latest block; None where it shows none."""
    value = sample.values.get("latest")
    return whole(value[0]) if isinstance(value, list | tuple) and value else None


def _block(value: object) -> tuple[int, str | None, str | None] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    height = whole(value[0])
    if height is None:
        return None
    return height, digest(value[1]) if len(value) > 1 else None, digest(value[2]) if len(value) > 2 else None


class _Gatherer:
    """Builds :class:`Seen`, sample by sample."""

    def __init__(self, timeline: Timeline, world: World) -> None:
        self.bft, self.world = timeline.header.bft, world
        self.seen = Seen({node: [] for node in timeline.nodes}, {node: [] for node in timeline.nodes})
        self.by_hash = any(latest_height(sample) is not None for sample in timeline.samples)
        self.read: dict[tuple[str, str], tuple[object, tuple[int, str | None, str | None] | None]] = {}
        self.standing: dict[int, dict[str, str]] = {}
        self.highest: dict[str, int] = {}
        showing = set[str]()
        for sample in timeline.samples:
            if len(showing) < 2 and sample.node not in showing and self._tip(sample):
                showing.add(sample.node)
        self.witnesses = len(showing)

    def take(self, sample: Sample) -> None:
        """Add a sample."""
        tip = self._tip(sample)
        if tip is not None:
            self._run(self.seen.runs[sample.node], sample, tip)
            self._height(sample, tip[0])
        fin = self._read(sample, "fin")
        if fin is not None and self._run(self.seen.fins[sample.node], sample, fin) and fin[0] > 0 and fin[1]:
            self._stand(sample, fin[0], fin[1])
            claim = Final(sample.t, fin[1], f"{sample.node} as finalized", True)
            self.seen.finals.setdefault(fin[0], {}).setdefault(fin[1], claim)
        for row in _rows(sample.values.get("blocks")):
            self._see(sample, row)

    def _tip(self, sample: Sample) -> tuple[int, str | None, str | None] | None:
        if self.by_hash:
            return self._read(sample, "latest")
        heights = [whole(sample.values.get(name)) for name in ("rpc_height", "block_height")]
        return next(((height, None, None) for height in heights if height is not None), None)

    def _read(self, sample: Sample, name: str) -> tuple[int, str | None, str | None] | None:
        """Read a block of a sample; mostly it is the one of the sample before."""
        value = sample.values.get(name)
        before = self.read.get((sample.node, name))
        if before is not None and before[0] == value:
            return before[1]
        found = _block(value)
        self.read[sample.node, name] = value, found
        return found

    def _run(self, runs: list[Run], sample: Sample, block: tuple[int, str | None, str | None]) -> bool:
        """Lengthen the node's run, or begin another and say so."""
        if runs and (runs[-1].height, runs[-1].hash, runs[-1].parent) == block:
            runs[-1].last = sample.t
            return False
        runs.append(Run(sample.t, sample.t, *block))
        if runs is self.seen.runs[sample.node]:
            values = sample.values
            self._see(sample, [*block, values.get("miner"), values.get("stamp")])
        return True

    def _height(self, sample: Sample, height: int) -> None:
        """The network's height is one that two nodes have shown: a single one may lie about its tip."""
        if height > self.highest.get(sample.node, -1):
            self.highest[sample.node] = height
            best = sorted(self.highest.values(), reverse=True)
            if len(best) >= self.witnesses:
                tips, reached = self.seen.tips, best[self.witnesses - 1]
                if not tips or reached > tips[-1].height:
                    tips.append(Tip(sample.t, reached, sample.t))
        if self.seen.tips and height <= self.seen.tips[-1].height:
            self.seen.tips[-1].last = sample.t

    def _see(self, sample: Sample, row: list[Any]) -> None:
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
        block = Block(sample.t, sample.node, height, name, parent, miner, stamp)
        known = self.seen.shown.setdefault(name, block)
        if known is not block:
            if known.height != height or (known.parent and parent and known.parent != parent):
                self.seen.clashes.append((known, block))
            elif (known.parent, known.miner, known.stamp) != (parent, miner, stamp):
                self.seen.shown[name] = Block(
                    known.t, known.node, height, name, known.parent or parent, known.miner or miner,
                    known.stamp if known.stamp is not None else stamp,
                )  # fmt: skip
        self._stand(sample, height, name)

    def _stand(self, sample: Sample, height: int, name: str) -> None:
        """A node stands by a hash at a height; note who did, and when a quorum does."""
        here = self.standing.setdefault(height, {})
        if here.get(sample.node) == name:
            return
        here[sample.node] = name
        self.seen.at.setdefault(height, {}).setdefault(name, []).append((sample.t, sample.node))
        if not self.bft or (name in self.seen.finals.get(height, {}) and not self.seen.finals[height][name].claimed):
            return
        group = sorted(node for node, theirs in here.items() if theirs == name)
        if self.world.has_quorum(group):
            by = f"a quorum ({', '.join(group)})"
            known = self.seen.finals.setdefault(height, {}).get(name)
            self.seen.finals[height][name] = Final(known.t if known else sample.t, name, by, False)


def _rows(value: object) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield from (row for row in value if isinstance(row, list))


@lru_cache(maxsize=4)
def seen_of(timeline: Timeline) -> Seen:
    """Return what was seen in a timeline, gathered once."""
    world = world_of(timeline)
    gatherer = _Gatherer(timeline, world)
    lies = {node: found for node in timeline.nodes if (found := world.lies(node))}
    for sample in timeline.samples:
        if sample.answered and not any(each.begin <= sample.t < each.end for each in lies.get(sample.node, ())):
            gatherer.take(sample)
    return gatherer.seen
