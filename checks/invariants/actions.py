"""Events read as actions: what each does to which nodes and edges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from prowl.reports.timeline import Event, Timeline


class Kind(StrEnum):
    """What an event does; anything whose words are not known is a note."""

    LAUNCH = "launch"
    DOWN = "down"
    START = "start"
    RESUME = "resume"
    AGAIN = "again"
    """Stopped and started again within the one action; it is not said when."""
    CUT = "cut"
    HEAL = "heal"
    NOTE = "note"


VERBS = {
    "kill": Kind.DOWN,
    "terminate": Kind.DOWN,
    "stop": Kind.DOWN,
    "pause": Kind.DOWN,
    "start": Kind.START,
    "unpause": Kind.RESUME,
    "resume": Kind.RESUME,
    "restart": Kind.AGAIN,
    "restore": Kind.AGAIN,
    "wipe": Kind.AGAIN,
    "partition": Kind.CUT,
    "cut": Kind.CUT,
    "heal": Kind.HEAL,
}
SURGERY = {"wipe", "restore", "corrupt"}
"""Verbs after which a node's store is another one: its heights may fall."""


@dataclass(frozen=True)
class Action:
    """An event with its meaning; ``edges`` are those that a cut takes away, one way each."""

    t: float
    kind: Kind
    text: str
    nodes: tuple[str, ...] = ()
    edges: frozenset[tuple[str, str]] = frozenset()

    @property
    def surgery(self) -> bool:
        """Whether the stores of its nodes were changed."""
        return self.text.split(" ", 1)[0] in SURGERY

    @property
    def gives_back(self) -> bool:
        """Whether it ends a fault: a start, a resume, a restore, a heal."""
        return self.kind in {Kind.START, Kind.RESUME, Kind.AGAIN, Kind.HEAL}


def actions_of(timeline: Timeline) -> tuple[Action, ...]:
    """Return the actions of a timeline in the order of time."""
    return tuple(action_of(event, timeline.nodes) for event in timeline.events)


def action_of(event: Event, nodes: tuple[str, ...]) -> Action:
    """Read one event; ``nodes`` are the names that it may speak of."""
    text = event.text.strip()
    verb = text.split(" ", 1)[0]
    if text.startswith("cluster started"):
        return Action(event.t, Kind.LAUNCH, text, nodes)
    named = tuple(dict.fromkeys(word for word in re.split(r"[\s,:;()|>]+", text) if word in nodes))
    if verb == "corrupt":
        return Action(event.t, Kind.AGAIN if re.search(r"\brestart", text) else Kind.NOTE, text, named)
    kind = VERBS.get(verb, Kind.NOTE)
    if kind is Kind.CUT:
        edges = _groups(text, nodes) if verb == "partition" else _one_way(text, nodes)
        return Action(event.t, kind, text, named, edges)
    if kind in {Kind.HEAL, Kind.NOTE}:
        return Action(event.t, kind, text, named)
    return Action(event.t, kind, text, nodes if text == f"{verb} all" else named)


def _groups(text: str, nodes: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """``partition A B | C D``: every edge between two groups, both ways; a node in no group stays connected."""
    sides = [[word for word in re.split(r"[\s,]+", side) if word in nodes] for side in text.split(":", 1)[0].split("|")]
    return frozenset(
        (one, other)
        for number, side in enumerate(sides)
        for beyond in sides[:number] + sides[number + 1 :]
        for one in side
        for other in beyond
        if one != other
    )


def _one_way(text: str, nodes: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """``cut A>B C>D``: what A sends to B is lost, what C sends to D."""
    pairs = (word.split(">") for word in text.split() if word.count(">") == 1)
    return frozenset((pair[0], pair[1]) for pair in pairs if pair[0] in nodes and pair[1] in nodes)
