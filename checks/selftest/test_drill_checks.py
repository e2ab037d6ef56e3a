"""A drill's verdicts, each beside its nearest miss."""

from __future__ import annotations

import pytest

from prowl.checks import backups, test_drill
from prowl.checks.selftest.survey_kit import BROKEN, HELD, UNKNOWN, hosts, survey
from prowl.checks.selftest.test_backup_checks import host
from prowl.fixtures.drill import Drilled
from prowl.fixtures.hosts.facts import FileSeen
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.reports.findings import NotHeld

NAME = "coc-backup-20260819-060001-h100.tar.gz"


def said(drilled: Drilled, seen: Survey | None = None) -> str:
    view = NodeView(seen or survey(), "node-1")
    try:
        test_drill.test_restore(view, drilled)
    except NotHeld as error:
        return error.verdict.value
    return HELD


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"opened_at": 100, "began_at": 100, "rest_to": 120, "reached": 120}, HELD),
        ({"opened_at": 100, "began_at": 100, "rest_to": 120, "reached": 125}, HELD),
        ({"opened_at": 100, "began_at": 100, "rest_to": 120, "reached": 119}, BROKEN),
        ({"opened_at": 100, "began_at": 100, "rest_to": 120, "reached": None}, BROKEN),
        ({"opened_at": 99, "began_at": 99, "rest_to": 120, "reached": 120}, BROKEN),
        ({"opened_at": 100, "began_at": 80, "rest_to": 100, "reached": 100}, HELD),
        ({"opened_at": 100, "began_at": 100, "rest_to": 100, "reached": 100}, UNKNOWN),
        ({"opened_at": 100, "rest": "there is one backup only"}, UNKNOWN),
        ({"opened_at": 100, "problem": "the rest node ended"}, BROKEN),
        ({"problem": "can't be unpacked"}, BROKEN),
        ({"impossible": "no space"}, UNKNOWN),
        ({"opened_at": 0, "began_at": 0, "rest_to": 9, "reached": 9}, BROKEN),
    ],
)
def test_a_drill(value: dict[str, object], expected: str) -> None:
    assert said(Drilled(archive=NAME, **value)) == expected  # type: ignore[arg-type]


def test_a_name_that_says_no_height_leaves_it_unknown() -> None:
    for name in (NAME.replace("100", "unknown"), "coc-backup-1.tar.gz"):
        assert said(Drilled(name, 100, 100, 120, 120)) == UNKNOWN


@pytest.mark.parametrize(
    ("opened_at", "seconds", "expected"),
    [
        (100, 9, HELD),
        (110, 9, HELD),
        (111, 9, BROKEN),
        (99, 9, BROKEN),
        (101, 0, HELD),
        (102, 0, BROKEN),
        (101, -1, BROKEN),
    ],
)
def test_blocks_that_came_while_it_was_packed_are_no_fault(opened_at: int, seconds: float, expected: str) -> None:
    """A block a second, and stamps of whole seconds."""
    named = backups.named(NAME)
    assert named is not None
    seen = hosts(host(FileSeen(NAME, 1, named.made + seconds)))
    assert said(Drilled(NAME, opened_at, opened_at, 120, 120), seen) == expected
