"""One chain: while BFT is on, no node ever shows another block at a height than another node, not in one sample.

Agreement is about blocks that are final, and about forks that stay. This is what BFT promises besides: a block is
applied only once its round has committed, so that there is never anything to take back.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import seen_of
from prowl.checks.invariants.text import short
from prowl.reports.timeline import Timeline


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    if not timeline.header.bft:
        observed = "BFT is off in this network: a fork is no finding here"
        return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]
    seen = seen_of(timeline)
    for height, hashes in sorted((height, hashes) for height, hashes in seen.at.items() if len(hashes) > 1):
        shows = sorted((t, node, name) for name, those in hashes.items() for t, node in those)
        first = next(((one, other) for other in shows for one in shows if _apart(one, other)), None)
        if first is not None:
            (begin, node, name), (end, other_node, other_name) = first
            observed = (
                f"height {height} is {short(name)} on {node} at {begin:.1f} s, and {short(other_name)} on {other_node} "
                f"at {end:.1f} s"
            )
            return [INVARIANT.row(Verdict.BROKEN, begin, end, observed)]
    if not seen.has_hashes:
        return []
    nodes = sum(1 for runs in seen.runs.values() if runs)
    observed = (
        f"{len(seen.at)} heights, one block at each, on the {nodes} of {len(timeline.nodes)} nodes that were seen"
    )
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]


def _apart(one: tuple[float, str, str], other: tuple[float, str, str]) -> bool:
    """Whether two nodes show two blocks, the first of them no later."""
    return one < other and one[1] != other[1] and one[2] != other[2]


INVARIANT = Invariant(
    "one-chain",
    "While BFT is on, no node ever shows another block at a height than another node.",
    look,
    safety=True,
)
