"""The steps of alerts, inside :class:`Watch`: an alert fires, alerts are over, time for all, a blind watcher."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from prowl.chaos.engine.fault import Fault
from prowl.chaos.engine.scenario import Step
from prowl.chaos.engine.stage import Outline, Stage
from prowl.chaos.engine.steps import INDENT, plan_all, play_all
from prowl.chaos.engine.targets import Words
from prowl.chaos.engine.watching import LOOK_SECONDS, Watcher, watcher_of
from prowl.fixtures import deadlines
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event

LATEST = 2.0  # an alert that has not come after so many floors is not waited for any longer


class _Waiting:
    """A step that waits for an alert; it stands alone."""

    def parts(self) -> Iterable[Step]:
        """Return none."""
        return ()

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none."""
        return ()


@dataclass(frozen=True)
class Fires(_Waiting):
    """Wait until the alerts of all these promises fire; no longer than they could be late without being lost."""

    promises: tuple[str, ...]
    here: bool = False
    """Whether each must fire for every node of the enclosing step; else for any node."""

    def play(self, stage: Stage) -> None:
        """Wait; what did not fire is for the judge."""
        watcher = watcher_of(stage)
        nodes = frozenset(stage.nodes if self.here else ())
        waiting = {promise: watcher.rule(promise) for promise in self.promises}
        patience = deadlines.signal_seconds(stage.network)
        patience += deadlines.pause_seconds(stage.play.interval_seconds, stage.network)
        limit = max(LATEST * rule.floor_seconds + rule.slack_seconds for rule in waiting.values()) + patience
        began = time.monotonic()

        def all_fire() -> bool:
            stage.observer.check()
            for promise, rule in tuple(waiting.items()):
                firing = {node for node, state in watcher.states(rule.name).items() if state == "firing"}
                if firing and nodes <= firing:
                    del waiting[promise]
                    spent = time.monotonic() - began
                    tell(stage, f"{rule.name} fires after {spent:.1f} s (its floor is {rule.floor_seconds:.1f} s)")
            return not waiting

        with stage.play.played.timed("alerts"):
            wait_until(all_fire, limit, LOOK_SECONDS)
        for rule in waiting.values():
            tell(stage, f"{rule.name} has not fired within {limit:.0f} s (its floor is {rule.floor_seconds:.1f} s)")

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell which alerts must fire."""
        whom = f" for {', '.join(outline.nodes) or 'these nodes'}" if self.here else ""
        yield f"fires     {', '.join(self.promises)}{whom}"


def tell(stage: Stage, words: str) -> None:
    """Say it, and write it into the timeline and the report."""
    stage.play.say(words)
    stage.play.played.lines.append(words)
    stage.write(Event(0.0, words))


@dataclass(frozen=True)
class Clears(_Waiting):
    """Wait until no alert is pending or fires any more: of these promises (none: of all)."""

    promises: tuple[str, ...] = ()

    def play(self, stage: Stage) -> None:
        """Wait; what stays is for the judge."""
        watcher = watcher_of(stage)
        rules = [rule for rule in watcher.rules if not self.promises or rule.promise in self.promises]
        limit = deadlines.rejoin_seconds(stage.play.interval_seconds, stage.network)
        limit += max((rule.clear_seconds + rule.slack_seconds for rule in rules), default=0.0)
        began = time.monotonic()

        def staying() -> list[str]:
            return [rule.name for rule in rules if watcher.states(rule.name)]

        with stage.play.played.timed("alerts"):
            over = wait_until(lambda: watcher.server.is_running and not staying(), limit, LOOK_SECONDS)
        spent = time.monotonic() - began
        left = "" if over else ", ".join(staying()) or "Prometheus is away"
        tell(stage, f"not over after {spent:.0f} s: {left}" if left else f"all alerts are over after {spent:.1f} s")

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002 - it is about no node
        """Tell which alerts must be over."""
        yield f"clears    {', '.join(self.promises) or 'every alert'}"


@dataclass(frozen=True)
class Floors(_Waiting):
    """Watch for as long as every alert would need to fire, and a scrape more: a silent one has had the time.

    ``promises`` are the alerts that are meant; none: all. ``share`` makes it longer, or shorter.
    """

    promises: tuple[str, ...] = ()
    share: float = 1.0

    def play(self, stage: Stage) -> None:
        """Watch."""
        watcher = watcher_of(stage)
        rules = [rule for rule in watcher.rules if not self.promises or rule.promise in self.promises]
        longest = max((rule.floor_seconds + rule.slack_seconds for rule in rules), default=0.0)
        stage.play.say(f"watching for {self.share * longest:.1f} s")
        stage.hold(self.share * longest)

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002
        """Tell how long."""
        times = "" if self.share == 1 else f"{self.share:g} times "
        whom = ", ".join(self.promises) or "the slowest alert"
        yield f"hold      {times}as long as {whom} needs to fire"


class WatcherFault(Protocol):
    """What is done to the watcher, and undone."""

    @property
    def words(self) -> str:
        """Return it in words."""

    def begin(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:
        """Do it."""

    def end(self, watcher: Watcher, nodes: tuple[str, ...]) -> None:
        """Undo it."""


@dataclass(frozen=True)
class Blind:
    """Break the watcher while steps are played; the nodes are well, or what an enclosing step makes of them."""

    fault: WatcherFault
    steps: tuple[Step, ...]
    target: Words | None = None

    def play(self, stage: Stage) -> None:
        """Break, play, mend."""
        watcher = watcher_of(stage)
        nodes = stage.resolve(self.target) if self.target is not None else ()
        words = f"{self.fault.words} {' '.join(nodes)}".strip()
        stage.play.say(words)
        stage.write(Event(0.0, words))
        self.fault.begin(watcher, nodes)
        try:
            play_all(stage, self.steps)
        finally:
            self.fault.end(watcher, nodes)
            stage.write(Event(0.0, f"end of: {words}"))

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell what becomes of the watcher meanwhile."""
        whom = f" ({outline.resolve(self.target)[0]})" if self.target is not None else ""
        yield f"watcher   {self.fault.words}{whom}"
        yield from (INDENT + line for line in plan_all(outline, self.steps))

    def parts(self) -> Iterable[Step]:
        """Return the steps that are played meanwhile."""
        return self.steps

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()
