"""An upgrade on paper: a node is confirmed before the next is touched, and the others answer; each hit and its miss."""

from __future__ import annotations

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, change, silent
from prowl.reports.events import Event

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
ROUNDS = 30.0
"""Three round time-outs, seconds."""


def step(t: float, what: str, node: str) -> Event:
    named = {"upgrade": "restarted", "downgrade": "restarted"}.get(what, what)
    return Event(t, f"{what} {node}", step=what, **{named: (node,)})  # type: ignore[arg-type]


CASES = {
    "confirmed": ([("upgrade", "n1"), ("confirmed", "n1")], {"n1": HELD}),
    "found wanting": ([("upgrade", "n1"), ("unconfirmed", "n1")], {"n1": BROKEN}),
    "neither": ([("upgrade", "n1")], {"n1": UNKNOWN}),
    "the next is touched too early": ([("upgrade", "n1"), ("upgrade", "n2"), ("confirmed", "n2")], {"n1": BROKEN}),
    "the next is touched in time": (
        [("upgrade", "n1"), ("confirmed", "n1"), ("upgrade", "n2"), ("confirmed", "n2")],
        {"n1": HELD, "n2": HELD},
    ),
    "rolled back and confirmed": (
        [("upgrade", "n1"), ("unconfirmed", "n1"), ("downgrade", "n1"), ("confirmed", "n1")],
        {"n1": BROKEN},
    ),
    "the same node once more": ([("upgrade", "n1"), ("downgrade", "n1"), ("confirmed", "n1")], {"n1": HELD}),
    "nobody's version is changed": ([("restart", "n1")], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_changed_node_is_confirmed_before_the_next(case: str) -> None:
    steps, expected = CASES[case]
    net = Net().run(20)
    for what, node in steps:
        net.events.append(step(net.t, what, node) if what != "restart" else Event(net.t, f"restart {node}"))
        net.run(20)
    rows = {node: row.verdict for (name, node), row in net.judge().items() if name == "confirmation" and node}
    assert {node: rows.get(node) for node in expected} == expected
    assert bool(rows) == bool(expected)


@pytest.mark.parametrize(("seconds", "expected"), [(ROUNDS - 1, HELD), (ROUNDS + 2, BROKEN)])
def test_a_node_that_nobody_stops_answers_all_the_time(seconds: float, expected: Verdict) -> None:
    net = Net().run(50)
    net.tampers.append(silent("n1", net.t, net.t + seconds))
    rows = net.run(100).judge()
    assert rows["availability", "n1"].verdict is expected
    assert rows["availability", "n2"].verdict is HELD


def test_a_node_that_is_down_or_has_just_started_need_not_answer() -> None:
    net = Net().run(50)
    net.do("kill n1")
    net.run(60)
    net.do("start n1")
    rows = net.run(100).judge()
    assert rows["availability", "n1"].verdict is HELD


def test_a_silence_of_a_starved_recorder_is_no_silence() -> None:
    net = Net().run(50)
    net.tampers.append(silent("n1", net.t + 1, net.t + ROUNDS + 20))
    net.run(2).away(ROUNDS)
    assert net.run(60).judge()["availability", "n1"].verdict is not BROKEN


@pytest.mark.parametrize(("start_seconds", "expected"), [(10.0, HELD), (0.0, BROKEN)])
def test_a_restart_may_end_the_process_as_late_as_a_start_may_take(start_seconds: float, expected: Verdict) -> None:
    net = Net(start_grace_seconds=0.0, start_seconds=start_seconds).run(50)
    net.boot_seconds = 0.0
    net.events.append(step(net.t, "upgrade", "n1"))
    net.tampers.append(silent("n1", net.t + 3, net.t + 3 + ROUNDS + 2))
    assert net.run(120).judge()["availability", "n1"].verdict is expected


def test_a_number_that_is_no_node_changes_nothing() -> None:
    net = Net().run(30)
    net.tampers.append(change("n1", 10, 12, consensus_state=0))
    assert ("confirmation", "n1") not in net.judge()
