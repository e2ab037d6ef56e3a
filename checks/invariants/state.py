"""State: equal roots at equal heights, and every transaction of the load applied once.

Empty blocks leave the state root as it was, so roots that never change prove nothing. A transaction that a node
accepted is lost if the load, asking for each at the end, found it in no block; where no connected quorum was up at the
end, it may still come. Of rivals, such as two transactions with one nonce, exactly one is in a block.
"""

from __future__ import annotations

from collections.abc import Iterator

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import digest, height_of_block, seen_of
from prowl.checks.invariants.network_state import World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.checks.invariants.text import listed, short
from prowl.reports.timeline import Timeline, TransferCounts

Row = tuple[Verdict, float, float, str]


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    world = world_of(timeline)
    found = [
        *_roots(timeline, world),
        *_twice(timeline),
        *_supply(timeline),
        *_lost(timeline, world),
        *_rivals(timeline, world),
    ]
    if not found:
        return []
    verdict, begin, end, observed = max(found, key=lambda row: row[0].severity)
    if verdict is Verdict.HELD:
        begin, end, observed = timeline.begin, timeline.end, "; ".join(row[3] for row in found)
    return [INVARIANT.row(verdict, begin, end, observed)]


def _roots(timeline: Timeline, world: World) -> Iterator[Row]:
    """Of one block each node has the same root; another block at its height is one-chain's affair."""
    roots: dict[tuple[int, str | None], tuple[str, str, float]] = {}
    nodes = set[str]()
    for node in timeline.nodes:
        track = world.honest(node)
        for begin, _, (shown, latest) in track.together("root", "latest"):
            root, height, t = digest(shown), height_of_block(latest), track.times[begin]
            if root is None or height is None:
                continue
            nodes.add(node)
            first = roots.setdefault((height, digest(latest[1]) if len(latest) > 1 else None), (root, node, t))
            if first[0] != root:
                text = (
                    f"at height {height} the state root is {short(first[0])} on {first[1]} at {first[2]:.1f} s, and "
                    f"{short(root)} on {node} at {t:.1f} s"
                )
                yield Verdict.BROKEN, min(first[2], t), max(first[2], t), text
                return
    if not roots:
        return
    different = len({root for root, _, _ in roots.values()})
    text = f"the state roots of {listed(sorted(nodes))} are equal at {len(roots)} blocks"
    if different > 1:
        yield Verdict.HELD, timeline.begin, timeline.end, f"{text} ({different} different ones)"
    elif timeline.transfers:
        text = f"{text}, but they never changed, which proves nothing"
        yield Verdict.UNKNOWN, timeline.begin, timeline.end, text


def _twice(timeline: Timeline) -> Iterator[Row]:
    """In one look of the load, or in a network whose blocks stay, a transaction is in one block."""
    found: dict[str, int] = {}
    for row in timeline.transfers:
        if not timeline.header.bft:
            found = {}
        for name, height in row.included:
            first = found.setdefault(name, height)
            if first != height:
                text = f"the transaction {short(name)} is in block {first} and in block {height}"
                yield Verdict.BROKEN, row.t, row.t, text


def _supply(timeline: Timeline) -> Iterator[Row]:
    sums = [(height, wei, row.t) for row in timeline.transfers for height, wei in row.supply]
    for height, wei, t in sums[1:]:
        if wei != sums[0][1]:
            text = f"all accounts together hold {sums[0][1]} wei at height {sums[0][0]}, and {wei} at height {height}"
            yield Verdict.BROKEN, sums[0][2], t, text
    if sums:
        yield Verdict.HELD, sums[0][2], sums[-1][2], f"the sum of all accounts is the same at {len(sums)} heights"


def _lost(timeline: Timeline, world: World) -> Iterator[Row]:
    accepted = {name: row.t for row in timeline.transfers for name in row.accepted}
    if not accepted:
        return
    included = {name for row in timeline.transfers for name, _ in row.included}
    missing = [name for name in accepted if name not in included]
    last = timeline.transfers[-1]
    if not missing:
        yield Verdict.HELD, timeline.begin, last.t, f"all of {len(accepted)} accepted transactions are in a block"
        return
    text = f"{len(missing)} of {len(accepted)} accepted transactions are in no block, first {short(missing[0])}"
    why = _may_still_come(timeline, world, last)
    yield (
        Verdict.UNKNOWN if why else Verdict.BROKEN,
        accepted[missing[0]],
        last.t,
        text + (f", but {why}" if why else ""),
    )


def _rivals(timeline: Timeline, world: World) -> Iterator[Row]:
    included = {name for row in timeline.transfers for name, _ in row.included}
    for row in timeline.transfers:
        for group in row.rivals:
            here = [name for name in group if name in included]
            text = f"of {len(group)} rivals for one place, first {short(group[0])}, {len(here)} are in the chain"
            why = "" if here else _may_still_come(timeline, world, row)
            verdict = Verdict.HELD if len(here) == 1 else Verdict.UNKNOWN if why else Verdict.BROKEN
            yield verdict, row.t, row.t, text + (f", but {why}" if why else "")


def _may_still_come(timeline: Timeline, world: World, last: TransferCounts) -> str:
    """Return why a transaction that no block holds need not be lost; "" if nothing speaks for it."""
    if not last.final:
        return "nobody asked at the end"
    if not world.at(last.t).sure:
        return "a connected quorum was not up"
    tips, pause = seen_of(timeline).tips, pace_of(timeline).pause_seconds(last.t)
    stood = last.t - tips[-1].t if tips else last.t
    return f"no block had come for {stood:.0f} s" if pause is None or stood > pause else ""


INVARIANT = Invariant(
    "state",
    "Equal blocks have equal state roots, no accepted transaction is lost or applied twice, and no money appears.",
    look,
)
