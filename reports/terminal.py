"""What stands below a run's verdict in a terminal: the gate, what was not asked, what does not count, and the drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prowl.reports.findings import message, not_asked_lines, on, without_chance
from prowl.reports.run import Report
from prowl.reports.verdicts import Result, Verdict


def gate_lines(report: Report) -> list[str]:
    """Return go or no-go first, then the other reasons, what was waived and what was looked at; [] without a gate."""
    decision = report.run.get("gate")
    if not decision:
        return []
    lines = [decision["sentence"]]
    lines += [f"  no-go: {reason}" for reason in decision["reasons"][1:]]
    lines += [f"  waived: {row}" for row in decision["waived"]]
    return [*lines, *(f"  looked at {row}" for row in decision["looked_at"])]


def summary(report: Report, *, quiet: bool = False) -> Iterator[str]:
    """Yield the lines; ``quiet`` leaves the drift out."""
    yield from (f"  note: {note}" for note in report.run.get("notes", ()))
    yield from (f"  not asked: {line}" for line in not_asked_lines(report.not_asked))
    yield from advice(report.results)
    for result in report.results:
        if result.waiver is not None and result.verdict is not Verdict.HELD:
            yield message(result)
    if not quiet:
        yield from drift(report.results)


def advice(results: Iterable[Result]) -> list[str]:
    """Return a line for each advisory result that is not held, with all nodes of which the same was seen."""
    rows: dict[tuple[str, Verdict, str, str], list[str]] = {}
    for result in results:
        if result.advisory and result.waiver is None and result.verdict is not Verdict.HELD:
            told = f"{result.observed}; expected {result.expected} ({result.manual})"
            rows.setdefault((result.item, result.verdict, without_chance(told), result.next), []).append(
                result.node or ""
            )
    return [
        f"  advice: {item} is {verdict}{on(nodes)}: {told}{f'; next: {step}' if step else ''}"
        for (item, verdict, told, step), nodes in rows.items()
    ]


def drift(results: Iterable[Result]) -> list[str]:
    """Return a section on what is kept elsewhere than the manual says: its sentence, then each node's own address."""
    sections: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.drift is not None:
            sections.setdefault((result.item, result.manual), []).append(result)
    lines = ["drift: kept, but elsewhere than the manual says"] if sections else []
    for (item, sentence), rows in sections.items():
        lines.append(f"  {item}: {sentence}")
        for row in rows:
            if row.drift is not None:
                where = f"{row.node}: " if row.node else ""
                lines.append(f"    {where}the manual says {row.drift.manual}; the node: {row.drift.node}")
    return lines
