"""The steps that scenarios are made of: hold, break, go through nodes one by one, let an operator act, recover.

A step is a small frozen value. A new one is a class with ``play`` and ``plan``; nothing else has to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from prowl.chaos.engine.fault import Fault, described
from prowl.chaos.engine.scenario import Step
from prowl.chaos.engine.stage import ROTATIONS, Outline, Stage, StepError
from prowl.chaos.engine.targets import Words, all_nodes, named
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.network import Network

INDENT = "  "
SLOWEST = 5.0


class Allowance(StrEnum):
    """A stated length of time, made of block intervals and the node's documented time-outs."""

    PAUSE = deadlines.PAUSE_WORDS
    HEAL = deadlines.HEAL_WORDS
    SIGNALS = deadlines.SIGNAL_WORDS

    def seconds(self, interval_seconds: float, network: Network) -> float:
        """Return it in seconds on a network."""
        if self is Allowance.SIGNALS:
            return deadlines.signal_seconds(network)
        length = deadlines.pause_seconds if self is Allowance.PAUSE else deadlines.progress_seconds
        return length(interval_seconds, network)


class Simple:
    """A step without steps inside it that injects no fault."""

    def parts(self) -> Iterable[Step]:
        """Return none."""
        return ()

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none."""
        return ()


def play_all(stage: Stage, steps: Iterable[Step]) -> None:
    """Play steps one after the other."""
    for number, step in enumerate(steps):
        step.play(stage.below(number))


def plan_all(outline: Outline, steps: Iterable[Step]) -> Iterator[str]:
    """Tell steps one after the other."""
    for number, step in enumerate(steps):
        yield from step.plan(outline.below(number))


@dataclass(frozen=True)
class Hold(Simple):
    """Watch for an allowance; or for so many block intervals and round time-outs, if one of these is named."""

    allowance: Allowance = Allowance.PAUSE
    intervals: float = 0.0
    rounds: float = 0.0

    def seconds(self, interval_seconds: float, network: Network) -> float:
        """Return its length on a network."""
        if self.intervals or self.rounds:
            return self.intervals * interval_seconds + self.rounds * network.round_timeout_seconds
        return self.allowance.seconds(interval_seconds, network)

    def play(self, stage: Stage) -> None:
        """Watch."""
        seconds = self.seconds(stage.play.interval_seconds, stage.network)
        stage.play.say(f"holding for {seconds:.0f} s")
        stage.hold(seconds)

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002 - its length is the network's
        """Tell how long."""
        lengths = [f"{self.intervals:g} block intervals"] if self.intervals else []
        lengths += [f"{self.rounds:g} round time-outs"] if self.rounds else []
        yield f"hold      {' and '.join(lengths) or self.allowance}"


@dataclass(frozen=True)
class Blocks(Simple):
    """Watch until so many blocks have come; five times as long as they should take, and no longer."""

    count: int

    def play(self, stage: Stage) -> None:
        """Watch."""
        seconds = SLOWEST * self.count * stage.play.interval_seconds
        stage.play.say(f"holding for {self.count} blocks, at most {seconds:.0f} s")
        stage.hold(seconds, stage.observer.tip + self.count)

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002
        """Tell how many."""
        yield f"hold      {self.count} blocks"


@dataclass(frozen=True)
class During:
    """Break some nodes while steps are played, and heal them afterwards; the steps may break others meanwhile."""

    fault: Fault
    target: Words
    steps: tuple[Step, ...] = field(default=(Hold(),))

    def play(self, stage: Stage) -> None:
        """Inject, play, heal; each proven."""
        nodes = stage.resolve(self.target)
        with stage.during(self.fault, nodes) as inside:
            play_all(inside, self.steps)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell whom it is for, what is done, and what happens meanwhile."""
        whom, nodes = outline.resolve(self.target)
        down, up = _words(self.fault, outline.spec, nodes, whom)
        yield f"break     {down} ({whom})"
        for line in plan_all(outline.below("in", nodes), self.steps):
            yield INDENT + line
        yield f"heal      {up}"

    def parts(self) -> Iterable[Step]:
        """Return the steps that are played meanwhile."""
        return self.steps

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return its fault."""
        return ((self.fault, self.target),)


def _words(fault: Fault, spec: ClusterSpec, nodes: tuple[str, ...], whom: str) -> tuple[str, str]:
    """Return a fault's words for injection and heal; general ones where the nodes are not known yet."""
    name = type(fault).__name__
    if not nodes:
        return f"{name} of {whom.partition(':')[0]}", f"{name} undone"
    try:
        effects = fault.effects(described(spec, nodes))
    except ValueError as error:
        return f"{name}, which can't be: {error}", "nothing"
    return effects.words, effects.heal.words or f"end of: {effects.words}"


