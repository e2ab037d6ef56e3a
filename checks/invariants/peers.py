"""Peers: a node's count follows the number of other validators that are up and not cut off from it.

It may differ for three round time-outs, counted from when the count became wrong or the truth last changed. A node that
was started and does not answer yet may be counted or not, and so may one that shows no sign of life, and one that
reaches the node one way only.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import number
from prowl.checks.invariants.network_state import Phase, Span, World, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.reports.timeline import Sample, Timeline

METRIC = "peers_connected"


@dataclass
class Wrong:
    """A count that did not fit from ``begin`` to ``end``, seconds."""

    begin: float
    end: float
    count: float
    low: int
    high: int

    @property
    def seconds(self) -> float:
        """For how long."""
        return self.end - self.begin

    def sentence(self) -> str:
        """Say what was counted and what was true."""
        true = str(self.low) if self.low == self.high else f"{self.low} to {self.high}"
        return f"{METRIC} {self.count:g} where {true} were up and in reach, from {self.begin:.1f} to {self.end:.1f} s"


def truth(world: World, span: Span, node: str, among: frozenset[str] | None = None) -> tuple[int, int]:
    """Return the least and the greatest number of peers that is true for a node.

    With ``among``, the least is of these alone, and the greatest that of all nodes.
    """
    low = high = 0
    for other, phase in span.phases.items():
        if other == node:
            continue
        ways = ((node, other) not in span.cut) + ((other, node) not in span.cut)
        validator = world.stakes[other] > 0 and (among is None or other in among)
        low += validator and phase is Phase.UP and ways == 2 and not {node, other} & span.slow
        high += among is not None or (phase is not Phase.DOWN and ways > 0)
    return low, high


def wrongs(
    world: World, node: str, samples: tuple[Sample, ...], patience: float, among: frozenset[str] | None = None
) -> tuple[list[Wrong], bool]:
    """Return the stretches in which a node's count was wrong, and whether too much of it could not be read."""
    found: list[Wrong] = []
    here: Wrong | None = None
    changes = world.changes_for(node)
    unread_since: float | None = None
    blind = False
    before: float | None = None
    truths: dict[int, tuple[int, int]] = {}
    for sample in samples:
        span = world.at(sample.t)
        if span.phases[node] is not Phase.UP:
            here = unread_since = None
            continue
        if not sample.answered:
            continue  # missed once, it neither clears nor accuses
        count = number(sample.values.get(METRIC))
        if count is None:
            unread_since = sample.t if unread_since is None else unread_since
            blind = blind or sample.t - unread_since > patience
            continue
        unread_since = None
        if id(span) not in truths:
            truths[id(span)] = truth(world, span, node, among)
        low, high = truths[id(span)]
        changed = changes[max(0, bisect_right(changes, sample.t) - 1)]
        away = before is not None and sample.t - before > patience
        before = sample.t
        if low <= count <= high:
            here = None
        elif here is None or here.begin < changed or away or (here.low, here.high) != (low, high):
            since = here.begin if here is not None and here.begin >= changed and not away else max(sample.t, changed)
            here = Wrong(since, sample.t, count, low, high)
            found.append(here)
        else:
            here.end, here.count = sample.t, count
    return found, blind


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that is expected to answer."""
    world, pace = world_of(timeline), pace_of(timeline)
    patience = pace.signal_seconds
    rows = []
    for node in timeline.nodes:
        samples = world.honest(node)
        answered = [sample for sample in samples if sample.answered]
        if not answered:
            rows += [INVARIANT.row(Verdict.UNKNOWN, *found, node) for found in unanswering(timeline, world, node)]
            continue
        found, blind = wrongs(world, node, samples, patience)
        begin, end = answered[0].t, answered[-1].t
        late = [wrong for wrong in found if wrong.seconds > patience]
        if late:
            rows.append(_late(timeline, node, late, patience))
        elif blind or all(number(sample.values.get(METRIC)) is None for sample in answered):
            observed = f"{METRIC} was missing, or no number, where the node answered"
            rows.append(INVARIANT.row(Verdict.UNKNOWN, begin, end, observed, node))
        else:
            longest_wrong = max((wrong.seconds for wrong in found), default=0.0)
            observed = f"the count was wrong for at most {longest_wrong:.1f} s; {patience:.0f} s are allowed"
            rows.append(INVARIANT.row(Verdict.HELD, begin, end, observed, node))
    return rows


def _late(timeline: Timeline, node: str, late: list[Wrong], patience: float) -> Judgement:
    """Broken where a count was wrong for too long; unknown where only because the recorder was starved meanwhile."""
    sure = [each for each in late if each.seconds - timeline.starved_seconds(each.begin, each.end) > patience]
    longest = max(sure or late, key=lambda wrong: wrong.seconds)
    more = f" ({len(late)} such stretches)" if len(late) > 1 else ""
    observed = f"{longest.sentence()}; {patience:.0f} s are allowed{more}"
    if not sure:
        observed += f"; the recorder was starved for {timeline.starved_seconds(longest.begin, longest.end):.1f} s of it"
    verdict = Verdict.BROKEN if sure else Verdict.UNKNOWN
    return INVARIANT.row(verdict, longest.begin, longest.end, observed, node)


def unanswering(timeline: Timeline, world: World, node: str) -> list[tuple[float, float, str]]:
    """Return what to say of a node that never answers: unknown if it is up by the events, nothing if it is down."""
    asked = [sample.t for sample in world.honest(node) if node in world.at(sample.t).started]
    if not asked or asked[-1] - asked[0] <= timeline.header.start_grace_seconds:
        return []
    return [(asked[0], asked[-1], "the node never answered")]


INVARIANT = Invariant(
    "peers",
    "A node's peer count differs from the number of validators up and in its reach for three round time-outs at most.",
    look,
)
