"""Growth: what a node's process and stores take grows slowly with the chain.

Judged for each life of a node (a start begins anew) over at least two hundred blocks: by how much the median of its
last third is above that of its first. So much is allowed per thousand blocks, and for fewer than a thousand once: how
memory grows while a process warms up says nothing about the thousandth block.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import height_of_block, number
from prowl.checks.invariants.network_state import world_of
from prowl.checks.invariants.text import several
from prowl.reports.samples import Track
from prowl.reports.timeline import Timeline

FEWEST_BLOCKS = 200
BLOCKS = 1000
PER_THOUSAND_BLOCKS = {"process_memory_bytes": 100e6, "descriptors": 50.0, "disk_bytes": 300e6}


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that lived long enough."""
    world = world_of(timeline)
    rows = []
    for node in timeline.nodes:
        track = world.honest(node)
        found = [row for life in world.lives[node] for row in _grown(track, track.numbers(life.begin, life.end))]
        if found:
            verdict = Verdict.BROKEN if any(over for over, _ in found) else Verdict.HELD
            words = several([text for over, text in found if over or verdict is Verdict.HELD])
            rows.append(INVARIANT.row(verdict, timeline.begin, timeline.end, words, node))
    return rows


def _grown(track: Track, samples: range) -> Iterator[tuple[bool, str]]:
    """Return for each measure whether it grew by more than is allowed, and the figures."""
    heights = [
        height for _, value in _within(track, samples, "latest") if (height := height_of_block(value)) is not None
    ]
    blocks = max(heights) - min(heights) if heights else 0
    if blocks < FEWEST_BLOCKS:
        return
    for name, most in PER_THOUSAND_BLOCKS.items():
        runs = _within(track, samples, name)
        values = [value for count, shown in runs if (value := number(shown)) is not None for _ in range(count)]
        third = len(values) // 3
        if third:
            grown = median(values[-third:]) - median(values[:third])
            allowed = most * max(1.0, blocks / BLOCKS)
            yield grown > allowed, f"{name} grew by {grown:.3g} in {blocks} blocks; {allowed:.3g} are allowed"


def _within(track: Track, samples: range, name: str) -> Iterator[tuple[int, object]]:
    """Return how many of these samples in a row show a value, and the value."""
    for begin, end, value in track.runs(name):
        count = min(end, samples.stop) - max(begin, samples.start)
        if count > 0:
            yield count, value


INVARIANT = Invariant(
    "growth",
    "Memory, descriptors and disk of a node grow by no more than is allowed per thousand blocks.",
    look,
)
