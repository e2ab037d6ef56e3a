"""``prowl alerts render`` and ``prowl alerts seen``: alert rules for an operator, and alerts in a run."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from prowl.checks import alert_latencies
from prowl.checks.invariants import judge
from prowl.fixtures.alerts import own, promtool
from prowl.reports.redaction import one_line
from prowl.reports.timeline import TimelineError, read
from prowl.reports.verdicts import Verdict

USAGE_ERROR = 4
RULES, GRAFANA = "prowl-alerts.yml", "prowl-grafana.yml"
NOT_TRIED = (
    "of Grafana's file the expressions were checked, as promtool reads them; no Grafana was asked to load it: "
    "import it into a test folder first"
)


@dataclass(frozen=True)
class Asked:
    """What is to be rendered: where to, and what the rules must know of the network."""

    out: Path | None
    nodes: int | None
    job: str
    manual: str
    target: str
    datasource: str


def render(asked: Asked) -> int:
    """Write both files, or print the first; 0 if promtool finds them sound, or is not there to ask."""
    alerts = [*own.manuals(asked.target), *own.own(asked.nodes, asked.job, asked.target)]
    rules = own.prometheus(alerts, asked.manual)
    if asked.out is None:
        print(rules, end="")
        return _checked(rules)
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / RULES).write_text(rules, encoding="utf-8")
        (asked.out / GRAFANA).write_text(own.grafana(alerts, asked.datasource, asked.manual), encoding="utf-8")
    except OSError as error:
        print(f"prowl alerts render: {asked.out} can't be written: {error.strerror or error}.", file=sys.stderr)
        return USAGE_ERROR
    print(f"{asked.out / RULES}: {len(alerts)} alerts for Prometheus")
    print(f"{asked.out / GRAFANA}: the same for Grafana's provisioning; {NOT_TRIED}")
    return _checked(rules)


def _checked(rules: str) -> int:
    if promtool.find() is None:
        print(f"not checked: {promtool.MISSING}", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="prowl-rules-") as name:
        path = Path(name) / RULES
        path.write_text(rules, encoding="utf-8")
        try:
            said = promtool.check_rules([path])
        except promtool.PromtoolError as error:
            said = str(error)
    if said:
        print(f"promtool check rules: {said}", file=sys.stderr)
    return 1 if said else 0


def seen(run: Path) -> int:
    """Print, for each timeline of a run that a Prometheus watched, when alerts fired and what is not held of them."""
    paths = [run] if run.is_file() else sorted(run.rglob("timeline.jsonl"))
    watched = 0
    worst = 0
    for path in paths:
        try:
            timeline = read(path)
        except TimelineError as error:
            print(error, file=sys.stderr)
            worst = 1
            continue
        if not timeline.watched.rules:
            continue
        watched += 1
        print(one_line(str(timeline.header.scenario or path)))
        for line in alert_latencies.lines(timeline) or ["no alert fired"]:
            print(f"  {one_line(line)}")
        for row in judge(timeline):
            if row.invariant.startswith("alerts-") and row.verdict is not Verdict.HELD:
                print(f"  {row.verdict.upper()} {row.invariant}: {one_line(row.observed)}")
                worst = 1
    if not watched and not worst:
        print(f"prowl alerts seen: no Prometheus watched in {run}.", file=sys.stderr)
        return USAGE_ERROR
    return worst
