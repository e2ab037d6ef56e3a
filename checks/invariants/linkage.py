"""Linkage: a block's parent is the block below it.

A parent that is another block of the height below is a reorganisation, which agreement and finality judge. A parent
that nobody ever showed, on a node that had shown a final block there, is a broken link; over a block that was not final
it can't be told from a reorganisation whose block was missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.text import short
from prowl.reports.timeline import Timeline


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    seen = seen_of(timeline)
    own = list(_own(seen))
    lost = [row for was_final, row in own if was_final]
    broken = sorted([*_clashes(seen), *_heights(seen), *_finals(seen), *lost])
    if broken:
        t, end, text = broken[0]
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return [INVARIANT.row(Verdict.BROKEN, t, end, text + more)]
    if own and timeline.header.bft:
        return [INVARIANT.row(Verdict.UNKNOWN, *min(row for _, row in own))]
    linked = sum(1 for block in seen.shown.values() if block.parent)
    if not linked:
        return []
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, f"{linked} blocks, each on the one below")]


def _clashes(seen: Seen) -> list[tuple[float, float, str]]:
    found = []
    for one, other in seen.clashes:
        if one.height != other.height:
            what = f"at height {one.height} on {one.node} and at height {other.height} on {other.node}"
        else:
            what = f"with parent {short(one.parent)} on {one.node} and with {short(other.parent)} on {other.node}"
        found.append((one.t, other.t, f"block {short(one.hash)} of height {one.height} is shown {what}"))
    return found


def _heights(seen: Seen) -> list[tuple[float, float, str]]:
    """A parent must be of the height below."""
    return [
        (
            block.t, block.t,
            f"block {block.height} on {block.node} stands on {short(block.parent)}, a block of height {below.height}",
        )
        for block in seen.shown.values()
        if block.parent and (below := seen.shown.get(block.parent)) is not None and below.height != block.height - 1
    ]  # fmt: skip


def _finals(seen: Seen) -> list[tuple[float, float, str]]:
    """A final block stands on the final block below, whichever nodes showed them."""
    found = []
    for block, below in seen.split_finals():
        if block.parent not in seen.shown:  # else it is another branch, which agreement judges
            text = (
                f"the final block {block.height} on {block.node} stands on {short(block.parent)}, which nobody showed; "
                f"final at height {block.height - 1} is {short(below.hash)}"
            )
            found.append((min(below.t, block.t), block.t, text))
    return found


def _own(seen: Seen) -> Iterator[tuple[bool, tuple[float, float, str]]]:
    """A node's next block stands on the one it showed before, or on another that somebody showed.

    Says with each that does not whether the one before was final. If only the next one is, the final chain is right.
    """
    for node, runs in seen.runs.items():
        for before, after in pairwise(runs):
            if after.height != before.height + 1 or not before.hash or not after.parent or after.parent == before.hash:
                continue
            was_final = before.hash in seen.finals.get(before.height, {})
            is_final = after.hash in seen.finals.get(after.height, {})
            if after.parent not in seen.shown and (was_final or not is_final):
                text = (
                    f"{node} shows {short(before.hash)} at height {before.height}, then block {after.height} on "
                    f"{short(after.parent)}, which nobody ever showed"
                )
                yield was_final, (before.last, after.first, text)


INVARIANT = Invariant("linkage", "The parent of every block is the block of the height below it.", look, safety=True)
