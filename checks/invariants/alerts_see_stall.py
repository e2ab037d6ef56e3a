"""Alerts, see a stall: where no connected quorum is up for long enough, the alerts about a stall fire.

The others are judged by what a node shows. A node that says that it is well while the chain stands still makes such an
alert one that can't fire, and this says so: by what was done to the network, not by what a node says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.conditions import BLOCKS, STATE, fires, rules_of
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import Phase, Stretch, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule

METRIC = {STATE: "consensus_state", BLOCKS: "block_height"}


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the alerts about a stall, where there was one."""
    if not timeline.header.bft:
        return []
    world, signals = world_of(timeline), pace_of(timeline).signal_seconds
    rows = []
    for rule in (rule for rule in rules_of(timeline) if rule.promise in METRIC):
        allowed = signals + rule.floor_seconds + rule.slack_seconds
        rows += [_row(timeline, rule, stall, allowed) for stall in _stalls(world) if stall.seconds > allowed]
    return rows


def _stalls(world: World) -> Iterator[Stretch]:
    """Return the stretches without any possible quorum in which some node is up."""
    watched = world.timeline.watched
    begin: float | None = None
    for span in world.over(watched.begin, watched.end):
        stands = not span.possible and any(phase is Phase.UP for phase in span.phases.values())
        if begin is not None and not stands:
            yield Stretch(begin, span.begin)
            begin = None
        begin = span.begin if stands and begin is None else begin
    if begin is not None:
        yield Stretch(begin, watched.end)


def _row(timeline: Timeline, rule: WatchedRule, stall: Stretch, allowed: float) -> Judgement:
    first = next((fire for fire in fires(timeline, rule) if fire.end > stall.begin and fire.begin < stall.end), None)
    for_long = f"no connected quorum was up for {stall.seconds:.0f} s"
    if first is not None and first.begin <= stall.begin + allowed:
        told = f"{rule.name} fired {max(0.0, first.begin - stall.begin):.1f} s after the quorum was lost"
        return INVARIANT.row(Verdict.HELD, stall.begin, stall.end, told)
    late = f"fired only {first.begin - stall.begin:.0f} s after" if first is not None else ""
    when = late or "did not fire, and can't: it does not see this"
    told = f"{rule.name} {when}; {for_long}, and {_said(timeline, rule, stall)}"
    if timeline.watched.lacking(("up", "page", "evaluation"), None, stall.begin, stall.begin + allowed):
        lacks = "the store lacks scrapes or evaluations of that time, of nodes that are down at least"
        if not any(_shows(timeline, rule, stall).values()):
            return INVARIANT.row(Verdict.UNKNOWN, stall.begin, stall.end, f"{told}; {lacks}")
    return INVARIANT.row(Verdict.BROKEN, stall.begin, stall.end, told)


def _shows(timeline: Timeline, rule: WatchedRule, stall: Stretch) -> dict[str, list[float]]:
    """Return the values that each node showed in a stall."""
    metric = METRIC[rule.promise]
    return {
        node: [
            value
            for sample in timeline.of(node)
            if stall.begin <= sample.t <= stall.end and (value := number(sample.values.get(metric))) is not None
        ]
        for node in timeline.nodes
    }


def _said(timeline: Timeline, rule: WatchedRule, stall: Stretch) -> str:
    shows = {node: values for node, values in _shows(timeline, rule, stall).items() if values}
    told = []
    for node, values in shows.items():
        low, high = min(values), max(values)
        told.append(f"{low:g} on {node}" if low == high else f"{low:g} to {high:g} on {node}")
    return f"coc_{METRIC[rule.promise]} was {', '.join(told) or 'shown by no node'}"


INVARIANT = Invariant(
    "alerts-see-stall", "Where no connected quorum is up for long enough, the alerts about a stall fire.", look
)
