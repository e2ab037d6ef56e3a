"""Fork choice: a node that leaves a branch for another takes the better one, by the manual's rule.

What a node left, it may have had more of than was seen, and of what it took it may have had less when it chose. So
where what was left, as far as it was seen, is better than what was taken, the rule was surely not kept. Final is here
what a quorum was seen to have. A node that was down, or whose store was changed in between, has not chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from prowl.checks.fork_choice import DOCUMENTED, MANUAL, Branch
from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, ShownBlock, seen_of
from prowl.checks.invariants.network_state import Presence, World, world_of
from prowl.checks.invariants.text import short
from prowl.reports.timeline import Timeline


@dataclass(frozen=True)
class Switch:
    """A node left one branch for another between two samples; both from the block on that they have in common."""

    node: str
    begin: float
    end: float
    left: Branch
    taken: Branch
    weighed: bool
    """The proposers of all blocks on both were seen."""

    @property
    def decided_by(self) -> str:
        """Return what the two differ in first, in the manual's order."""
        names = {"final": "finality", "length": "length", "weight": "weight", "hash": "the lower hash"}
        return next(words for name, words in names.items() if vars(self.left)[name] != vars(self.taken)[name])

    @property
    def is_plain(self) -> bool:
        """Whether what it was decided by was seen."""
        return self.weighed or self.decided_by in {"finality", "length"}


def switches(seen: Seen, world: World) -> Iterator[Switch | None]:
    """Return every change of branch; None for one of which the common block was not seen.

    A higher tip over blocks that nobody showed is left out: it may stand on the one before.
    """
    weights = {world.address(node): stake for node, stake in world.stakes.items()}
    for node, runs in seen.runs.items():
        for before, after in pairwise(runs):
            if before.hash is None or after.hash is None or after.parent == before.hash:
                continue
            if _was_interrupted(world, node, before.last, after.first):
                continue
            branches = _apart(seen, before, after)
            if branches is None and after.height <= before.height:
                yield None
            elif branches is not None and all(branches):
                (left, one), (taken, other) = (_tip(seen, branch, weights, after.first) for branch in branches)
                yield Switch(node, before.last, after.first, left, taken, one and other)


def _was_interrupted(world: World, node: str, begin: float, end: float) -> bool:
    """Whether a node may have been down between two samples, or have got another store."""
    if any(span.phases[node] is not Presence.UP for span in world.over(begin, end)):
        return True
    touched = (action.stopped | action.starts | action.restarted | action.surgery for action in world.actions)
    times = (action.t for action in world.actions)
    return any(begin <= t <= end and node in nodes for t, nodes in zip(times, touched, strict=True))


def _apart(
    seen: Seen, before: ShownBlock, after: ShownBlock
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]] | None:
    """Return the blocks, from the top, that each of two chains has and the other has not; None where a link is missing.

    One of them is empty where one chain only goes on the other, or falls back to it.
    """
    left, taken = list[tuple[int, str]](), list[tuple[int, str]]()
    ours, theirs = before.hash, after.hash
    one, other = before.height, after.height
    while ours != theirs:
        if ours is None or theirs is None:
            return None
        if one >= other:
            left.append((one, ours))
            ours = seen.parent_of(ours)
            one -= 1
        else:
            taken.append((other, theirs))
            theirs = seen.parent_of(theirs)
            other -= 1
    return left, taken


def _tip(seen: Seen, branch: list[tuple[int, str]], weights: dict[str, int], t: float) -> tuple[Branch, bool]:
    """Return a branch as the rules compare it, and whether all its proposers were seen."""
    finals = [height for height, name in branch if _is_final(seen, height, name, t)]
    miners = [seen.shown[name].miner for _, name in branch if name in seen.shown]
    stakes = [weights[miner] for miner in miners if miner in weights]
    height, name = branch[0]
    return Branch(max(finals, default=0), height, sum(stakes), name), len(stakes) == len(branch)


def _is_final(seen: Seen, height: int, name: str, t: float) -> bool:
    final = seen.finals.get(height, {}).get(name)
    return final is not None and not final.claimed and final.t <= t


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    found = list(switches(seen_of(timeline), world_of(timeline)))
    if not found:
        return []
    whole = [switch for switch in found if switch is not None and switch.is_plain]
    wrong = [switch for switch in whole if MANUAL.prefers(switch.left, switch.taken)]
    if wrong:
        first = min(wrong, key=lambda switch: switch.end)
        observed = (
            f"{first.node} leaves {_told(first.left)} for {_told(first.taken)}: by {first.decided_by} the manual's "
            f"rule ({MANUAL.words}) keeps the former; {_documented([first])}"
        )
        return [INVARIANT.row(Verdict.BROKEN, first.begin, first.end, observed)]
    unseen = f"; {len(found) - len(whole)} could not be seen whole" if len(whole) < len(found) else ""
    if not whole:
        return [INVARIANT.row(Verdict.UNKNOWN, timeline.begin, timeline.end, f"branches were left{unseen}")]
    reasons = ", ".join(sorted({switch.decided_by for switch in whole}))
    observed = (
        f"{len(whole)} times a node left a branch for another, by {reasons}: the manual's rule ({MANUAL.words}) was "
        f"kept; {_documented(whole)}{unseen}"
    )
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, observed)]


def _documented(found: list[Switch]) -> str:
    kept = not any(DOCUMENTED.prefers(switch.left, switch.taken) for switch in found)
    return f"COC's documented order ({DOCUMENTED.words}) was {'kept' if kept else 'not kept'}"


def _told(tip: Branch) -> str:
    final = f"final up to {tip.final}" if tip.final else "nothing final"
    return f"block {tip.length} ({short(tip.hash)}, weight {tip.weight} since the fork, {final})"


INVARIANT = Invariant(
    "fork-choice",
    "A node that leaves a branch for another takes the better one: BFT finality > chain length > weight.",
    look,
)
