"""Reached: the network got into the state that a fault was to bring about; else the timeline proves nothing about it.

A node that is held down must be seen silent. While edges are cut, nodes hindered or made to lie, somebody must try to
finalize a block: a round under way, or a new block. Without BFT two blocks at one height must come of a cut. A fault of
our own must say that its effect was seen. Never broken: what was not reached is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.checks.invariants.history import Seen, number, quantity, seen_of
from prowl.checks.invariants.text import listed, several
from prowl.reports.events import Event, Phase
from prowl.reports.timeline import Sample, Timeline

ROUND = "bft_round_height"


def look(timeline: Timeline) -> list[Judgement]:
    """Judge the whole network."""
    seen = seen_of(timeline)
    faults = list(_faults(timeline))
    if not faults:
        return []
    found = [text for begun, end in faults for text in _missed(timeline, seen, begun, end)]
    begin, last = faults[0][0].t, min(max(end.t if end else inf for _, end in faults), timeline.end)
    if found:
        return [INVARIANT.row(Verdict.UNKNOWN, begin, last, several(found))]
    return [INVARIANT.row(Verdict.HELD, begin, last, f"{len(faults)} faults had their occasion")]


def _faults(timeline: Timeline) -> Iterator[tuple[Event, Event | None]]:
    """Return each row by which a fault begins or changes, and the one by which that is over."""
    for place, event in enumerate(timeline.events):
        if (
            event.phase is Phase.INJECT
            and event.fault is not None
            and (event.down or event.cut or event.slow or event.liars)
        ):
            later = timeline.events[place + 1 :]
            ends = (each for each in later if event.fault in each.over or _again(each, event))
            yield event, next(ends, None)


def _again(later: Event, event: Event) -> bool:
    return later.phase is Phase.INJECT and later.fault == event.fault


def _missed(timeline: Timeline, seen: Seen, begun: Event, end: Event | None) -> Iterator[str]:
    """Say what of a fault was not reached."""
    what = f"'{begun.words}' at {begun.t:.1f} s"
    # those that words of a recording began have no proof of their own
    own = begun.fault is not None and begun.fault >= 0
    proofs = [each.t for each in timeline.events if each.fault == begun.fault and each.phase is Phase.EFFECT]
    if own and not proofs:
        yield f"the effect of {what} was not proven"
    until = min(end.t, timeline.end) if end else timeline.end
    since = next((t for t in proofs if begun.t <= t <= until), begun.t)  # a node may answer while it ends
    looks = [sample for node in begun.down for sample in timeline.of(node) if begun.t <= sample.t <= until]
    silent = {sample.node for sample in looks if not sample.answered}
    late = {sample.node for sample in looks if sample.t >= since}
    if loud := sorted(late - silent):
        yield f"{listed(loud)} went on answering under {what}"
    brief = own and until - begun.t < timeline.header.round_timeout_seconds  # proven, and over before anybody looked
    if begun.down and not silent and not late and not brief:
        yield f"nobody looked at {listed(begun.down)} under {what}"
    # on the way to what the fault is for, as a node that has no memory left is until the kernel ends it
    passing = brief and end is not None and _again(end, begun)
    rows = [each for each in timeline.events if each.fault == begun.fault and each.phase in {Phase.INJECT, Phase.HEAL}]
    turns = brief and any(each.phase is Phase.HEAL for each in rows[:-1])  # each may be shorter than a block takes
    window = (rows[0].t, rows[-1].t) if turns else (begun.t, until)
    if timeline.header.bft and not begun.down and not passing and not _tried(timeline, seen, *window):
        yield f"nobody tried to finalize a block under {what}"
    if not timeline.header.bft and begun.cut and not _forked(seen, begun.t):
        yield f"no two blocks at one height came of {what}"


def _forked(seen: Seen, begin: float) -> bool:
    """Whether two blocks at one height were shown since; where no hash can be seen, it may have been so."""
    since = [sum(any(t > begin for t, _ in shows) for shows in hashes.values()) for hashes in seen.at.values()]
    return not seen.has_hashes or any(count > 1 for count in since)


def _tried(timeline: Timeline, seen: Seen, begin: float, end: float) -> bool:
    """Whether a round was under way, or a block came; where neither can be seen, it may have been so."""
    if any(begin < tip.t <= end for tip in seen.tips):
        return True
    samples = [sample for node in timeline.nodes for sample in timeline.of(node) if begin <= sample.t <= end]
    tries = [found for sample in samples if (found := _round(sample)) is not None]
    return any(tries) or not tries


def _round(sample: Sample) -> bool | None:
    """Whether a node has a round under way; None where it does not show it."""
    bft = sample.values.get("bft")
    if isinstance(bft, dict):
        return quantity(bft.get("height")) is not None
    height = number(sample.values.get(ROUND))
    return None if height is None else height > 0


INVARIANT = Invariant(
    "reached",
    "Each fault brought about the state that it was for, and somebody was there to be hindered.",
    look,
)
