"""A scenario is one literal: what is broken, for whom, how long, and what must hold meanwhile and afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from prowl.chaos.engine.targets import Words
from prowl.fixtures.cleanup.undo import Undo
from prowl.fixtures.clusters.cluster import EmbeddedCluster


def _no_note(_text: str) -> None:
    """Keep nothing."""


class Owe(Protocol):
    """Writes what must be undone."""

    def __call__(self, *undo: Undo) -> None:
        """Flush these steps to the disk; LedgerError if that fails: then nothing may be done."""


def _no_debt(*_undo: Undo) -> None:
    """Keep nothing: no :class:`~prowl.chaos.engine.lifecycle.Broken` has opened a ledger's entry for this scene."""


@dataclass(frozen=True)
class Scene:
    """Where a fault acts: the cluster, the nodes that it is for, and how it adds its own words to the timeline.

    ``owe`` adds steps that undo the fault to the ledger while it is injected, each before it becomes necessary.
    ``chance`` decides what the fault leaves open, such as which byte of a file is struck.
    """

    cluster: EmbeddedCluster
    nodes: tuple[str, ...]
    note: Callable[[str], None] = _no_note
    owe: Owe = _no_debt
    chance: random.Random = field(default_factory=lambda: random.Random(0), repr=False, compare=False)

    @property
    def others(self) -> tuple[str, ...]:
        """Return the nodes that it is not for."""
        return tuple(name for name in self.cluster.spec.names if name not in self.nodes)


class Fault(Protocol):
    """What is done to nodes, and undone. A fault acts and observes; :mod:`prowl.chaos.engine.lifecycle` waits.

    Observation is from outside the tool that acted. One object may be used again after its heal. What no end of a
    process undoes is said by one more method, ``undo`` (see :mod:`prowl.chaos.engine.debts`).
    """

    @property
    def limit_seconds(self) -> float:
        """Return the time within which effect and heal must each be seen."""

    def unavailable(self, cluster: EmbeddedCluster) -> str | None:
        """Return why it can't be done to this cluster on this machine, or None."""

    def events(self, scene: Scene) -> tuple[str, str]:
        """Return the timeline's words for the injection and for the heal; ValueError for nodes that it can't be for."""

    def inject(self, scene: Scene) -> None:
        """Do it."""

    def missing(self, scene: Scene) -> str:
        """Observe, and return what of the effect is not to be seen; "" if all of it is."""

    def heal(self, scene: Scene) -> None:
        """Undo it."""

    def left(self, scene: Scene) -> str:
        """Observe, and return what of it is not undone; "" if nothing is left."""


class FaultError(RuntimeError):
    """A fault that had no effect, or whose heal did not heal; the text is a sentence."""


@dataclass(frozen=True)
class Scenario:
    """One promise of the manual under one fault.

    ``always`` are invariants that no moment may break; ``after_heal`` are those that must have come true in the end.
    An invariant that is named and to which the timeline gave no occasion makes the verdict *unknown*.
    """

    name: str
    item: str
    why: str
    fault: Fault
    target: Words
    always: tuple[str, ...]
    after_heal: tuple[str, ...]

    @property
    def expected(self) -> str:
        """Return what is expected, in one sentence."""
        return f"always {', '.join(self.always)}; after the heal {', '.join(self.after_heal)}"
