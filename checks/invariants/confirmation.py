"""Confirmation: a node whose version was changed is seen to take part before the next one is touched.

What was seen of it (height, hashes, state roots, a block in its own turn, its vote) is on the timeline as the step
``confirmed``, and what was missing as ``unconfirmed``.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.reports.events import Event
from prowl.reports.timeline import Timeline

STEPS = ("upgrade", "downgrade")
SYMPTOM = "symptom"  # of a start: see corrupt_store.py


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node whose version was changed."""
    rows: dict[str, Judgement] = {}
    waiting: dict[str, Event] = {}
    for event in (each for each in timeline.events if each.step != SYMPTOM):
        for name in event.unconfirmed:
            _keep(rows, INVARIANT.row(Verdict.BROKEN, event.t, event.t, event.words, name))
            waiting.pop(name, None)
        for name in event.confirmed:
            begin = waiting.pop(name, event).t
            _keep(rows, INVARIANT.row(Verdict.HELD, begin, event.t, event.words, name))
        for name in event.restarted if event.step in STEPS else ():
            for other, before in waiting.items():
                if other != name:
                    observed = f"{event.words}, but '{before.words}' at {before.t:.1f} s was not confirmed yet"
                    _keep(rows, INVARIANT.row(Verdict.BROKEN, before.t, event.t, observed, other))
            waiting[name] = event
    for name, event in waiting.items():
        observed = f"'{event.words}' was neither confirmed nor found wanting"
        _keep(rows, INVARIANT.row(Verdict.UNKNOWN, event.t, timeline.end, observed, name))
    return [rows[name] for name in timeline.nodes if name in rows]


def _keep(rows: dict[str, Judgement], row: Judgement) -> None:
    """Keep the worst row of a node; of two alike, the later one."""
    before = rows.get(str(row.node))
    if before is None or row.verdict.severity >= before.verdict.severity:
        rows[str(row.node)] = row


INVARIANT = Invariant(
    "confirmation",
    "A node whose version was changed takes part again (height, hashes, state roots, vote, a block in its own turn) "
    "before the next one is touched.",
    look,
)
