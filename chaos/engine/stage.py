"""Where steps are played: a running cluster that is watched and loaded; and where they are only told, for a plan."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from prowl.chaos.engine.fault import Fault, Holds, Scene
from prowl.chaos.engine.lifecycle import Injected
from prowl.chaos.engine.load import Flow, Load
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.targets import StillUp, Words, word_of
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.network import Network
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event

LOOK_SECONDS = 0.1
SEEN = "the height that was waited for"
ROTATIONS = 2  # of the proposers, after a recovery, before it counts as one


class StepError(RuntimeError):
    """A step of the scenario that did not come to its end; the text is a sentence."""


class StoppedEarlyError(StepError):
    """No more time is spent on a scenario: a safety promise is broken, or the machine starves."""


def stakes_of(spec: ClusterSpec) -> dict[str, int]:
    """Return the stake of each node that a cluster will have, by name."""
    return {name: spec.stake(name) for name in spec.names}


def chance_of(seed: int, scenario: str, path: tuple[object, ...]) -> random.Random:
    """Return the chance of one step: no step's draws depend on another's."""
    return random.Random(f"{seed}/{scenario}/{'.'.join(map(str, path))}")


@dataclass(frozen=True)
class Outline:
    """Where steps are told: the description of a cluster, a seed, and the place in the scenario."""

    spec: ClusterSpec
    seed: int
    scenario: str
    path: tuple[object, ...] = ()
    nodes: tuple[str, ...] = ()

    def below(self, part: object, nodes: tuple[str, ...] | None = None) -> Outline:
        """Return the place of a step inside this one."""
        return replace(self, path=(*self.path, part), nodes=self.nodes if nodes is None else nodes)

    def resolve(self, target: Words) -> tuple[str, tuple[str, ...]]:
        """Return a target in words, and its nodes; none where they are known only at a height."""
        word = word_of(target)
        try:
            stakes = stakes_of(self.spec)
            if isinstance(target, StillUp):
                stakes = {name: stake for name, stake in stakes.items() if name not in self.nodes}
            nodes = target(stakes, chance_of(self.seed, self.scenario, self.path))
        except ValueError as error:
            return f"{word}: {error}", ()
        named = ", ".join(nodes)
        return (word if word == named else f"{word}: {named}"), nodes


@dataclass
class Played:
    """How far a scenario came: the step that failed, what became of its load, what the report tells, and figures."""

    failed: str = ""
    flow: Flow | None = None
    lines: list[str] = field(default_factory=list)
    recoveries: list[tuple[float, float]] = field(default_factory=list)
    """What each recovery took, and what it was allowed, in seconds."""
    recovered: bool = True
    """Whether the network had recovered when it was last waited for."""
    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of a block to what was spent on this."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent[what] = self.spent.get(what, 0.0) + time.monotonic() - began


@dataclass
class Play:
    """What all stages of one play share."""

    cluster: Cluster
    observer: Observer
    load: Load | None
    interval_seconds: float
    seed: int
    scenario: str
    say: Callable[[str], None]
    played: Played
    stakes: Mapping[str, int]
    holds: Holds = field(default_factory=Holds)
    count: int = 0
    beside: dict[type, Any] = field(default_factory=dict)
    """What an enclosing step has set up for the steps inside it, by its class."""


@dataclass(frozen=True)
class Stage:
    """The place of one step in a play; ``nodes`` are those that the enclosing step is for, ``faults`` its numbers."""

    play: Play
    path: tuple[object, ...] = ()
    nodes: tuple[str, ...] = ()
    faults: tuple[int, ...] = ()

    def below(self, part: object, nodes: tuple[str, ...] | None = None, faults: tuple[int, ...] = ()) -> Stage:
        """Return the place of a step inside this one."""
        chosen = self.nodes if nodes is None else nodes
        return replace(self, path=(*self.path, part), nodes=chosen, faults=(*self.faults, *faults))

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.play.cluster

    @property
    def network(self) -> Network:
        """Its network."""
        return self.play.cluster.network

    @property
    def observer(self) -> Observer:
        """Who watches it."""
        return self.play.observer

    @property
    def chance(self) -> random.Random:
        """The chance of the step at this place."""
        return chance_of(self.play.seed, self.play.scenario, self.path)

    def resolve(self, target: Words) -> tuple[str, ...]:
        """Return the nodes that a target means at this moment; ValueError where there are none."""
        stakes = self.play.stakes
        if isinstance(target, StillUp):
            held = self.play.holds.down()
            stakes = {name: stake for name, stake in stakes.items() if name not in held}
        return target(stakes, self.chance, self.next_proposer())

    def next_proposer(self) -> str:
        """Return whose turn the next block is: the validators propose in the configured order, from height 1."""
        validators = [node.name for node in self.network.nodes if node.role == "validator"]
        return validators[self.observer.tip % len(validators)]

    def write(self, event: Event) -> None:
        """Write a row into the timeline, at this moment."""
        self.observer.write(event)

    @contextmanager
    def during(self, fault: Fault, nodes: tuple[str, ...]) -> Iterator[Stage]:
        """Break for the length of a block; whatever ends it, the fault is healed."""
        self.play.count += 1
        number, holds = self.play.count, self.play.holds
        scene = Scene(self.cluster, nodes, self.observer.write, chance=self.chance, number=number, holds=holds)
        spent = self.play.played.spent
        with Injected(fault, scene) as injected:
            spent["faults"] = spent.get("faults", 0.0) + injected.inject_seconds
            self.play.say(f"{injected.effects.words}: the effect was seen within {injected.inject_seconds:.2f} s")
            yield self.below("in", nodes, (number,))
            seconds = injected.heal()
            spent["faults"] += seconds
            self.play.say(f"{injected.effects.heal.words or 'healed'}: the end was seen within {seconds:.2f} s")

    def hold(self, seconds: float, height: float = inf) -> None:
        """Watch for so long, or until a height is seen; shorter where more time would tell nothing."""
        with self.play.played.timed("hold"):
            why = self.observer.hold(
                seconds, lambda: self.observer.trouble() or (SEEN if self.observer.tip >= height else "")
            )
        if why and why != SEEN:
            words = f"a hold was ended early: {why}"
            self.write(Event(0.0, words))
            self.play.say(words)
            raise StoppedEarlyError(words)

    def recover(self) -> float:
        """Wait until the network has recovered, and its recovery has lasted; return the seconds that it took.

        Recovered: each node that no fault holds down is past the tip of before, and each validator among them has
        proposed a block. Lasted: then two rotations of the proposers come, each block within the allowance of a pause.
        Not to recover in time is no failed step: the timeline shows it, and the judge says broken.
        """
        limit = deadlines.rejoin_seconds(self.play.interval_seconds, self.network)
        with self.play.played.timed("recovery"):
            seconds = self.recovered()
            lasted = seconds is not None and self._rotations_follow()
        in_time = self.play.played.recovered = seconds is not None
        spent = seconds if seconds is not None else limit
        words = (
            f"recovered {spent:.1f} s after the heal, {spent / limit:.0%} of the {limit:.0f} s that it may take"
            if in_time
            else f"not recovered within the {limit:.0f} s that it may take"
        )
        words += "" if lasted or not in_time else f", and then no {ROTATIONS} rotations of the proposers followed"
        self.play.say(words)
        self.play.played.lines.append(words)
        if in_time:
            self.play.played.recoveries.append((spent, limit))
        return spent

    def recovered(self) -> float | None:
        """Wait until every node that is up has risen and proposed; return the seconds, None if it took too long."""
        limit = deadlines.rejoin_seconds(self.play.interval_seconds, self.network)
        began, since, tip = time.monotonic(), self.observer.now(), self.observer.tip
        held = self.play.holds.down()
        up = [node for node in self.network.nodes if node.name not in held]
        bft = [node.address for node in up if node.role == "validator"]

        def well() -> bool:
            self.observer.check()
            heights = [self.observer.height(node.name) for node in up]
            back = all(height is not None and height > tip for height in heights)
            return back and set(bft) <= self.observer.proposers_since(since)

        return time.monotonic() - began if wait_until(well, limit, LOOK_SECONDS) else None

    def _rotations_follow(self) -> bool:
        """Whether blocks for two rotations come, each within the allowance of a pause of the one before."""
        pause = deadlines.pause_seconds(self.play.interval_seconds, self.network)
        last = self.observer.tip
        goal = last + ROTATIONS * len(self.network.nodes)
        while last < goal:
            before = last

            def risen() -> bool:
                self.observer.check()
                return self.observer.tip > before  # noqa: B023 - asked before it changes

            if not wait_until(risen, pause, LOOK_SECONDS):
                return False
            last = self.observer.tip
        return True
