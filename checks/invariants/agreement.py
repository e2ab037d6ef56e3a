"""Agreement: one hash a height, among blocks that are final, and in the end among all.

What breaks it:

- two hashes at one height that are both final: each shown by validators of more than two thirds of the stake at one
  time, or called finalized by a node;
- two nodes that reach each other and go on showing different branches for longer than a heal may take.

What does not: a block that only some nodes show and that the fork choice soon takes back, whether BFT is on or off (a
node that shows a block as its latest does not say that it is decided), and different branches on the two sides of a cut
as long as it is cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, seen_of
from prowl.checks.invariants.network_state import Presence, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.checks.invariants.text import short
from prowl.reports.timeline import Timeline


@dataclass
class Conflict:
    """Two nodes show different branches from ``begin`` to ``end`` (seconds), first at ``height``."""

    nodes: tuple[str, str]
    height: int
    begin: float
    end: float
    resolved: bool = False
    connected_seconds: float = 0.0


@dataclass
class _Pairs:
    """Follows the tips of all nodes through time and notes which pairs conflict."""

    seen: Seen
    tips: dict[str, tuple[int, str]] = field(default_factory=dict)
    open: dict[tuple[str, str], Conflict] = field(default_factory=dict)
    closed: list[Conflict] = field(default_factory=list)
    ancestors: dict[int, dict[str, str | None]] = field(default_factory=dict)

    def move(self, t: float, node: str, height: int, name: str) -> None:
        """A node's latest block is another one now."""
        self.tips[node] = height, name
        for other, (their_height, theirs) in self.tips.items():
            if other == node:
                continue
            pair = (min(node, other), max(node, other))
            common = min(height, their_height)
            if pair not in self.open and len(self.seen.at.get(common, ())) < 2:
                continue  # nobody ever showed two hashes there
            ours, other_hash = self._ancestor(name, height, common), self._ancestor(theirs, their_height, common)
            if ours is None or other_hash is None:
                continue
            if ours != other_hash:
                self.open.setdefault(pair, Conflict(pair, common, t, t))
            elif pair in self.open:
                conflict = self.open.pop(pair)
                conflict.end, conflict.resolved = t, True
                self.closed.append(conflict)

    def _ancestor(self, name: str, height: int, at: int) -> str | None:
        """Return the hash at a lower height of the chain that ends in a block; None where a link was not seen."""
        ancestors = self.ancestors.setdefault(at, {})
        path: list[str] = []
        here: str | None = name
        for _ in range(height - at):
            if here is None or here in ancestors:
                break
            path.append(here)
            here = self.seen.parent_of(here)
        found = ancestors[here] if here is not None and here in ancestors else here
        ancestors.update(dict.fromkeys(path, found))
        return found


def conflicts(seen: Seen, world: World) -> list[Conflict]:
    """Return every stretch in which two nodes showed different branches, with how long they reached each other."""
    if not any(len(hashes) > 1 for hashes in seen.at.values()):
        return []
    moves = sorted(
        (run.first, node, run.height, run.hash) for node, runs in seen.runs.items() for run in runs if run.hash
    )
    pairs = _Pairs(seen)
    for t, node, height, name in moves:
        pairs.move(t, node, height, name)
    for conflict in pairs.open.values():
        conflict.end = world.timeline.end
    found = pairs.closed + list(pairs.open.values())
    for conflict in found:
        one, other = conflict.nodes
        conflict.connected_seconds = sum(
            span.end - span.begin
            for span in world.over(conflict.begin, conflict.end)
            if span.phases[one] is span.phases[other] is Presence.UP and not {(one, other), (other, one)} & span.cut
        )
    return found


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    seen, world = seen_of(timeline), world_of(timeline)
    if not seen.has_hashes:
        return []
    twice = _twice(seen)
    if twice is not None:
        return [twice]
    found = conflicts(seen, world)
    allowed = pace_of(timeline).heal_seconds
    limit = timeline.header.heal_seconds if allowed is None else allowed
    worst = max(found, key=lambda conflict: conflict.connected_seconds, default=None)
    if worst is not None and worst.connected_seconds > limit:
        verdict = Verdict.BROKEN if allowed is not None else Verdict.UNKNOWN
        return [
            _row(
                verdict,
                worst,
                f"for {worst.connected_seconds:.0f} s while they reached each other, {limit:.0f} s are allowed",
            )
        ]
    standing = [conflict for conflict in found if not conflict.resolved and conflict.connected_seconds > 0]
    if standing:
        last = max(standing, key=lambda conflict: conflict.connected_seconds)
        return [
            _row(
                Verdict.UNKNOWN,
                last,
                f"and still do at the end, {last.connected_seconds:.0f} s after they could compare",
            )
        ]
    return [INVARIANT.row(Verdict.HELD, timeline.begin, timeline.end, _held(seen, found))]


def _twice(seen: Seen) -> Judgement | None:
    """Return the row that says where two branches are final, at one height or one above the other."""
    for height, finals in sorted(seen.finals.items()):
        if len(finals) > 1:
            first, second = sorted(finals.values(), key=lambda final: final.t)[:2]
            observed = (
                f"height {height} is final twice: {short(first.hash)} by {first.by} at {first.t:.1f} s, "
                f"{short(second.hash)} by {second.by} at {second.t:.1f} s"
            )
            return INVARIANT.row(Verdict.BROKEN, first.t, second.t, observed)
    for block, below in seen.split_finals():
        if block.parent in seen.shown:
            final = seen.finals[block.height][block.hash]
            observed = (
                f"block {block.height} ({short(block.hash)}), final by {final.by} at {final.t:.1f} s, stands on "
                f"{short(block.parent)}, and {short(below.hash)} is final at height {block.height - 1} by {below.by}"
            )
            return INVARIANT.row(Verdict.BROKEN, min(below.t, final.t), max(below.t, final.t), observed)
    return None


def _row(verdict: Verdict, conflict: Conflict, what: str) -> Judgement:
    one, other = conflict.nodes
    return INVARIANT.row(
        verdict,
        conflict.begin,
        conflict.end,
        f"{one} and {other} show different hashes at height {conflict.height} {what}",
    )


def _held(seen: Seen, found: list[Conflict]) -> str:
    text = f"{len(seen.at)} heights, each with one hash on all nodes"
    if found:
        first = min(found, key=lambda conflict: conflict.begin)
        text = (
            f"{len(seen.at)} heights; different hashes only for a while and never final, first at height "
            f"{first.height} on {' and '.join(first.nodes)} from {first.begin:.1f} to {first.end:.1f} s"
        )
    return text


INVARIANT = Invariant(
    "agreement",
    "No two nodes ever show different final blocks at one height, and no fork stays where nodes reach each other.",
    look,
    safety=True,
)
