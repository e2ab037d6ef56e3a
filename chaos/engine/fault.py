"""What a fault is, where it acts, and how faults that are on at the same time compose.

A fault acts and observes; :mod:`prowl.chaos.engine.lifecycle` waits, and says what failed. A fault object has no state
of its own between uses: what one use must remember lies in its :class:`Scene`.

Faults that are on at the same time compose by rules. An edge: see :mod:`prowl.fixtures.proxies.edges`. A node is up
when no fault holds it down: the end of a fault starts what no other one holds, and what another one holds is proven by
that one's own heal. What a fault did to a process (a limit, a clock, a planted defect) ends with that process: another
fault that kills and starts the node ends it, too. A fault that restarts its nodes refuses those that another one holds
down.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from prowl.fixtures.cleanup.undo import Undo
from prowl.fixtures.clusters.protocol import GONE, Cluster
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.reports.events import Effects, Event, Phase

M = TypeVar("M")
NOWHERE = Path("/nonexistent/prowl-plan")


class FaultError(RuntimeError):
    """A fault that had no effect, or whose heal did not heal; the text is a sentence."""


class Owe(Protocol):
    """Writes what must be undone."""

    def __call__(self, *undo: Undo) -> None:
        """Flush these steps to the disk; LedgerError if that fails: then nothing may be done."""


def _no_debt(*_undo: Undo) -> None:
    """Keep nothing: nobody has opened a ledger's entry for this scene."""


def _no_row(_event: Event) -> None:
    """Write nothing."""


class Holds:
    """Which fault does what at this moment of a play, so that the end of one gives back only what no other one holds.

    The rules are the judge's: a node is up when no fault holds it down, an edge is whole when no fault cuts it.
    """

    def __init__(self) -> None:
        self._effects: dict[int, Effects] = {}

    def put(self, number: int, effects: Effects) -> None:
        """From now on fault ``number`` does this."""
        self._effects[number] = effects

    def end(self, number: int) -> None:
        """Fault ``number`` does nothing any more."""
        self._effects.pop(number, None)

    def release(self, name: str) -> None:
        """Nobody holds a node down any longer: an operator has started it."""
        for number, effects in self._effects.items():
            self._effects[number] = replace(effects, down=tuple(node for node in effects.down if node != name))

    def down(self, besides: int | None = None) -> frozenset[str]:
        """Return the nodes that some fault, other than the one named, holds down."""
        return frozenset(node for effects in self._others(besides) for node in effects.down)

    def slow(self, besides: int | None = None) -> frozenset[str]:
        """Return the nodes that some fault, other than the one named, hinders."""
        return frozenset(node for effects in self._others(besides) for node in effects.slow)

    def cut_off(self, besides: int | None = None) -> frozenset[str]:
        """Return the nodes from or to which some fault, other than the one named, cuts an edge."""
        return frozenset(node for effects in self._others(besides) for pair in effects.cut for node in pair)

    def _others(self, besides: int | None) -> list[Effects]:
        # A copy: a fault that comes and goes changes it in a thread of its own.
        return [effects for number, effects in list(self._effects.items()) if number != besides]


