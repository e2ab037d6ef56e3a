"""``prowl judge FILE|RUN``: judge a saved timeline again, with no cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

from prowl.checks.invariants import Judgement, Verdict, as_json, judge, worst
from prowl.reports.redaction import one_line
from prowl.reports.timeline import TimelineError, read

MOST_TIMELINES = 1_000  # below one folder
REPLAYS = "replays"  # second plays of broken scenarios: the first verdict stays


def timelines(path: Path) -> list[Path]:
    """Return the timeline itself, or all that lie below a run folder; raises TimelineError if there is none."""
    if not path.is_dir():
        return [path]
    every = sorted(path.rglob("*timeline*.jsonl"))[:MOST_TIMELINES]
    found = [each for each in every if REPLAYS not in each.relative_to(path).parts]
    if not found:
        where = one_line(str(path))
        why = "a run has one for each scenario that it plays (--chaos)"
        raise TimelineError(f"There is no timeline below {where}: {why}.")
    return found


def main(path: Path, as_json_text: bool, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Judge a timeline, or every one of a run, and print the rows: JSON, or lines for people.

    Returns the exit code: 0 if all held, 1 if not, 4 for a path that holds no timeline (its sentence goes to ``err``).
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        judged = [(file, judge(read(file))) for file in timelines(path)]
    except TimelineError as error:
        print(error, file=err)
        return 4
    rows = [row for _, found in judged for row in found]
    if as_json_text:
        json.dump(as_json(rows), out, indent=2)
        out.write("\n")
    else:
        for file, found in judged:
            print(f"{one_line(str(file))}: {worst(row.verdict for row in found)}", file=out)
            for row in found:
                print(line(row), file=out)
    return 0 if worst(row.verdict for row in rows) is Verdict.HELD else 1


def line(row: Judgement) -> str:
    """Return a row as a line for people: verdict, invariant, whose, when, what was seen."""
    whose = f" on {row.node}" if row.node else ""
    words = f"{row.invariant}{whose} ({row.begin:.1f} to {row.end:.1f} s): {row.observed}"
    return f"  {row.verdict.value.upper():<7} {one_line(words)}"
