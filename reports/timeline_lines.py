"""The lines of a timeline's file as JSON objects: bounded, a key that stands twice no number, a cut end left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import count as numbers
from typing import Any, TextIO

from prowl.reports.redaction import printable

MOST_BYTES = 500_000_000
LONGEST_LINE = 10_000_000


class TimelineError(ValueError):
    """A file that is not a timeline, or is of a newer schema; the text is a sentence for the user."""


def rows(path: str, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line's number and object; TimelineError for a line that is not of a timeline."""
    left = MOST_BYTES
    for number in numbers(1):
        if not (line := file.readline(LONGEST_LINE)):
            return
        left -= len(line)
        if left < 0 or len(line) == LONGEST_LINE:
            raise TimelineError(
                f"The timeline {path} has more than {MOST_BYTES:,} characters, or a line with {LONGEST_LINE:,}."
            )
        if line.isspace():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or line.count('":') != _keys(row):  # perhaps a key twice
                row = json.loads(line, object_pairs_hook=_once)
            if not isinstance(row, dict) or not (is_time(row.get("t")) or row.get("kind") == "header"):
                raise ValueError("a line is an object with a number t")
        except (ValueError, RecursionError, OverflowError) as error:
            if not line.endswith("\n"):  # the writer was killed in the middle of this line, which is the last
                return
            raise strange(number, path, error) from error
        yield number, row


def strange(number: int, path: str, error: Exception) -> TimelineError:
    """Return the sentence about a line that is not of a timeline."""
    return TimelineError(f"Line {number} of the timeline {path} is not one of a timeline: {printable(error)}.")


def _keys(row: dict[str, Any]) -> int:
    """Return how many keys an object and those within it have; lists are not looked into."""
    return len(row) + sum(_keys(value) for value in row.values() if type(value) is dict)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; a key that stands twice with different values has all of them, as a list (so no number)."""
    row = dict(pairs)
    if len(row) != len(pairs):
        for key in row:
            values = [value for name, value in pairs if name == key]
            if any(value != values[0] for value in values[1:]):
                row[key] = values
    return row


def is_time(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
