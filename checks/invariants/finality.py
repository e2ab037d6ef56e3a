"""Finality: what is final stays.

Broken by a node that, at a height where a block was final, first had that block and later another (shown, or below the
tip that it shows); by a finalized height that falls; and by a tip that falls below a block final on a quorum. After a
node's store was wiped, restored or damaged its heights may fall, but the final blocks must come back with the same
hashes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, ShownBlock, seen_of
from prowl.checks.invariants.network_state import world_of
from prowl.checks.invariants.text import short
from prowl.reports.timeline import Timeline


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    seen = seen_of(timeline)
    found = [*_replaced(seen), *_reorganised(seen), *_falls(timeline, seen)]
    if found:
        begin, end, first = min(found)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return [INVARIANT.row(Verdict.BROKEN, begin, end, first + more)]
    finalized = any(run.height for runs in seen.fins.values() for run in runs)
    if not seen.finals and not finalized:
        if timeline.header.bft or not any(seen.runs.values()):
            return []
        nothing = "without BFT no block was shown as final, so none was replaced"
        return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, nothing)]
    heights = len(seen.finals)
    observed = f"{heights} heights seen final, none replaced; no finalized height fell"
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]


def _replaced(seen: Seen) -> list[tuple[float, float, str]]:
    found = []
    for height, hashes in seen.at.items():
        if len(hashes) < 2:
            continue
        for final in seen.finals.get(height, {}).values():
            stood = {node: t for t, node in reversed(hashes.get(final.hash, []))}
            for name, shows in hashes.items():
                found += [
                    (
                        final.t, t,
                        f"{node} shows {short(name)} at height {height} at {t:.1f} s, where {short(final.hash)}, which "
                        f"it had shown, was final since {final.t:.1f} s by {final.by}",
                    )
                    for t, node in shows
                    if name != final.hash and node in stood and t > stood[node] and t >= final.t
                ]  # fmt: skip
    return found


def _reorganised(seen: Seen) -> list[tuple[float, float, str]]:
    """A node's next tip stands on other blocks than those it had, and one of those was final."""
    found = []
    for node, runs in seen.runs.items():
        for before, after in pairwise(runs):
            if before.hash is None or after.hash is None or after.parent == before.hash:
                continue
            for height, name in dropped(seen, before, after):
                final = seen.finals.get(height, {}).get(name)
                if final is not None and final.t <= after.first:
                    text = (
                        f"{node} leaves {short(name)} of height {height}, final since {final.t:.1f} s by {final.by}, "
                        f"for another branch (height {after.height}, {short(after.hash)}) at {after.first:.1f} s"
                    )
                    found.append((final.t, after.first, text))
                    break
    return found


def dropped(seen: Seen, before: ShownBlock, after: ShownBlock) -> Iterator[tuple[int, str]]:
    """Return the blocks, from the top, of a chain that another took the place of, as far as both are known."""
    ours, theirs = before.hash, after.hash
    height = min(before.height, after.height)
    ours, theirs = _down(seen, ours, before.height - height), _down(seen, theirs, after.height - height)
    while ours and theirs and ours != theirs:
        yield height, ours
        height, ours, theirs = height - 1, seen.parent_of(ours), seen.parent_of(theirs)


def _down(seen: Seen, name: str | None, blocks: int) -> str | None:
    """Return the block so many below another; None once a link was not seen (so a false height costs nothing)."""
    while name is not None and blocks > 0:
        name, blocks = seen.parent_of(name), blocks - 1
    return name


def _falls(timeline: Timeline, seen: Seen) -> list[tuple[float, float, str]]:
    found = []
    quorum = sorted(
        (height, min(final.t for final in finals.values()))
        for height, finals in seen.finals.items()
        if not all(final.claimed for final in finals.values())
    )
    for node in timeline.nodes:
        for before, after in _falling(timeline, node, seen.fins[node]):
            found.append(
                (
                    before.last,
                    after.first,
                    f"the finalized height of {node} falls from {before.height} to {after.height}",
                )
            )
        for before, after in _falling(timeline, node, seen.runs[node]):
            place = bisect_right(quorum, (before.height, inf))
            if not place:
                continue
            lost, since = quorum[place - 1]
            if lost > after.height and since <= after.first:
                text = f"{node} falls from height {before.height} to {after.height} though {lost} was final on a quorum"
                found.append((before.last, after.first, text))
    return found


def _falling(timeline: Timeline, node: str, runs: list[ShownBlock]) -> list[tuple[ShownBlock, ShownBlock]]:
    """Return where a node's height falls, but not for the surgery on its store."""
    header = timeline.header
    settle = header.start_grace_seconds + 3 * header.round_timeout_seconds
    surgeries = [action.t for action in world_of(timeline).actions if node in action.surgery]
    return [
        (before, after)
        for before, after in pairwise(runs)
        if after.height < before.height and not any(t <= after.first and before.last <= t + settle for t in surgeries)
    ]


INVARIANT = Invariant(
    "finality",
    "A block once final is never replaced on any node, and no finalized height ever falls.",
    look,
    safety=True,
)
