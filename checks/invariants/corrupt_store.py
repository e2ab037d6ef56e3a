"""Corrupt store: a node ends at its start on a store that is damaged or another process's, and names it.

The manual's symptom is a crash at the start with LevelDB's errors. What came of such a start is on the timeline as the
step ``symptom``: ``confirmed`` where the node ended and named the store, ``unconfirmed`` where it did not. A node that
starts as if all were well has lost what nobody is told of.
"""

from __future__ import annotations

from prowl.checks.invariants import Invariant, Judgement, Verdict
from prowl.reports.timeline import Timeline

STEP = "symptom"


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each start on a store that the node must not take."""
    return [
        INVARIANT.row(verdict, event.t, event.t, event.words, name)
        for event in timeline.events
        if event.step == STEP
        for verdict, names in ((Verdict.BROKEN, event.unconfirmed), (Verdict.HELD, event.confirmed))
        for name in names
    ]


INVARIANT = Invariant(
    "corrupt-store",
    "A node that is started on a damaged store, or on one that another process has, ends and names the store.",
    look,
)