@dataclass(frozen=True)
class Scene:
    """Where a fault acts: the cluster, the nodes that it is for, its number in the play, and the faults beside it.

    ``write`` takes a row for the timeline (its time is filled in). ``owe`` adds steps that undo the fault to the ledger
    while it is injected, each before it becomes necessary. ``chance`` decides what the fault leaves open, such as which
    byte of a file is struck.
    """

    cluster: Cluster
    nodes: tuple[str, ...]
    write: Callable[[Event], None] = _no_row
    owe: Owe = _no_debt
    chance: random.Random = field(default_factory=lambda: random.Random(0), repr=False, compare=False)
    number: int = 1
    holds: Holds = field(default_factory=Holds, repr=False, compare=False)
    _memory: dict[type, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def others(self) -> tuple[str, ...]:
        """Return the nodes that it is not for."""
        return tuple(name for name in self.cluster.spec.names if name not in self.nodes)

    def memory(self, kind: type[M]) -> M:
        """Return what this use of a fault remembers: one object of that class, made at the first call."""
        found: M = self._memory.setdefault(kind, kind())
        return found

    def note(self, words: str) -> None:
        """Write a note into the timeline."""
        self.write(Event(0.0, words))

    def tell(self, effects: Effects) -> None:
        """Say that from now on the fault does this; for those whose effects change while they are on."""
        self.holds.put(self.number, effects)
        self.write(Event.of(0.0, effects, self.number))

    def tell_over(self, effects: Effects, words: str = "") -> None:
        """Say that the fault does nothing any more; what another fault holds down is not restarted by its end."""
        self.holds.end(self.number)
        heal = effects.heal
        words = words or heal.words or f"end of: {effects.words}"
        restarted = tuple(name for name in heal.restarted if name in self.free)
        row = Event(0.0, words, self.number, Phase.HEAL, kind=effects.kind, restarted=restarted)
        self.write(replace(row, surgery=heal.surgery))

    @property
    def free(self) -> tuple[str, ...]:
        """Return those of its nodes that no other fault holds down: the ones that must run once this one is over."""
        held = self.holds.down(besides=self.number)
        return tuple(name for name in self.nodes if name not in held)

    @property
    def able(self) -> tuple[str, ...]:
        """Return those of its nodes that no other fault holds down or hinders: of them an answer is demanded."""
        hindered = self.holds.slow(besides=self.number)
        return tuple(name for name in self.free if name not in hindered)

    def demand_free(self) -> None:
        """Refuse to act on a node that another fault holds down; for faults that restart their nodes."""
        held = [name for name in self.nodes if name not in self.free]
        if held:
            raise ClusterError(f"It needs nodes that run, and another fault holds {', '.join(held)} down.")

    def start(self) -> None:
        """Start those of its nodes that are gone and that no other fault holds down, side by side."""
        down = [name for name in self.free if self.cluster.state(name) == GONE]
        with ThreadPoolExecutor(max(1, len(down))) as pool:
            list(pool.map(self.cluster.start_node, down))


@dataclass(frozen=True)
class _Described:
    """What is known of a cluster before it is started: its description, and that none of its files are there."""

    spec: ClusterSpec

    def state(self, _name: str) -> str:
        return GONE

    def folder_of(self, name: str) -> Path:
        return NOWHERE / name

    def data_of(self, name: str) -> Path:
        return NOWHERE / name / "data"


def described(spec: ClusterSpec, nodes: tuple[str, ...]) -> Scene:
    """Return a scene in a cluster that is not started: a fault can say there what its effects would be."""
    return Scene(cast(Cluster, _Described(spec)), nodes)


class Fault(Protocol):
    """What is done to nodes, and undone. Observation is from outside the tool that acted.

    What no end of a process undoes is said by one more method, ``undo`` (see :mod:`prowl.chaos.engine.debts`).
    """

    @property
    def limit_seconds(self) -> float:
        """Return the time within which effect and heal must each be seen."""

    @property
    def needs(self) -> tuple[type, ...]:
        """Return the capabilities of a cluster that it needs (:mod:`prowl.fixtures.clusters.protocol`)."""

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why it can't be done to such a cluster on this machine, or None."""

    def effects(self, scene: Scene) -> Effects:
        """Return what it does to the network at this moment, or would do if it were injected now.

        It is asked before the injection and again before the heal, whose rows it writes. ValueError, with a sentence,
        for nodes that it can't be for.
        """

    def inject(self, scene: Scene) -> None:
        """Do it."""

    def effect_trouble(self, scene: Scene) -> str:
        """Observe, and return what of the effect is not to be seen; "" if all of it is."""

    def heal(self, scene: Scene) -> None:
        """Undo it, but give back only what no other fault holds."""

    def heal_trouble(self, scene: Scene) -> str:
        """Observe, and return what of it is not undone; "" if nothing is left."""