@dataclass(frozen=True)
class Each:
    """Play steps for one node after the other.

    A rolling restart, a rolling upgrade; None: the enclosing step's nodes.
    """

    target: Words | None
    steps: Callable[[Words], tuple[Step, ...]]

    def play(self, stage: Stage) -> None:
        """Play them for each."""
        for name in stage.nodes if self.target is None else stage.resolve(self.target):
            play_all(stage.below(name, (name,)), self.steps(named(name)))

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell them for the first node, and who follows."""
        if self.target is None:
            whom, nodes = ", ".join(outline.nodes), outline.nodes
        else:
            whom, nodes = outline.resolve(self.target)
        yield f"each      {whom}"
        for name in nodes:
            yield from (INDENT + line for line in plan_all(outline.below(name, (name,)), self.steps(named(name))))

    def parts(self) -> Iterable[Step]:
        """Return the steps as they are for a node of any name."""
        return self.steps(self.target or all_nodes)

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()


@dataclass(frozen=True)
class For:
    """Play steps for the same nodes: those that a target means at the beginning."""

    target: Words
    steps: tuple[Step, ...]

    def play(self, stage: Stage) -> None:
        """Play them."""
        play_all(stage.below("for", stage.resolve(self.target)), self.steps)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell for whom, and the steps."""
        whom, nodes = outline.resolve(self.target)
        yield f"for       {whom}"
        yield from (INDENT + line for line in plan_all(outline.below("for", nodes), self.steps))

    def parts(self) -> Iterable[Step]:
        """Return the steps."""
        return self.steps

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()


@dataclass(frozen=True)
class Recover(Simple):
    """Wait until the network has recovered and its recovery has lasted for two rotations of the proposers."""

    def play(self, stage: Stage) -> None:
        """Wait, within the allowance; what did not recover in time is for the judge."""
        stage.recover()

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002
        """Tell the allowance."""
        yield f"recovery  within {deadlines.REJOIN_WORDS}; then {ROTATIONS} rotations of the proposers"


@dataclass(frozen=True)
class Through:
    """Send the load to some nodes only, each transfer once: what they accept must not be lost.

    Without a target these are the nodes of the enclosing step.
    """

    target: Words | None
    steps: tuple[Step, ...]

    def play(self, stage: Stage) -> None:
        """Send it there, and everywhere again afterwards."""
        load = stage.play.load
        if load is None:
            raise StepError("There is no load to be sent to some nodes only.")
        nodes = stage.nodes if self.target is None else stage.resolve(self.target)
        stage.play.say(f"the load goes to {' '.join(nodes)} only")
        with load.through(nodes):
            play_all(stage, self.steps)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell where it is sent."""
        whom = ", ".join(outline.nodes) if self.target is None else outline.resolve(self.target)[0]
        yield f"load      to {whom} only"
        yield from (INDENT + line for line in plan_all(outline, self.steps))

    def parts(self) -> Iterable[Step]:
        """Return the steps that are played meanwhile."""
        return self.steps

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()


class Operation(Protocol):
    """What the manual tells an operator to do to nodes."""

    @property
    def words(self) -> str:
        """Return it in words, such as ``restore the newest backup of``."""

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why it can't be done to such a cluster on this machine, or None."""

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Do it, and write what it does into the timeline."""


@dataclass(frozen=True)
class Do(Simple):
    """Let an operator act: on the nodes of the enclosing step (at the top: all), or on those of a target."""

    operation: Operation
    target: Words | None = None

    def play(self, stage: Stage) -> None:
        """Do it."""
        nodes = stage.nodes or stage.cluster.spec.names
        if self.target is not None:
            nodes = stage.resolve(self.target)
        stage.play.say(f"{self.operation.words} {' '.join(nodes)}")
        with stage.play.played.timed("operator"):
            self.operation.do(stage, nodes)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell what, and to whom."""
        nodes = outline.nodes or outline.spec.names
        whom = outline.resolve(self.target)[0] if self.target is not None else ", ".join(nodes)
        yield f"operator  {self.operation.words} {whom}"
