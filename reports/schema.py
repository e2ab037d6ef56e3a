"""The JSON Schema of ``report.json``, made of the types that are written: ``prowl report --schema`` prints it.

Further keys are allowed everywhere: a report may gain fields, and none changes its meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

import msgspec

from prowl.reports.causes import Cause
from prowl.reports.gate import Gate
from prowl.reports.run import SCHEMA
from prowl.reports.verdicts import NotAsked, Result, Totals, Verdict

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LATEST = 32_503_680_000  # seconds since 1970: the year 3000
RENAMED = {"Judgement": {"begin": "from", "end": "to"}}  # words that Python keeps for itself


class Record(TypedDict):
    """The run: who was judged, by what, when, and the command that repeats it; seconds since 1970 in ``started``."""

    id: str
    seed: int
    commit: str
    target: str
    cluster: str
    versions: dict[str, str]
    started: Annotated[float, msgspec.Meta(ge=0, le=LATEST)]
    seconds: NotRequired[float]
    again: str
    partial: NotRequired[bool]
    exit_code: NotRequired[int]
    notes: NotRequired[list[str]]
    gate: NotRequired[Gate]
    changed: NotRequired[str]


class TimelineRow(TypedDict):
    """A scenario's timeline: its path from the run's folder, and its size."""

    name: str
    path: str
    bytes: NotRequired[int]


class Body(TypedDict):
    """What a run of Prowl saw and claims."""

    schema: int
    run: Record
    results: list[Result]
    not_asked: list[NotAsked]
    totals: Totals
    verdict: Verdict
    causes: NotRequired[list[Cause]]
    timelines: NotRequired[list[TimelineRow]]


def schema() -> dict[str, Any]:
    """Return the schema."""
    (body,), parts = msgspec.json.schema_components([Body], ref_template="#/$defs/{name}")
    for name, words in RENAMED.items():
        part = parts[name]
        part["properties"] = {words.get(key, key): value for key, value in part["properties"].items()}
        part["required"] = [words.get(key, key) for key in part["required"]]
    parts["Body"]["properties"]["schema"] |= {"minimum": 1, "maximum": SCHEMA}
    return {"$schema": DIALECT, "title": "report.json of a run of Prowl", **body, "$defs": parts}
