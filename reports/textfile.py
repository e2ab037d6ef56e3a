"""``prowl.prom``: a run as metrics, for the textfile collector of node_exporter, so that the nightly can be alerted on.

Every metric has the label ``target``: the files of several targets lie in one folder. A missing figure has no line.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from prowl.reports.files import READABLE_BY_ALL, write_whole
from prowl.reports.redaction import redact
from prowl.reports.run import Report
from prowl.reports.verdicts import Result

NAME = "prowl.prom"
LONGEST_LABEL = 200
USAGE_ERROR = 4


class _Page:
    """The metrics of one target."""

    def __init__(self, target: str) -> None:
        self.target = target[:LONGEST_LABEL]
        self.registry = CollectorRegistry()
        self.gauges: dict[str, Gauge] = {}

    def say(self, name: str, words: str, value: float | None, labels: Mapping[str, str] | None = None) -> None:
        """Add a value; None was not seen, and has no line."""
        if value is None:
            return
        labels = {"target": self.target, **(labels or {})}
        if name not in self.gauges:
            self.gauges[name] = Gauge(name, words, list(labels), registry=self.registry)
        self.gauges[name].labels(**labels).set(value)

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def write(report: Report, path: Path) -> Path:
    """Write the metrics, whole or not at all, readable by whoever collects them."""
    return write_whole(path, redact(render(report)), READABLE_BY_ALL)


def render(report: Report) -> str:
    """Return the metrics of a run."""
    run = report.run
    page = _Page(str(run.get("target", "")))
    _about(page, run.get("exit_code"), run.get("started"), run.get("seconds"))
    version = str(run.get("versions", {}).get("prowl-testnet", ""))
    words = {"run": str(run.get("id", "")), "version": version, "commit": str(run.get("commit", ""))}
    page.say("prowl_run_info", "Which run this is", 1, words)
    page.say("prowl_run_partial", "1 if the run was cut short", int(bool(run.get("partial"))))
    page.say("prowl_run_verdict", "0 held, 1 unknown, 2 broken", report.verdict.severity)
    for state, count in asdict(report.totals).items():
        page.say("prowl_results", "Results by where they stand", count, {"state": state})
    if run.get("gate"):
        page.say("prowl_gate_go", "1 if the network is ready for an upgrade", int(bool(run["gate"]["go"])))
    for item, severity in _worst(row for row in report.results if row.scenario is None).items():
        help_text = "The worst verdict that counts of an item on all nodes: 0 held, 1 unknown, 2 broken"
        page.say("prowl_item_verdict", help_text, severity, {"item": item})
    for row in report.results:
        if row.scenario is not None:
            labels = {"scenario": row.scenario, "item": row.item}
            severity = row.verdict.severity if row.counts else 0
            page.say("prowl_scenario_verdict", "0 held, 1 unknown, 2 broken", severity, labels)
            for name, figure in row.figures.items():
                if not name.endswith("_seconds"):
                    continue
                what = name.removesuffix("_seconds")
                says = "What was measured of a scenario, in seconds"
                page.say("prowl_scenario_seconds", says, figure, {**labels, "what": what})
    return page.text()


def ended_early(target: str) -> str:
    """Return the metrics of a run that ended before it began: wrong usage, a faulty inventory."""
    page = _Page(target)
    _about(page, USAGE_ERROR, time.time(), 0.0)
    return page.text()


def _about(page: _Page, code: int | None, started: float | None, seconds: float | None) -> None:
    page.say("prowl_run_exit_code", "The run's exit code: 0 held, 1 broken or unknown, 4 wrong usage", code)
    page.say("prowl_run_started_timestamp_seconds", "When the run began, since 1970", started)
    ended = started + seconds if started is not None and seconds is not None else None
    page.say("prowl_run_ended_timestamp_seconds", "When the run ended, since 1970", ended)
    page.say("prowl_run_duration_seconds", "How long the run took", seconds)


def _worst(results: Iterable[Result]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in results:
        found[row.item] = max(found.get(row.item, 0), row.verdict.severity if row.counts else 0)
    return found
