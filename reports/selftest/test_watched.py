"""Rows of what a Prometheus saw: written, read back, and refused where they can't be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prowl.reports.timeline import Header, TimelineError, TimelineWriter, read
from prowl.reports.watched import (
    AlertChange,
    AlertState,
    Lack,
    WatchedRule,
    change_row,
    lack_row,
    rule_row,
    watched_of,
)

RULE = WatchedRule(1.0, "No New Blocks", "alerts/no-new-blocks", 0.0, 10.0, 0.5, 0.5, "critical", 0.0, 30.0)


def written(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "timeline.jsonl"
    writer = TimelineWriter(path, Header(nodes=("n0",)))
    writer.sample(0.5, "n0", {"block_height": 1})
    for row in rows:
        writer.watched(row)
    writer.close()
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    changes = (AlertChange(3.0, RULE.name, AlertState.FIRING, "n0"), AlertChange(5.0, RULE.name, AlertState.INACTIVE))
    lacks = (Lack(4.0, "page", 1.5, "n0"), Lack(6.0, "evaluation", 2.0))
    rows = [rule_row(RULE), *map(change_row, changes), *map(lack_row, lacks), {"t": 9.0, "watched": 8.0}]
    found = read(written(tmp_path, *rows)).watched
    assert found.rules == (RULE,)
    assert found.changes == changes
    assert found.lacks == lacks
    assert (found.begin, found.end) == (1.0, 9.0)
    assert len(read(tmp_path / "timeline.jsonl").samples) == 1  # an alert's row with a node is no sample


@pytest.mark.parametrize(
    "row",
    [
        {"t": 1.0, "rule": "a"},
        {"t": 1.0, "rule": "a", "scrape": 0, "evaluation": 1},
        {"t": 1.0, "rule": "a", "scrape": "often", "evaluation": 1},
        {"t": 1.0, "alert": "a", "state": "loud"},
        {"t": 1.0, "alert": "a"},
        {"t": 1.0, "lacks": "page"},
        {"t": 1.0, "watched": None},
    ],
)
def test_a_row_that_can_be_none_is_refused_with_its_line(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(TimelineError, match="Line 3 "):
        read(written(tmp_path, row))


def test_a_timeline_without_such_rows_was_not_watched(tmp_path: Path) -> None:
    assert read(written(tmp_path)).watched.rules == ()


@pytest.mark.parametrize(
    ("rule", "floor"),
    [
        (RULE, 11.0),
        (WatchedRule(0, "a", "", 4.0, 0.0, 0.5, 0.5), 5.0),
        (WatchedRule(0, "a", "", 4.1, 0.0, 0.5, 0.5), 5.5),
        (WatchedRule(0, "a", "", 120.0, 0.0, 15.0, 15.0), 150.0),
        (WatchedRule(0, "a", "", 0.0, 300.0, 15.0, 15.0), 330.0),
        (WatchedRule(0, "a", "", 120.0, 0.0, 15.0, 60.0), 195.0),
    ],
)
def test_the_floor_counts_scrape_evaluation_range_and_for(rule: WatchedRule, floor: float) -> None:
    assert rule.floor_seconds == pytest.approx(floor)


def test_what_lacks_of_a_node_and_what_lacks_of_all() -> None:
    rows = [lack_row(Lack(4.0, "page", 1.5, "n0")), lack_row(Lack(6.0, "evaluation", 2.0))]
    watched = watched_of(json.loads(json.dumps(rows)))
    assert len(watched.lacking(("page", "evaluation"), "n0", 0, 10)) == 2
    assert [lack.kind for lack in watched.lacking(("page", "evaluation"), "n1", 0, 10)] == ["evaluation"]
    assert watched.lacking(("page",), "n0", 4.0, 10) == ()
    assert watched.lacking(("page",), "n0", 0, 2.5) == ()
