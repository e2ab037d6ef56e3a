"""What was done to a network, as data: faults with their phases, an operator's steps, and notes.

A fault's row holds what the fault does from then on, until its next row of phase ``inject`` or ``heal``:

``{"t", "fault": 3, "phase": "inject", "kind": "kill", "down": ["node-3"], "words": "kill node-3"}``
    ``down``: nodes that it holds down; ``cut``: ``[[from, to], ...]``, directed edges that it cuts; ``slow``: nodes
    that it hinders, so that nothing is demanded of them; ``surgery``: nodes whose store it changed, so that their
    heights may fall; ``liars``: nodes whose lies and double votes are this fault's own effect. Lists that are empty are
    left out.
``{"t", "fault": 3, "phase": "effect", "words": "proven after 0.013 s"}``
    The effect was seen; nothing changes.
``{"t", "fault": 3, "phase": "heal", "words": "start node-3"}``
    From now on fault 3 does nothing any more: what it held down, and nobody else holds down, runs again.
``{"t", "fault": 3, "phase": "healed", "words": "proven after 1.2 s"}``
    The end of it was seen; nothing changes.
``{"t", "step": "restore", "restarted": ["node-3"], "surgery": ["node-3"], "ends": [3], "words": "restore node-3"}``
    An operator's step; ``ends`` lists the faults that are over with it. The step ``launch`` starts the network.
``{"t", "event": "any text"}``
    A note: nothing changes.

``{"t", "step": "confirmed", "confirmed": ["node-3"], "words": "..."}``
    A node was seen to take part after a change; ``unconfirmed``: it was not, in the time in which it must. The step
    ``symptom``: it ended at its start and named its store, as it must, or it did not.

Any row may say that nodes were ``started`` (a new process), ``restarted`` (stopped and started; it is not said when) or
``resumed`` (out of a pause): nobody holds them down any longer. An edge is whole when no fault cuts it, and a node is
up when no fault holds it down.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """What a fault's row tells of it."""

    INJECT = "inject"
    EFFECT = "effect"
    HEAL = "heal"
    HEALED = "healed"


@dataclass(frozen=True)
class Heal:
    """What the end of a fault does besides taking it away: nodes that it restarts, or whose store it changes."""

    words: str = ""
    restarted: tuple[str, ...] = ()
    surgery: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effects:
    """What a fault does to a network as long as it is on; ``words`` say it for people.

    Each tuple holds names of nodes, ``cut`` pairs of them; ``restarted`` are stopped and started when it begins.
    """

    kind: str
    words: str
    down: tuple[str, ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    slow: tuple[str, ...] = ()
    surgery: tuple[str, ...] = ()
    liars: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    heal: Heal = Heal()


@dataclass(frozen=True)
class Event:
    """A row about what was done at ``t`` seconds: a fault's (with its number and phase), a step's, or a note's."""

    t: float
    words: str
    fault: int | None = None
    phase: Phase | None = None
    step: str = ""
    kind: str = ""
    down: tuple[str, ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    slow: tuple[str, ...] = ()
    surgery: tuple[str, ...] = ()
    liars: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    confirmed: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()

    @property
    def is_note(self) -> bool:
        """Whether nothing changes by it."""
        if self.step:
            return bool(self.confirmed or self.unconfirmed)
        return self.phase not in {Phase.INJECT, Phase.HEAL}

    @property
    def over(self) -> frozenset[int]:
        """Numbers of the faults that are over with it."""
        own = () if self.fault is None or self.phase is not Phase.HEAL else (self.fault,)
        return frozenset((*self.ends, *own))

    @property
    def sentence(self) -> str:
        """Return the words; where they are a fault's proof, with the fault."""
        if self.phase in {Phase.EFFECT, Phase.HEALED}:
            return f"{self.phase} of fault {self.fault}: {self.words}"
        return self.words

    def as_row(self) -> dict[str, Any]:
        """Return the row of the timeline; what is empty is left out."""
        if self.fault is None and not self.step:
            return {"t": round(self.t, 3), "event": self.words}
        row = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in {"t", "words"}}
        filled = {name: value for name, value in row.items() if value not in (None, "", ())}
        return {"t": round(self.t, 3), **filled, "words": self.words}

    @classmethod
    def of(cls, t: float, effects: Effects, fault: int) -> Event:
        """Return the row of a fault that does this from now on."""
        row = {each.name: getattr(effects, each.name) for each in fields(effects) if each.name != "heal"}
        return cls(t, fault=fault, phase=Phase.INJECT, **row)


NAMES = ("down", "slow", "surgery", "liars", "started", "restarted", "resumed", "confirmed", "unconfirmed")


def event_of(row: dict[str, Any]) -> Event:
    """Read a row with ``fault`` or ``step``; ValueError or TypeError, in words, for what can't be one."""
    fault, phase = row.get("fault"), row.get("phase")
    if "fault" in row and not _is_number(fault):
        raise ValueError("the number of a fault is a whole number")
    if "fault" in row and phase not in {each.value for each in Phase}:
        raise ValueError(f"the phase of a fault is {', '.join(Phase)}")
    if "fault" not in row and not (isinstance(row.get("step"), str) and row["step"]):
        raise ValueError("step is the name of an operator's step")
    lists: dict[str, Any] = {name: _names(name, row.get(name, [])) for name in NAMES}
    cut = row.get("cut", [])
    if not isinstance(cut, list) or not all(_is_edge(pair) for pair in cut):
        raise ValueError("cut is a list of [from, to]")
    ends = row.get("ends", [])
    if not isinstance(ends, list) or not all(_is_number(number) for number in ends):
        raise ValueError("ends is a list of numbers of faults")
    return Event(
        float(row["t"]),
        str(row.get("words", "")),
        fault=fault,
        phase=Phase(str(phase)) if fault is not None else None,
        step=str(row.get("step", "")),
        kind=str(row.get("kind", "")),
        cut=tuple((one, other) for one, other in cut),
        ends=tuple(ends),
        **lists,
    )


def _is_edge(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(name, str) for name in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} is a list of names of nodes")
    return tuple(value)
