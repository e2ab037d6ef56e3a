"""Alerts, see a stall: where no connected quorum is up for long enough, the alert about the consensus state fires.

The others are judged by what a node shows. A node that says that it is well while the chain stands still makes this
alert one that can't fire, and this says so: by what was done to the network, not by what a node says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.conditions import STATE, fires, rules_of
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import Presence, Stretch, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.timeline import Timeline
from prowl.reports.watched import WatchedRule

METRIC = "consensus_state"


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the alert about a stall, where there was one."""
    if not timeline.header.bft:
        return []
    world, signals = world_of(timeline), pace_of(timeline).signal_seconds
    rows: list[Judgement] = []
    for rule in (rule for rule in rules_of(timeline) if rule.promise == STATE):
        allowed = signals + rule.floor_seconds + rule.slack_seconds
        stalls = [stall for stall in _stalls(world) if stall.seconds > allowed]
        rows += [row for stall in stalls if (row := _row(timeline, rule, stall, allowed)) is not None]
    return rows


def _stalls(world: World) -> Iterator[Stretch]:
    """Return the stretches without any possible quorum in which some node is up."""
    watched = world.timeline.watched
    begin: float | None = None
    for span in world.over(watched.begin, watched.end):
        stands = not span.possible and any(phase is Presence.UP for phase in span.phases.values())
        if begin is not None and not stands:
            yield Stretch(begin, span.begin)
            begin = None
        begin = span.begin if stands and begin is None else begin
    if begin is not None:
        yield Stretch(begin, watched.end)


def _row(timeline: Timeline, rule: WatchedRule, stall: Stretch, allowed: float) -> Judgement | None:
    first = next((fire for fire in fires(timeline, rule) if fire.end > stall.begin and fire.begin < stall.end), None)
    for_long = f"no connected quorum was up for {stall.seconds:.0f} s"
    if first is not None and first.begin <= stall.begin + allowed:
        observed = f"{rule.name} fired {max(0.0, first.begin - stall.begin):.1f} s after the quorum was lost"
        return INVARIANT.row(Verdict.HELD, stall.begin, stall.end, observed)
    shows = _shows(timeline, stall)
    if not shows or any(max(values) > 0 for values in shows.values()):
        return None  # it could see it: whether it was late is judged by what the nodes showed
    when = f"fired only {first.begin - stall.begin:.0f} s after" if first is not None else "did not fire, and can't"
    said = ", ".join(f"{min(values):g} on {node}" for node, values in shows.items())
    observed = f"{rule.name} {when}: {for_long}, and coc_{METRIC} was {said} all the time"
    return INVARIANT.row(Verdict.BROKEN, stall.begin, stall.end, observed)


def _shows(timeline: Timeline, stall: Stretch) -> dict[str, list[float]]:
    """Return the states that each node showed in a stall."""
    found = {
        node: [
            value
            for sample in timeline.of(node)
            if stall.begin <= sample.t <= stall.end and (value := number(sample.values.get(METRIC))) is not None
        ]
        for node in timeline.nodes
    }
    return {node: values for node, values in found.items() if values}


INVARIANT = Invariant(
    "alerts-see-stall",
    "Where no connected quorum is up for long enough, the alert about the consensus state fires.",
    look,
)
