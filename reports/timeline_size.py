"""How large a timeline may be: a judge's time may grow with the square of what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prowl.reports.timeline import Timeline

# The largest of our own have less than a tenth of these.
MOST_NODES = 200
MOST_EVENTS = 2_000
MOST_TOUCHED = 100_000
MOST_RULES = 200
MOST_CHANGES = 10_000


def too_large(timeline: Timeline) -> str:
    """Return what a timeline has too many of, as the end of a sentence; "" if it can be judged in seconds."""
    touched = (len(names) for event in timeline.events for names in (event.down, event.cut, event.slow, event.surgery))
    counts = {
        "nodes": (len({*timeline.nodes, *timeline.header.stakes}), MOST_NODES),
        "events": (len(timeline.events), MOST_EVENTS),
        "names of nodes in its events": (sum(touched), MOST_TOUCHED),
        "alert rules": (len(timeline.watched.rules), MOST_RULES),
        "changes of alerts": (len(timeline.watched.changes), MOST_CHANGES),
    }
    found = (
        f"{count:,} {what}; one with up to {most:,} is judged" for what, (count, most) in counts.items() if count > most
    )
    return next(found, "")
