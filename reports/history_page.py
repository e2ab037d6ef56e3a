"""The history as a page: a row for each item on each node, a sign for each of the last runs; without a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prowl.reports.files import write_whole
from prowl.reports.history import SHOWN_RUNS, Past, Series
from prowl.reports.html import templates
from prowl.reports.redaction import redact

MOST_ROWS = 2000


def write(runs: Sequence[Past], rows: Sequence[Series], path: Path) -> Path:
    """Write the page, whole or not at all; ``runs`` are the newest first."""
    ordered = sorted(rows, key=lambda row: not (row.label or row.regression))[:MOST_ROWS]
    text = (
        templates()
        .get_template("history.html")
        .render(runs=list(runs), rows=ordered, left_out=len(rows) - len(ordered), most=SHOWN_RUNS)
    )
    return write_whole(path, redact(text))
