"""A scenario is one literal: a network, a load, steps, and what must hold (or break) meanwhile and afterwards.

.. code-block:: python

    Scenario(
        "kill-inside-a-partition",
        item="recovery/partition",
        why="a validator dies while the network is parted; healed, all are one chain again",
        steps=(During(Cut(), half, (Hold(), During(Crash(), one), Hold())), Recover()),
        also=("progress-after-heal", "recovery"),
    )
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from prowl.chaos.engine.targets import Words
from prowl.fixtures.clusters.spec import ClusterSpec, reference_command

if TYPE_CHECKING:
    from prowl.chaos.engine.fault import Fault
    from prowl.chaos.engine.stage import Outline, Stage

REFERENCE_BLOCK_MS = 250
LIMITED_BLOCK_MS = 1000  # four nodes at 250 ms say more to each other than the limit by address takes


@dataclass(frozen=True)
class Shape:
    """The network of a scenario.

    ``nodes`` None takes as many as the run's cluster has, and the report says how many these are. ``stakes`` are by
    node, in order (none: all alike), and the last ``observers`` of the nodes do not vote. ``bft`` False is a
    longest-chain network. ``block_ms`` None is 250 ms on reference nodes (1 s in namespaces, where their limits are on)
    and an installed node's own. ``round_ms`` is
    the time-out of a round, on reference nodes only. ``settings`` are further keys of each node's configuration.
    """

    nodes: int | None = None
    stakes: tuple[int, ...] = ()
    bft: bool = True
    block_ms: int | None = None
    round_ms: int | None = None
    observers: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)

    def spec(self, base: ClusterSpec) -> ClusterSpec:
        """Return the cluster that a scenario plays in, made from the run's own cluster."""
        spec = replace(base, count=self.nodes or base.count, stakes={} if self.nodes else base.stakes)
        stakes = dict(zip(spec.names, self.stakes, strict=True)) if self.stakes else spec.stakes
        reference = base.command is reference_command
        usual = LIMITED_BLOCK_MS if base.netns else REFERENCE_BLOCK_MS
        block_ms = self.block_ms or usual if reference else base.block_ms
        settings = {**base.settings, **({} if self.bft else {"enableBft": False}), **self.settings}
        spec = replace(spec, stakes=stakes, block_ms=block_ms, settings=settings, observers=self.observers)
        half_ms = self.round_ms // 2 if self.round_ms and reference else 0
        return replace(spec, prepare_ms=half_ms, commit_ms=half_ms) if half_ms else spec


@dataclass(frozen=True)
class Transfers:
    """The load: signed transfers at a bounded rate, sent to the nodes in turn; of every kind, or legacy ones only."""

    per_second: float = 2.0
    every_kind: bool = False


class Step(Protocol):
    """A part of a scenario: it plays itself on a stage, and tells its lines of the plan."""

    def play(self, stage: Stage) -> None:
        """Do it; raises what the tools raise, and StepError for a step that did not come to its end."""

    def plan(self, outline: Outline) -> Iterator[str]:
        """Return its lines of the plan."""

    def parts(self) -> Iterable[Step]:
        """Return the steps inside it, as far as they are known without a network."""

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return the faults that it injects itself, and whom each is for."""


@dataclass(frozen=True)
class Scenario:
    """One promise of the manual under faults.

    Safety judges every scenario, named or not. ``also`` names the liveness that it is about. ``breaks`` makes it a
    negative one: the first that it names must break, the others may, and nothing else. ``kind`` is the only kind of
    cluster that it is about ("": all); ``gate`` says that a gate in front of an upgrade plays it.
    """

    name: str
    item: str
    why: str
    steps: tuple[Step, ...]
    also: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    shape: Shape = Shape()
    load: Transfers | None = Transfers()
    quick: bool = False
    kind: str = ""
    gate: bool = False

    @property
    def expected(self) -> str:
        """Return what is expected, in one sentence."""
        if self.breaks:
            more = f"; {', '.join(self.breaks[1:])} may" if self.breaks[1:] else ""
            return f"{self.breaks[0]} breaks{more}; nothing else does"
        return f"the chain stays one chain; {', '.join(self.also)}"

    def every_step(self) -> Iterator[Step]:
        """Return all its steps, those inside others too."""
        waiting = list(self.steps)
        while waiting:
            step = waiting.pop(0)
            yield step
            waiting = [*step.parts(), *waiting]

    def faults(self) -> Iterator[tuple[Fault, Words]]:
        """Return every fault that it injects, and whom each is for."""
        for step in self.every_step():
            yield from step.uses()
