"""The store of a Prometheus as rows: when an alert changed, and what the store lacks."""

from __future__ import annotations

import pytest

from prowl.chaos.engine.watched_rows import StoreClock, changes_of, lacks_of
from prowl.fixtures.monitoring.store import RawSeries

NODES = {"127.0.0.1:1": "node-1", "127.0.0.1:2": "node-2"}
CLOCK = StoreClock(1000.0)
END = 60.0


def points(*times: float, value: float = 1.0) -> tuple[tuple[float, float], ...]:
    return tuple((1000.0 + t, value) for t in times)


def alert(state: str, *times: float, instance: str = "127.0.0.1:1", name: str = "Down") -> RawSeries:
    return RawSeries({"alertname": name, "alertstate": state, "instance": instance}, points(*times))


def beats(*without: range) -> list[float]:
    return [float(t) for t in range(60) if not any(t in hole for hole in without)]


def told(
    *series: RawSeries, beat: list[float] | None = None, every: float = 1.0
) -> list[tuple[float, str, str | None]]:
    found = changes_of(series, beats() if beat is None else beat, NODES, CLOCK, {"Down": every}, END)
    return [(round(change.t, 3), change.state.value, change.node) for change in found]


def test_an_alert_is_pending_then_fires_then_is_over() -> None:
    pending, firing = alert("pending", 10, 11, 12), alert("firing", 13, 14, 15)
    assert told(pending, firing) == [(10, "pending", "node-1"), (13, "firing", "node-1"), (16, "inactive", "node-1")]


def test_an_alert_that_fires_at_the_end_is_not_over() -> None:
    assert told(alert("firing", *range(50, 60))) == [(50, "firing", "node-1")]
    assert told(alert("firing", *range(50, 59)))[-1] == (59, "inactive", "node-1")


def test_a_hole_with_evaluations_in_it_is_an_end_and_one_without_any_is_not() -> None:
    holed = alert("firing", 10, 11, 20, 21)
    assert told(holed) == [
        (10, "firing", "node-1"), (12, "inactive", "node-1"), (20, "firing", "node-1"), (22, "inactive", "node-1"),
    ]  # fmt: skip
    assert told(holed, beat=beats(range(11, 20))) == [(10, "firing", "node-1"), (22, "inactive", "node-1")]


def test_an_alert_that_has_to_wait_can_not_be_over_and_fire_again_at_once() -> None:
    found = told(alert("pending", 8, 9), alert("firing", 10, 11, 20, 21))
    assert found == [(8, "pending", "node-1"), (10, "firing", "node-1"), (22, "inactive", "node-1")]
    found = told(alert("pending", 8, 9, 18, 19), alert("firing", 10, 11, 20, 21))
    assert [t for t, state, _node in found if state == "inactive"] == [12, 22]


def test_an_alert_that_is_pending_again_has_fired_before() -> None:
    found = told(alert("firing", 10, 11), alert("pending", 12, 13))
    assert [state for _t, state, _node in found] == ["firing", "pending", "inactive"]


def test_nodes_are_told_apart_and_a_rule_about_no_node_has_none() -> None:
    whole = RawSeries({"alertname": "Down", "alertstate": "firing"}, points(10, 11))
    found = told(alert("firing", 10, 11), alert("firing", 20, 21, instance="127.0.0.1:2"), whole)
    assert {node for _t, _state, node in found} == {"node-1", "node-2", None}
    assert told(alert("firing", 10, name="Stranger")) == []


def test_a_rule_that_is_seldom_evaluated_is_not_over_in_between() -> None:
    seldom = alert("firing", 10, 20, 30)
    assert told(seldom, every=10.0) == [(10, "firing", "node-1"), (40, "inactive", "node-1")]


@pytest.mark.parametrize(
    ("missing", "expected"), [(range(20, 21), [2.0]), (range(20, 24), [5.0]), (range(0), []), (range(58, 60), [3.0])]
)
def test_a_scrape_that_is_missing_is_a_lack(missing: range, expected: list[float]) -> None:
    times = [t for t in range(60) if t not in missing]
    whole = RawSeries({"instance": "127.0.0.1:1"}, points(*range(60)))
    holed = RawSeries({"instance": "127.0.0.1:1"}, points(*times))
    found = lacks_of([whole], [holed], beats(), NODES, CLOCK, 1.0, END)
    assert [(lack.kind, lack.node) for lack in found] == [("page", "node-1")] * len(expected)
    assert [lack.seconds for lack in found] == pytest.approx(expected)
    found = lacks_of([holed], [whole], beats(), NODES, CLOCK, 1.0, END)
    assert [lack.kind for lack in found] == ["up"] * len(expected)


def test_evaluations_that_are_missing_are_a_lack_of_all_nodes() -> None:
    (lack,) = lacks_of([], [], beats(range(20, 30)), NODES, CLOCK, 1.0, END)
    assert (lack.kind, lack.node) == ("evaluation", None)
    assert lack.begin == pytest.approx(19.0)
