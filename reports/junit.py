"""What JUnit's report says besides pytest's own words: whose each result is, the cause, and what was not asked.

JUnit knows error (unknown) and failure (broken); everything else stands in properties.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
from _pytest import junitxml  # the one way to properties of the whole suite that xdist does not stop

from prowl.reports.files import write_whole
from prowl.reports.findings import not_asked_lines
from prowl.reports.redaction import redact
from prowl.reports.run import Report, Run
from prowl.reports.verdicts import Result, Verdict

OF_THE_RUN = ("seed", "commit", "again", "target")
SUITE = "prowl"


def properties(results: Iterable[Result], run: Run) -> list[tuple[str, str]]:
    """Return the properties of one test item: item, node or scenario, verdict, target, seed, and what was measured."""
    rows: list[tuple[str, str]] = []
    for result in results:
        words = {
            "item": result.item,
            "node": result.node,
            "scenario": result.scenario,
            "verdict": result.verdict.value,
            "target": run.target,
            "seed": str(run.seed),
            "advisory": "true" if result.advisory else None,
            "waiver": _waiver(result),
            "drift": f"the manual says {result.drift.manual}; the node: {result.drift.node}" if result.drift else None,
            **{name: f"{figure:g}" for name, figure in result.figures.items()},
        }
        rows += [(name, redact(word)) for name, word in words.items() if word is not None]
    return rows


def _waiver(result: Result) -> str | None:
    if result.waiver is None or result.verdict is Verdict.HELD:
        return None
    return f"{result.waiver.reason} (until {result.waiver.expires})"


def begin(config: pytest.Config, report: Report) -> None:
    """Put the run's words into the report that pytest will write, if it writes one."""
    xml = config.stash.get(junitxml.xml_key, None)
    if xml is not None:
        for name in OF_THE_RUN:
            xml.add_global_property(name, str(report.run[name]))


def finish(config: pytest.Config, report: Report) -> None:
    """Add what is seen only at the end: what was not asked, and the cause of each result that has one."""
    xml = config.stash.get(junitxml.xml_key, None)
    if xml is None:
        return
    for line in not_asked_lines(report.not_asked):
        xml.add_global_property("not asked", redact(line))
    causes = {(row.item, row.node or row.scenario): row.cause for row in report.results if row.cause}
    for case in xml.node_reporters_ordered if causes else ():
        listed = case.to_xml().find("properties")
        words = {} if listed is None else {row.get("name"): row.get("value") for row in listed}
        cause = causes.get((str(words.get("item")), words.get("node") or words.get("scenario")))
        if listed is not None and cause:
            ElementTree.SubElement(listed, "property", name="cause", value=cause)


def ended_early(path: Path, sentence: str) -> None:
    """Replace the file by one with a single error: what stood there is another run's, and would be taken for this one.

    A file that can't be written is left as it is: why this run ended is said in any case.
    """
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    counts = {"errors": "1", "failures": "0", "skipped": "0", "tests": "1", "time": "0"}
    suites = ElementTree.Element("testsuites", name=SUITE)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": SUITE, "timestamp": stamp, **counts})
    case = ElementTree.SubElement(suite, "testcase", classname=SUITE, name="the run itself", time="0")
    text = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in redact(sentence))
    ElementTree.SubElement(case, "error", message=text.splitlines()[0] if text else "").text = text
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, ElementTree.tostring(suites, encoding="unicode", xml_declaration=False))
    except OSError:
        return


def replace_stale(words: Sequence[str], begun: float) -> None:
    """Replace the file that a command line names, if the run that it began has not written it: it is another run's.

    For a command line that pytest itself refused, before any plugin was asked.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--junitxml", "--junit-xml", dest="path", type=Path)
    with suppress(argparse.ArgumentError, OSError):
        asked = parser.parse_known_args(list(words))[0]
        path: Path | None = asked.path
        if path is not None and not asked.plan and path.stat().st_mtime < begun:
            ended_early(path, "the command line was refused: the job's log says why")
