"""``report.md``: a run for the summary of a CI job, as GitHub and GitLab render it.

GitHub drops a summary of more than 1,024 kB whole: this one is cut before, and says so where it is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prowl.reports.files import write_whole
from prowl.reports.findings import equal, measured, not_asked_lines, on, ranked, whose
from prowl.reports.redaction import redact
from prowl.reports.run import Report
from prowl.reports.verdicts import Result, Verdict

NAME = "report.md"
MOST_BYTES = 1_000_000
LONGEST_CELL = 600
MARKS = {Verdict.HELD: "🟢", Verdict.UNKNOWN: "🟡", Verdict.BROKEN: "🔴"}
CUT = """

</details>

> **This summary is cut here: CI would drop it whole where it is larger.** All of it stands in `report.json`.
"""


def write(report: Report, folder: Path) -> Path:
    """Write ``report.md`` into a run folder, whole or not at all."""
    return write_whole(folder / NAME, redact(render(report)))


def render(report: Report) -> str:
    """Return the summary, at most ``MOST_BYTES`` long."""
    kept: list[str] = []
    left = MOST_BYTES - len(CUT.encode())
    for block in _blocks(report):
        size = len(block.encode()) + 1
        if size > left:
            return "\n".join([*kept, CUT])
        kept.append(block)
        left -= size
    return "\n".join(kept) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    """Yield paragraphs and rows of tables, each of which may be the last."""
    yield f"## {MARKS[report.verdict]} {_text(report.sentence)}\n"
    if report.run.get("changed"):
        yield f"{_text(report.run['changed'])}\n"
    gate = report.run.get("gate")
    if gate:
        yield f"**{_text(gate['sentence'])}**\n"
        yield from (f"- no-go: {_text(reason)}" for reason in gate["reasons"][1:])
        yield ""
    yield from (f"> {_text(note)}\n" for note in report.run.get("notes", ()))
    bad = [row for row in report.results if row.verdict is not Verdict.HELD and not row.advisory]
    groups = equal(ranked(bad))
    if groups:
        yield "| | what | observed | next |\n| --- | --- | --- | --- |"
        yield from (_row(group) for group in groups)
        yield ""
    yield f"Again: `{_code(str(report.run.get('again', '')))}`\n"
    yield from _recoveries(report)
    yield from _folded("Not asked", [_text(line) for line in not_asked_lines(report.not_asked)])
    advice = [row for row in report.results if row.advisory and row.verdict is not Verdict.HELD]
    yield from _folded("Advice", [_advice(group) for group in equal(ranked(advice))])


def _row(group: list[Result]) -> str:
    first = group[0]
    mark = "⚪ waived" if first.waiver is not None else f"{MARKS[first.verdict]} {first.verdict}"
    what = f"**{_cell(first.item)}**{_cell(whose(group))}<br>{_cell(first.promise)}"
    seen = _cell(first.observed)
    if first.waiver is not None:
        seen += f"<br>waived until {first.waiver.expires}: {_cell(first.waiver.reason)}"
    return f"| {mark} | {what} | {seen} | {_cell(first.next)} |"


def _advice(group: list[Result]) -> str:
    first = group[0]
    step = f"; next: {first.next}" if first.next else ""
    return _text(f"{first.item}{on(row.node or '' for row in group)}: {first.observed}{step}")


def _recoveries(report: Report) -> Iterator[str]:
    """Yield a table of the scenarios: what each came to, and what was measured of it."""
    rows = [row for row in report.results if row.scenario is not None]
    if not rows:
        return
    heads, cells = measured(rows)
    yield f"| scenario | verdict | {' | '.join([*heads, 'took'])} |\n|{' --- |' * (len(heads) + 3)}"
    for row, figures in zip(rows, cells, strict=True):
        whole = [_cell(str(row.scenario)), f"{MARKS[row.verdict]} {row.verdict}", *figures, f"{row.seconds:.1f} s"]
        yield f"| {' | '.join(whole)} |"
    yield ""


def _folded(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"<details><summary>{title} ({len(lines)})</summary>\n"
        yield from (f"- {line}" for line in lines)
        yield "\n</details>\n"


def _text(text: str) -> str:
    """Return a text that Markdown and HTML take for itself, on one line."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#|~@])", r"\\\1", line)


def _cell(text: str) -> str:
    cut = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return (" " if text.startswith(" ") else "") + _text(cut)


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")
