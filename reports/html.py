"""Renders ``report.html``: one self-contained file that needs no network, no script and no other file to be read.

Its size is bounded: long texts, long lists and long timelines are cut, and the page says where the rest stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from prowl.reports.picture import Picture, draw
from prowl.reports.redaction import redact
from prowl.reports.run import Report
from prowl.reports.stretches import clip
from prowl.reports.timeline import TimelineError, read
from prowl.reports.verdicts import NotAsked, Result, Verdict

LONGEST_TEXT = 2000
MOST_FINDINGS = 200
MOST_ROWS = 1000
MOST_EVIDENCE = 200
MOST_TIMELINES = 1000
MOST_PICTURES = 50
LARGEST_TIMELINE_BYTES = 64_000_000
FEW_NODES = 8  # so many nodes are columns of the checklist; more are its rows
MOST_COLUMNS = 12
WHOLE = "network"  # whose a result is that is no node's


@dataclass(frozen=True)
class Finding:
    """A result that is not held, with its number on the page; ``scene`` is the number of its scenario there."""

    number: int
    result: Result
    words: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    scene: int | None


@dataclass(frozen=True)
class Cell:
    """An item on a node: a word, and a link to its finding."""

    word: str
    style: str
    notes: str = ""
    finding: int | None = None


@dataclass(frozen=True)
class Row:
    """A row of the checklist."""

    head: str
    text: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A part of the checklist: items x nodes, or nodes x items where there are many nodes."""

    caption: str
    corner: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Scene:
    """A scenario on the page: its results, its picture (or why there is none), and its judgements.

    A row of ``judgements`` is verdict, whose, and what was seen; a line of evidence has no verdict.
    """

    number: int
    name: str
    results: tuple[Result, ...]
    picture: Picture | None
    trouble: str
    judgements: tuple[tuple[str, str, str], ...]
    left_out: int


