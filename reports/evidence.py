"""What lies beside a result that is not held, so that it can be looked at and played again.

``again.sh`` repeats the run, or a scenario; ``slice.jsonl`` is a scenario's timeline around what broke first.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from prowl.reports.files import write_whole
from prowl.reports.redaction import redact
from prowl.reports.run import Report
from prowl.reports.verdicts import Result, Verdict

EXECUTABLE = 0o755
AROUND_SECONDS = 30.0
AGAIN, SLICE = "again.sh", "slice.jsonl"
TIMELINE = "timeline.jsonl"


def write(report: Report, folder: Path) -> None:
    """Write them; OSError if one can't be written."""
    _script(folder / AGAIN, str(report.run.get("again", "")), report, [each.again for each in report.findings])
    for row in report.results:
        place = folder / "scenarios" / (row.scenario or "")
        if row.scenario is not None and row.verdict is not Verdict.HELD and (place / TIMELINE).is_file():
            _script(place / AGAIN, row.again, report, [])
            _slice(place, row)


def _script(path: Path, again: str, report: Report, others: list[str]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in report.run.get("versions", {}).items())
    lines = ["#!/bin/sh", f"# {report.sentence}", f"# seed {report.run.get('seed')}, {versions}"]
    lines += [f"# one finding alone: {command}" for command in dict.fromkeys(others) if command]
    lines = [" ".join(line.split()) for line in lines]
    write_whole(path, redact("\n".join([*lines, f"exec {again}" if shlex.split(again) else "", ""])), EXECUTABLE)


def _slice(place: Path, row: Result) -> None:
    """Keep the header, every event, and what was seen around the first judgement that is not held."""
    bad = [each.begin for each in row.judgements if each.verdict is not Verdict.HELD]
    if not bad:
        return
    low, high = min(bad) - AROUND_SECONDS, min(bad) + AROUND_SECONDS
    kept = []
    with (place / TIMELINE).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                t = json.loads(line).get("t")
            except (ValueError, AttributeError):
                continue
            is_event = not any(word in line for word in ('"node":', '"gap":'))
            if t is None or is_event or low <= float(t) <= high:
                kept.append(line.rstrip("\n"))
    write_whole(place / SLICE, "\n".join([*kept, ""]))
