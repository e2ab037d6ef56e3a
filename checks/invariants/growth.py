"""Growth: what a node's process and stores take grows slowly with the chain.

Judged for each life of a node (a start begins anew) over at least two hundred blocks: by how much the median of its
last third is above that of its first. So much is allowed per thousand blocks, and for fewer than a thousand once: how
memory grows while a process warms up says nothing about the thousandth block.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import latest_height, number
from prowl.checks.invariants.network_state import World, world_of
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Sample, Timeline

FEWEST_BLOCKS = 200
BLOCKS = 1000
PER_THOUSAND_BLOCKS = {"process_memory_bytes": 100e6, "descriptors": 50.0, "disk_bytes": 300e6}


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that lived long enough."""
    world = world_of(timeline)
    rows = []
    for node in timeline.nodes:
        found = [row for samples in _lives(world, node) for row in _grown(samples)]
        if found:
            verdict = Verdict.BROKEN if any(over for over, _ in found) else Verdict.HELD
            words = several([text for over, text in found if over or verdict is Verdict.HELD])
            rows.append(INVARIANT.row(verdict, timeline.begin, timeline.end, words, node))
    return rows


def _lives(world: World, node: str) -> Iterator[list[Sample]]:
    samples = world.honest(node)
    for life in world.lives[node]:
        yield [sample for sample in samples if life.begin <= sample.t < life.end and sample.answered]


def _grown(samples: list[Sample]) -> Iterator[tuple[bool, str]]:
    """Return for each measure whether it grew by more than is allowed, and the figures."""
    heights = [height for sample in samples if (height := latest_height(sample)) is not None]
    blocks = max(heights) - min(heights) if heights else 0
    if blocks < FEWEST_BLOCKS:
        return
    for name, most in PER_THOUSAND_BLOCKS.items():
        values = [value for sample in samples if (value := number(sample.values.get(name))) is not None]
        third = len(values) // 3
        if third:
            grown = median(values[-third:]) - median(values[:third])
            allowed = most * max(1.0, blocks / BLOCKS)
            yield grown > allowed, f"{name} grew by {grown:.3g} in {blocks} blocks; {allowed:.3g} are allowed"


INVARIANT = Invariant(
    "growth",
    "Memory, descriptors and disk of a node grow by no more than is allowed per thousand blocks.",
    look,
)