def timelines_of(folder: Path) -> list[dict[str, Any]]:
    """Return a row for each scenario's timeline below a run folder: name, path from the folder, size in bytes.

    At most ``MOST_TIMELINES`` rows, by name.
    """
    found = sorted(folder.glob("scenarios/*/timeline.jsonl"))[:MOST_TIMELINES]
    return [
        {"name": path.parent.name, "path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size}
        for path in found
    ]


def write(report: Report, folder: Path) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all, and return its path.

    Timelines are read from the folder. One that can't be read is a sentence on the page; OSError if the page itself
    can't be written.
    """
    text = redact(render(report, folder))
    path = folder / "report.html"
    draft = folder / "report.html.draft"
    try:
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def render(report: Report, folder: Path) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clip"] = lambda text: clip(str(text), LONGEST_TEXT)
    scenes = _scenes(report, folder)
    findings, count = _findings(report, {scene.name: scene.number for scene in scenes})
    drifts = [result for result in report.results if result.drift is not None]
    not_asked = _told_once(report.not_asked)
    page = {
        "id": str(report.run.get("id", "")),
        "verdict": report.verdict.value,
        "sentence": report.sentence,
        "target": str(report.run.get("target", "")),
        "partial": bool(report.run.get("partial")),
        "facts": _facts(report.run),
        "versions": ", ".join(f"{name} {its}" for name, its in (report.run.get("versions") or {}).items()),
        "totals": [(word.replace("_", " "), number) for word, number in asdict(report.totals).items()],
        "results": len(report.results),
        "findings": findings,
        "finding_count": count,
        "tables": _tables(report, findings),
        "scenarios": scenes,
        "timelines_left_out": _timelines_left_out(report),
        "drifts": drifts[:MOST_ROWS],
        "drift_count": len(drifts),
        "not_asked": not_asked[:MOST_ROWS],
        "not_asked_count": len(report.not_asked),
        "not_asked_left_out": max(len(not_asked) - MOST_ROWS, 0),
        "listed": sorted(report.results, key=lambda row: _natural(row.item) + _natural(_whose(row)))[:MOST_ROWS],
    }
    return environment.get_template("report.html").render(page=page, limits={"evidence": MOST_EVIDENCE})


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a stranger needs to repeat the run."""
    facts = [("gate", str(run["gate"].get("sentence", "")))] if run.get("gate") else []
    facts += [("seed", str(run.get("seed", "not recorded"))), ("commit", str(run.get("commit") or "not a checkout"))]
    facts += [("again", str(run.get("again", "not recorded"))), ("target", str(run.get("target", "")))]
    if run.get("cluster") not in {None, "", run.get("target")}:
        facts.append(("cluster", str(run["cluster"])))
    started, seconds = run.get("started"), run.get("seconds")
    if isinstance(started, int | float):
        when = datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts.append(("started", when + (f", took {seconds:.1f} s" if isinstance(seconds, int | float) else "")))
    return facts


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts node-2 before node-10."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"([0-9]{1,18})", text)]


def _whose(result: Result) -> str:
    return result.node or result.scenario or WHOLE


def _findings(report: Report, scenes: dict[str, int]) -> tuple[list[Finding], int]:
    """Return the findings on the page, the worst first and those that count before those that do not; and how many."""
    found = [result for result in report.results if result.verdict is not Verdict.HELD]
    found.sort(key=lambda row: (not row.counts, -row.verdict.severity, _natural(row.item), _natural(_whose(row))))
    findings = []
    for number, result in enumerate(found[:MOST_FINDINGS], 1):
        words = ["advisory"] if result.advisory else []
        if result.waiver is not None:
            words.append(f"waived until {result.waiver.expires}: {result.waiver.reason}")
        drift = f"the manual says {result.drift.manual}; the node: {result.drift.node}" if result.drift else ""
        rows = (
            ("manual", result.manual),
            ("expected", result.expected),
            ("observed", result.observed),
            ("drift", drift),
            ("next", result.next),
            ("again", result.again),
        )
        told = tuple((name, text) for name, text in rows if text)
        findings.append(Finding(number, result, tuple(words), told, scenes.get(result.scenario or "")))
    return findings, len(found)


def _tables(report: Report, findings: list[Finding]) -> list[Table]:
    """Return the checklist, a word for each item on each node: one table, or one a section if nodes are many."""
    cells = _cells(report, findings)
    promises = {result.item: result.promise for result in report.results}
    items = sorted({item for item, _node in cells}, key=_natural)
    nodes = sorted({node for _item, node in cells}, key=lambda name: (name == WHOLE, _natural(name)))
    if not items:
        return []
    if len(nodes) <= FEW_NODES:
        rows = [Row(item, promises.get(item, ""), _across(cells, [(item, node) for node in nodes])) for item in items]
        return [Table("Each item on each node", "item", tuple(nodes), tuple(rows[:MOST_ROWS]))]
    tables = []
    for section, of_section in groupby(items, key=lambda item: item.rpartition("/")[0]):
        every = list(of_section)
        for start in range(0, len(every), MOST_COLUMNS):
            part = every[start : start + MOST_COLUMNS]
            heads = tuple(item.removeprefix(f"{section}/") for item in part)
            asked = [node for node in nodes if any((item, node) in cells for item in part)]
            rows = [Row(node, "", _across(cells, [(item, node) for item in part])) for node in asked]
            caption = f"{section}: each node, each item" if section else "Each node, each item"
            tables.append(Table(caption, "node", heads, tuple(rows[:MOST_ROWS])))
    return tables


def _cells(report: Report, findings: list[Finding]) -> dict[tuple[str, str], Cell]:
    results = [result for result in report.results if result.scenario is None]
    numbers = {id(finding.result): finding.number for finding in findings}
    named = {result.node for result in results} | {row.node for row in report.not_asked}
    nodes = {node for node in named if node} or {WHOLE}
    cells: dict[tuple[str, str], Cell] = {}
    for row in report.not_asked:
        for node in [row.node] if row.node else nodes:
            cells[row.item, node] = Cell("not asked", "none")
    for result in sorted(results, key=lambda row: (row.counts, row.verdict.severity)):  # the worst of a place stays
        notes = [word for word, its in (("advisory", result.advisory), ("waived", result.waiver)) if its]
        notes += ["drift"] if result.drift is not None else []
        word = result.verdict.value
        cells[result.item, result.node or WHOLE] = Cell(word, word, ", ".join(notes), numbers.get(id(result)))
    return cells


def _across(cells: dict[tuple[str, str], Cell], places: Iterable[tuple[str, str]]) -> tuple[Cell, ...]:
    return tuple(cells.get(place, Cell("-", "none")) for place in places)


def _scenes(report: Report, folder: Path) -> list[Scene]:
    """Return every scenario that has a result or a timeline."""
    paths = {str(row.get("name")): str(row.get("path")) for row in report.pictures}
    names = dict.fromkeys([*(result.scenario for result in report.results if result.scenario), *paths])
    scenes = []
    for number, name in enumerate(names, 1):
        results = tuple(result for result in report.results if result.scenario == name)
        if name not in paths:
            picture, trouble = None, "No timeline of this scenario was saved."
        elif number > MOST_PICTURES:
            picture, trouble = (
                None,
                f"The first {MOST_PICTURES} scenarios have a picture; this timeline is {paths[name]}.",
            )
        else:
            picture, trouble = _picture(folder, paths[name])
        judged = [row for result in results for row in result.judgements]
        judged.sort(key=lambda row: -row.verdict.severity)
        rows = [
            (row.verdict.value, f"{row.invariant} on {row.node}" if row.node else row.invariant, row.observed)
            for row in judged
        ]
        rows += [("", "", line) for result in results for line in result.evidence]
        shown = tuple(rows[:MOST_EVIDENCE])
        scenes.append(Scene(number, name, results, picture, trouble, shown, len(rows) - len(shown)))
    return scenes


def _picture(folder: Path, path: str) -> tuple[Picture | None, str]:
    """Return a timeline's picture, or the reason for there being none."""
    place = folder / path
    if not place.resolve().is_relative_to(folder.resolve()):
        return None, f"The timeline {path} lies outside the run folder and is not read."
    try:
        size = place.stat().st_size
        if size > LARGEST_TIMELINE_BYTES:
            limit = f"{LARGEST_TIMELINE_BYTES / 1e6:.0f} MB"
            return (
                None,
                f"The timeline {path} has {size / 1e6:.0f} MB; one of up to {limit} is drawn. Judge it: prowl judge.",
            )
        return draw(read(place)), ""
    except (OSError, TimelineError) as error:
        return None, f"The timeline {path} can't be drawn: {error}"


def _timelines_left_out(report: Report) -> str:
    if len(report.pictures) < MOST_TIMELINES:
        return ""
    return f"At most {MOST_TIMELINES} timelines are listed; others may lie in the run folder, under scenarios."


def _told_once(rows: list[NotAsked]) -> list[dict[str, str]]:
    """Return a row for each item and reason, with all the nodes that it concerns."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        nodes.setdefault((row.item, row.reason), []).append(row.node or "all nodes")
    return [
        {"item": item, "nodes": ", ".join(sorted(dict.fromkeys(names), key=_natural)), "reason": reason}
        for (item, reason), names in nodes.items()
    ]
