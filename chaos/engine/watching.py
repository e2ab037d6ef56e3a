"""The steps of alerts: a Prometheus watches while steps are played, an alert fires, an alert is over.

.. code-block:: python

    Watch(
        (During(Crash(), named("node-2"), (Fires(("alerts/node-down",)),)), Clears(), Recover()),
        Watching(scale=30),
    )

What fired when is not decided here. The store is read at the end, its rows go into the timeline, and the judge says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import psutil

from prowl.chaos.engine.fault import Fault
from prowl.chaos.engine.scenario import Step
from prowl.chaos.engine.stage import Outline, Stage, StepError
from prowl.chaos.engine.steps import INDENT, plan_all, play_all
from prowl.chaos.engine.targets import Words
from prowl.chaos.engine.watched_rows import rows_of
from prowl.checks import alerts as five
from prowl.fixtures import deadlines
from prowl.fixtures.alerts import rules as alert_rules
from prowl.fixtures.alerts import scaling
from prowl.fixtures.clusters.protocol import HasProcesses
from prowl.fixtures.monitoring import binary, store
from prowl.fixtures.monitoring.gateway import Gateway
from prowl.fixtures.monitoring.server import MonitorError, Pace, Prometheus
from prowl.fixtures.network import Network
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event
from prowl.reports.watched import WatchedRule

USUAL_SCRAPE_SECONDS = 15.0  # COC's own configuration of Prometheus; rules are evaluated as often
LOOK_SECONDS = 0.25
MEMORY_BYTES = 2e9
SPARE_BYTES = 2e9  # what a machine must have besides, so that an allocation starves nobody
SMALL_MACHINE = 4.0  # by how much the threshold of memory is divided where there is no room for it
LATEST = 2.0  # an alert that has not come after so many floors is not waited for any longer


@dataclass(frozen=True)
class Watching:
    """How a Prometheus watches: by which rule files (none: the manual's five), and with all durations divided by what.

    ``scrape_seconds`` is before that division.
    """

    scale: float = 1.0
    rules: tuple[Path, ...] = ()
    scrape_seconds: float = USUAL_SCRAPE_SECONDS
    more: tuple[str, ...] = field(default=(), repr=False)
    """Texts of further rule files, not scaled."""

    def texts(self) -> list[str]:
        """Return the rule files as they are written, before they are scaled."""
        if self.rules:
            return [path.read_text(encoding="utf-8") for path in self.rules]
        return [files("prowl.fixtures.alerts").joinpath("alerts.yml").read_text(encoding="utf-8")]

    def refusal(self, interval_seconds: float, network: Network) -> str:
        """Return why the rules can't be scaled on a network; "" if they can."""
        ranges = [
            seconds
            for number, text in enumerate(self.texts())
            for rule in alert_rules.parse(text, f"rule file {number}")
            for seconds in scaling.ranges_seconds(rule.expr)
        ]
        return scaling.refusal(ranges, self.scale, deadlines.pause_seconds(interval_seconds, network))

    @property
    def pace(self) -> Pace:
        """Return how often is scraped and evaluated."""
        seconds = self.scrape_seconds / self.scale
        return Pace(seconds, seconds, self.scale)


def memory_divisor() -> float:
    """Return by what the threshold of memory is divided on this machine: 1 where it has room for the manual's."""
    return 1.0 if psutil.virtual_memory().available > MEMORY_BYTES + SPARE_BYTES else SMALL_MACHINE


@dataclass
class Watcher:
    """A Prometheus that watches at this moment, its rules, and the gateway before it."""

    server: Prometheus
    gateway: Gateway
    rules: tuple[WatchedRule, ...]
    began: float  # by the clock of the timeline

    def rule(self, promise: str) -> WatchedRule:
        """Return the rule that is meant for a promise; StepError if none is."""
        found = next((rule for rule in self.rules if rule.promise == promise), None)
        if found is None:
            raise StepError(f"None of the {len(self.rules)} rules is meant for {promise}.")
        return found

    def states(self, name: str) -> dict[str, str]:
        """Return the state of each alert of that name, by the node's name; nothing while Prometheus is away."""
        try:
            rows = store.alerts(self.server.url) if self.server.is_running else []
        except MonitorError:
            return {}
        nodes = self.server.instances
        return {nodes.get(row.labels.get("instance", ""), ""): row.state for row in rows if row.name == name}


def watcher_of(stage: Stage) -> Watcher:
    """Return who watches; StepError outside of a :class:`Watch`."""
    found = stage.play.beside.get(Watcher)
    if not isinstance(found, Watcher):
        raise StepError("No Prometheus watches here: the step stands inside Watch(...).")
    return found


def promised_rules(texts: Iterable[str], watching: Watching, t: float) -> tuple[WatchedRule, ...]:
    """Return every alert of these rule files with what the manual says of the one that it is meant for, scaled."""
    found = [rule for number, text in enumerate(texts) for rule in alert_rules.parse(text, f"rule file {number}")]
    meant = {id(rule): each for each in five.FIVE if (rule := five.meant(found, each)) is not None}
    pace = watching.pace
    made = []
    for rule in found:
        promised = meant.get(id(rule))
        seconds = alert_rules.duration_seconds(promised.form.range) if promised and promised.form.range else 0.0
        made.append(
            WatchedRule(
                t,
                rule.name,
                promised.item if promised else "",
                (promised.for_seconds if promised else rule.for_seconds) / watching.scale,
                (seconds or 0.0) / watching.scale,
                pace.scrape_seconds,
                pace.evaluation_seconds,
                promised.severity if promised else rule.severity,
                promised.form.threshold if promised else 0.0,
                watching.scale,
            )
        )
    return tuple(made)


@dataclass(frozen=True)
class Watch:
    """Let a Prometheus watch while steps are played; the first comes once every range is full of scrapes."""

    steps: tuple[Step, ...]
    watching: Watching = Watching()
    young: bool = False
    """Play at once, with series that are younger than the ranges."""

    def unavailable(self) -> str:
        """Return why nobody can watch on this machine; "" if somebody can."""
        try:
            binary.find()
        except binary.PrometheusBinaryError as error:
            return str(error)
        return ""

    def play(self, stage: Stage) -> None:
        """Start it, fill it, play, read it into the timeline, end it."""
        cluster = stage.cluster
        if not isinstance(cluster, HasProcesses):
            raise StepError("A Prometheus can't run beside this cluster: its nodes are no processes of this machine.")
        refused = self.watching.refusal(stage.play.interval_seconds, stage.network)
        if refused:
            raise StepError(refused)
        texts = [scaling.scaled(text, self.watching.scale) for text in self.watching.texts()]
        began = stage.observer.now()
        rules = promised_rules(self.watching.texts(), self.watching, began)
        with ExitStack() as stack:
            gateway = stack.enter_context(Gateway())
            server = Prometheus(
                cluster, cluster.ledger, cluster.folder, stage.network, [*texts, *self.watching.more], self.watching.pace
            )
            server.start(gateway.url)
            stack.callback(server.stop)
            watcher = Watcher(server, gateway, rules, began)
            stage.play.beside[Watcher] = watcher
            stack.callback(stage.play.beside.pop, Watcher, None)
            stage.play.say(f"Prometheus watches {len(rules)} alerts{_scaled(self.watching.scale)}")
            stack.callback(_read, stage, watcher)
            self._fill(stage, watcher)
            play_all(stage, self.steps)

    def _fill(self, stage: Stage, watcher: Watcher) -> None:
        """Wait until every node was scraped, and until the longest range is full."""
        pace = self.watching.pace
        count = len(stage.network.nodes)

        def scraped() -> bool:
            found = store.samples(watcher.server.url, "coc_block_height", 10 * pace.scrape_seconds + 60)
            return sum(bool(series.points) for series in found) >= count

        if not wait_until(scraped, 10 * pace.scrape_seconds + 30, LOOK_SECONDS):
            raise StepError("Prometheus did not scrape every node.")
        longest = max((rule.range_seconds for rule in watcher.rules), default=0.0)
        if not self.young:
            stage.hold(longest + 2 * pace.scrape_seconds)

    def plan(self, outline: Outline) -> Iterator[str]:
        """Tell who watches, and the steps."""
        yield f"watch     a Prometheus of this run's own scrapes every node{_scaled(self.watching.scale)}"
        yield from (INDENT + line for line in plan_all(outline, self.steps))

    def parts(self) -> Iterable[Step]:
        """Return the steps that are played meanwhile."""
        return self.steps

    def uses(self) -> Iterable[tuple[Fault, Words]]:
        """Return none of its own."""
        return ()


def _scaled(scale: float) -> str:
    return f"; all durations of the rules and of scraping are divided by {scale:g}" if scale != 1 else ""


def _read(stage: Stage, watcher: Watcher) -> None:
    """Read the store into the timeline."""
    watcher.gateway.pass_all()
    try:
        watcher.server.start_again()
        offset = time.time() - stage.observer.now()
        rows = rows_of(watcher.server, watcher.rules, watcher.began, offset, stage.observer.now())
    except MonitorError as error:
        stage.play.played.told.append(f"what Prometheus saw could not be read: {error}")
        return
    stage.observer.write_watched(rows)


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
    target: Words | None = None
    """The nodes for which each must fire; None: any."""

    def play(self, stage: Stage) -> None:
        """Wait; what did not fire is for the judge."""
        watcher = watcher_of(stage)
        nodes = frozenset(stage.resolve(self.target)) if self.target is not None else frozenset()
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
        whom = f" on {outline.resolve(self.target)[0]}" if self.target is not None else ""
        yield f"fires     {', '.join(self.promises)}{whom}"


def tell(stage: Stage, words: str) -> None:
    """Say it, and write it into the timeline and the report."""
    stage.play.say(words)
    stage.play.played.told.append(words)
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
        tell(stage, f"all alerts are over after {spent:.1f} s" if over else f"not over after {spent:.0f} s: {staying()}")

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002 - it is about no node
        """Tell which alerts must be over."""
        yield f"clears    {', '.join(self.promises) or 'every alert'}"


@dataclass(frozen=True)
class Floors(_Waiting):
    """Watch for as long as every alert would need to fire, and a scrape more: what is to be silent has had its time.

    ``promises`` are the alerts that are meant; none: all.
    """

    promises: tuple[str, ...] = ()

    def play(self, stage: Stage) -> None:
        """Watch."""
        watcher = watcher_of(stage)
        rules = [rule for rule in watcher.rules if not self.promises or rule.promise in self.promises]
        longest = max((rule.floor_seconds + rule.slack_seconds for rule in rules), default=0.0)
        stage.play.say(f"watching for {longest:.0f} s: time for every alert to fire, had it a reason")
        stage.hold(longest)

    def plan(self, outline: Outline) -> Iterator[str]:  # noqa: ARG002
        """Tell how long."""
        yield f"hold      for as long as {'these alerts' if self.promises else 'the slowest alert'} would need to fire"


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
