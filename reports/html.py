"""Renders ``report.html``: one self-contained file that needs no network, no script and no other file to be read.

With script on, it can be filtered, and the pictures tell the values under the cursor.

Its size is bounded: long texts, long lists and long timelines are cut, and the page says where the rest stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from prowl.reports.causes import Finding
from prowl.reports.files import write_whole
from prowl.reports.findings import WHOLE, equal, measured, natural, ranked, whose
from prowl.reports.picture import Picture, draw
from prowl.reports.redaction import redact
from prowl.reports.run import Report
from prowl.reports.stretches import clip
from prowl.reports.timeline import TimelineError, read
from prowl.reports.verdicts import NotAsked, Result, Verdict

LONGEST_TEXT = 2000
MOST_FINDINGS = 200
MOST_FOLLOWING = 100
MOST_ROWS = 1000
MOST_EVIDENCE = 200
MOST_TIMELINES = 1000
MOST_PICTURES = 50
LARGEST_TIMELINE_BYTES = 64_000_000
FEW_NODES = 8  # so many nodes are columns of the checklist; more are its rows
MOST_COLUMNS = 12


Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    """A finding on the page, with its number there; ``scene`` is the number of its scenario.

    ``rows`` are what to do, ``promised`` the other lines of its message, ``nodes`` whom it is about, ``more`` how many
    of its results are left out.
    """

    number: int
    finding: Finding
    rows: Rows
    promised: Rows
    nodes: tuple[str, ...]
    scene: int | None
    more: int


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
    return write_whole(folder / "report.html", redact(render(report, folder)))


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
    cards, count = _cards(report, {scene.name: scene.number for scene in scenes})
    drifts = [result for result in report.results if result.drift is not None]
    not_asked = _told_once(report.not_asked)
    nodes = sorted({row.node for row in report.results if row.node}, key=natural)
    page = {
        "id": str(report.run.get("id", "")),
        "verdict": report.verdict.value,
        "sentence": report.sentence,
        "target": str(report.run.get("target", "")),
        "partial": bool(report.run.get("partial")),
        "facts": _facts(report.run),
        "gate": str((report.run.get("gate") or {}).get("sentence", "")),
        "changed": str(report.run.get("changed", "")),
        "notes": [str(note) for note in report.run.get("notes", ())],
        "nodes": nodes[:MOST_ROWS],
        "waived": _excused(report.results, advisory=False),
        "advice": _excused(report.results, advisory=True),
        "measured": _measured(report.results),
        "versions": ", ".join(f"{name} {its}" for name, its in (report.run.get("versions") or {}).items()),
        "totals": [(word.replace("_", " "), number) for word, number in asdict(report.totals).items()],
        "results": len(report.results),
        "cards": cards,
        "finding_count": count,
        "tables": _tables(report, cards),
        "scenarios": scenes,
        "timelines_left_out": _timelines_left_out(report),
        "drifts": drifts[:MOST_ROWS],
        "drift_count": len(drifts),
        "not_asked": not_asked[:MOST_ROWS],
        "not_asked_count": len(report.not_asked),
        "not_asked_left_out": max(len(not_asked) - MOST_ROWS, 0),
        "listed": sorted(report.results, key=lambda row: natural(row.item) + natural(_whose(row)))[:MOST_ROWS],
    }
    return environment.get_template("report.html").render(
        page=page, limits={"evidence": MOST_EVIDENCE, "following": MOST_FOLLOWING}
    )


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a stranger needs to repeat the run."""
    facts = [("seed", str(run.get("seed", "not recorded"))), ("commit", str(run.get("commit") or "not a checkout"))]
    facts += [("again", str(run.get("again", "not recorded"))), ("target", str(run.get("target", "")))]
    if run.get("cluster") not in {None, "", run.get("target")}:
        facts.append(("cluster", str(run["cluster"])))
    started, seconds = run.get("started"), run.get("seconds")
    if isinstance(started, int | float):
        when = datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts.append(("started", when + (f", took {seconds:.1f} s" if isinstance(seconds, int | float) else "")))
    return facts


def _whose(result: Result) -> str:
    return result.node or result.scenario or WHOLE


def _cards(report: Report, scenes: dict[str, int]) -> tuple[list[Card], int]:
    """Return the findings on the page, the worst first, and how many there are."""
    found = report.findings
    cards = []
    for number, finding in enumerate(found[:MOST_FINDINGS], 1):
        first = finding.rows[0]
        told = _rows(("next", finding.next), ("again", finding.again))
        promised = _rows(("promise", first.promise), ("manual", first.manual), ("expected", first.expected))
        nodes = tuple(dict.fromkeys(row.node or WHOLE for row in finding.rows))
        scene = scenes.get(finding.rows[0].scenario or "")
        more = max(len(finding.rows) - MOST_FOLLOWING, 0)
        cards.append(Card(number, finding, told, () if finding.cause else promised, nodes, scene, more))
    return cards, len(found)


def _rows(*rows: tuple[str, str]) -> Rows:
    return tuple((name, text) for name, text in rows if text)


def _excused(results: Iterable[Result], *, advisory: bool) -> list[tuple[Result, str]]:
    """Return what is not held and does not count, equal results once, with the nodes: advice, or what is waived."""
    rows = [row for row in results if row.verdict is not Verdict.HELD and not row.counts and not row.cause]
    groups = equal(ranked(row for row in rows if (row.waiver is None) is advisory))
    return [(rows[0], whose(rows).removeprefix(" on ").removeprefix(" in ") or WHOLE) for rows in groups][:MOST_ROWS]


def _measured(results: Iterable[Result]) -> tuple[list[str], list[tuple[Result, list[str]]]]:
    played = [row for row in results if row.scenario is not None and row.figures]
    heads, cells = measured(played)
    return heads, list(zip(played, cells, strict=True))


def _tables(report: Report, cards: list[Card]) -> list[Table]:
    """Return the checklist, a word for each item on each node: one table, or one a section if nodes are many."""
    cells = _cells(report, cards)
    promises = {result.item: result.promise for result in report.results}
    items = sorted({item for item, _node in cells}, key=natural)
    nodes = sorted({node for _item, node in cells}, key=lambda name: (name == WHOLE, natural(name)))
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


def _cells(report: Report, cards: list[Card]) -> dict[tuple[str, str], Cell]:
    results = [result for result in report.results if result.scenario is None]
    numbers = {id(row): card.number for card in cards for row in card.finding.rows}
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
    played = sorted((row for row in report.results if row.scenario), key=lambda row: -row.verdict.severity)
    names = dict.fromkeys([*(row.scenario or "" for row in played), *paths])
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
        # of what was held a page of a night shows the count, and stays small
        held = all(result.verdict is Verdict.HELD for result in results)
        shown = tuple(row for row in rows if not (held and row[0]))[:MOST_EVIDENCE]
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
        {"item": item, "nodes": ", ".join(sorted(dict.fromkeys(names), key=natural)), "reason": reason}
        for (item, reason), names in nodes.items()
    ]
