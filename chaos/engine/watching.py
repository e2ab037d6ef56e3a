"""A Prometheus watches while steps are played; the steps that wait for alerts are in ``alert_steps``.

.. code-block:: python

    Watch(
        (During(Crash(), named("node-2"), (Fires(("alerts/node-down",)),)), Clears(), Recover()),
        Watching(scale=30),
    )

What fired when is not decided here. The store is read at the end, its rows go into the timeline, and the judge says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

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
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.alerts.rules import Rule
from prowl.fixtures.clusters.protocol import HasProcesses, lack
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.monitoring import binary, store
from prowl.fixtures.monitoring.gateway import Gateway
from prowl.fixtures.monitoring.server import MonitorError, Prometheus, ScrapePace
from prowl.fixtures.network import Network
from prowl.fixtures.waiting import wait_until
from prowl.reports.watched import WatchedRule

USUAL_SCRAPE_SECONDS = 15.0  # COC's own configuration of Prometheus; rules are evaluated as often
LOOK_SECONDS = 0.25
MEMORY_BYTES = 2e9
SPARE_BYTES = 2e9  # what a machine must have besides, so that an allocation starves nobody
MEMORY = "alerts/high-memory"
SMALL_MACHINE = 4.0  # by how much the threshold of memory is divided where there is no room for it


@dataclass(frozen=True)
class Watching:
    """How a Prometheus watches: by which rule files (none: the manual's five), and with all durations divided by what.

    ``scrape_seconds`` is before that division.
    """

    scale: float = 1.0
    rules: tuple[Path, ...] = ()
    scrape_seconds: float = USUAL_SCRAPE_SECONDS
    meant: Mapping[str, str] = field(default_factory=dict)
    """The manual's item that a rule is meant for, by the rule's name, where its metric and its name do not tell."""

    def texts(self) -> list[str]:
        """Return the rule files as they are written, before they are scaled."""
        own = [files("prowl.fixtures.alerts").joinpath("alerts.yml")]
        return [divided_memory(path.read_text(encoding="utf-8")) for path in self.rules or own]

    def refusal(self, interval_seconds: float, network: Network) -> str:
        """Return why the rules can't be scaled on a network; "" if they can."""
        ranges = [
            seconds
            for number, text in enumerate(self.texts())
            for rule in alert_rules.parse(text, f"file {number}")
            for seconds in scaling.ranges_seconds(rule.expr)
        ]
        return scaling.refusal(ranges, self.scale, deadlines.pause_seconds(interval_seconds, network))

    @property
    def pace(self) -> ScrapePace:
        """Return how often is scraped and evaluated."""
        seconds = self.scrape_seconds / self.scale
        return ScrapePace(seconds, seconds, self.scale)


@cache
def memory_divisor() -> float:
    """Return by what the threshold of memory is divided on this machine: 1 where it has room for the manual's."""
    return 1.0 if psutil.virtual_memory().available > MEMORY_BYTES + SPARE_BYTES else SMALL_MACHINE


def divided_memory(text: str) -> str:
    """Return a rule file in which the manual's threshold of memory is one that this machine has room for."""
    divisor = memory_divisor()
    return text if divisor == 1 else text.replace("2e9", f"{MEMORY_BYTES / divisor:.12g}")


@dataclass
class Watcher:
    """A Prometheus that watches at this moment, its rules, and the gateway before it, if there is one."""

    server: Prometheus
    gateway: Gateway | None
    rules: tuple[WatchedRule, ...]
    began: float  # by the clock of the timeline

    def rule(self, promise: str) -> WatchedRule:
        """Return the rule that is meant for a promise; StepError if none is."""
        found = next((rule for rule in self.rules if rule.promise == promise), None)
        if found is None:
            raise StepError(f"None of the {len(self.rules)} rules is meant for {promise}.")
        return found

    @property
    def scrapes(self) -> Gateway:
        """Return the gateway; StepError where scrapes go to the nodes directly."""
        if self.gateway is None:
            raise StepError("Scrapes go to the nodes directly: Watch(..., gateway=True) lets them be lost.")
        return self.gateway

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


def promised_rules(watching: Watching, t: float) -> tuple[WatchedRule, ...]:
    """Return every alert of the rule files with what the manual says of the one that it is meant for, scaled."""
    texts = enumerate(watching.texts())
    found = RuleFiles.of((), [rule for number, text in texts for rule in alert_rules.parse(text, f"file {number}")])
    promised = {item.item: item for item in five.FIVE}
    meant = {rule.name: each.item for each in five.FIVE for rule in five.meant(found, each)[:1]}
    meant.update(watching.meant)
    return tuple(watched(rule, promised.get(meant.get(rule.name, "")), watching, t) for rule in found.rules)


def watched(rule: Rule, promised: five.Promised | None, watching: Watching, t: float) -> WatchedRule:
    """Return a rule as the judge needs it: with the times that the manual promises, where it is meant for a promise."""
    pace, scale = watching.pace, watching.scale
    evaluation = rule.every_seconds / scale or pace.evaluation_seconds
    if promised is None:
        own = WatchedRule(t, rule.name, "", rule.for_seconds / scale, 0.0, pace.scrape_seconds, evaluation)
        return replace(own, severity=rule.severity, scale=scale)
    return WatchedRule(
        t,
        rule.name,
        promised.item,
        promised.for_seconds / scale,
        promised.form.range_seconds / scale,
        pace.scrape_seconds,
        evaluation,
        promised.severity,
        promised.form.threshold / (memory_divisor() if promised.item == MEMORY else 1.0),
        scale,
    )


@dataclass(frozen=True)
class Watch:
    """Let a Prometheus watch while steps are played; the first comes once every range is full of scrapes."""

    steps: tuple[Step, ...]
    watching: Watching = Watching()
    gateway: bool = False
    """Whether scrapes go through a gateway that can lose them; else they go to the nodes directly."""
    young: bool = False
    """Play at once, with series that are younger than the ranges."""
    needs = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str:
        """Return why nobody can watch such a cluster on this machine; "" if somebody can."""
        if reason := lack(spec, self.needs):
            return f"a Prometheus can't run beside it: {reason}"
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
        rules = promised_rules(self.watching, began)
        with ExitStack() as stack:
            gateway = stack.enter_context(Gateway()) if self.gateway else None
            server = Prometheus(cluster, cluster.ledger, cluster.folder, stage.network, texts, self.watching.pace)
            server.start(gateway.url if gateway is not None else None)
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
    if watcher.gateway is not None:
        watcher.gateway.pass_all()
    try:
        watcher.server.start_again()
        offset = time.time() - stage.observer.now()
        rows = rows_of(watcher.server, watcher.rules, watcher.began, offset, stage.observer.now())
    except MonitorError as error:
        stage.play.played.lines.append(f"what Prometheus saw could not be read: {error}")
        return
    stage.observer.write_watched(rows)
