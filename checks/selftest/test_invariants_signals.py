"""Signals, a row a node: each hit with its nearest miss."""

from __future__ import annotations

import re
from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, change, silent

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
LAG = 30.0
"""Three round time-outs, seconds."""
PAUSE, HEAL = 20.0 + 65.0, 20.0 + 125.0


def healthy(seconds: float = 100, nodes: int = 4, **header: Any) -> Net:
    return Net(nodes, **header).run(seconds)


@pytest.mark.parametrize(("seconds", "expected"), [(LAG - 1, HELD), (LAG + 1, BROKEN)])
def test_a_state_of_0_without_a_quorum_lies_after_three_round_timeouts(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.do("kill n2 n3")
    net.run(seconds)
    net.do("start n2 n3")
    net.run(30)
    assert net.verdict("signals", "n0") is expected
    for other in ("n1", "n2", "n3"):
        assert net.verdict("signals", other) is HELD


@pytest.mark.parametrize(("starved", "expected"), [(LAG, UNKNOWN), (2.0, BROKEN)])
def test_a_state_that_lies_only_while_the_recorder_was_starved_is_unknown(starved: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.do("kill n2 n3")
    net.away(starved)
    net.run(LAG - starved + 5)
    if starved == LAG:
        net.run(LAG - 10)
    net.do("start n2 n3")
    net.run(30)
    assert net.verdict("signals", "n0") is expected


@pytest.mark.parametrize("state", [1.0, 2.0, -1.0])
def test_any_other_state_is_no_lie(state: float) -> None:
    net = healthy()
    net.tampers.append(change("n0", net.t + 5, consensus_state=state))
    net.do("kill n2 n3")
    net.run(100)
    assert net.verdict("signals", "n0") is HELD


@pytest.mark.parametrize("fault", ["partition n0 n1 | n2 n3", "pause n2 n3"])
def test_the_state_is_judged_under_every_loss_of_quorum(fault: str) -> None:
    net = healthy()
    net.tampers.append(change("n1", 0, consensus_state=0.0))
    net.do(fault)
    net.run(60)
    assert {node for name, node in net.not_held() if name == "signals"} == {"n1"}


@pytest.mark.parametrize(("seconds", "expected"), [(PAUSE - 2, HELD), (PAUSE + 2, BROKEN)])
def test_a_state_of_0_without_blocks_lies_after_the_allowance_of_a_pause(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.stand(seconds)
    for node in net.nodes:
        assert net.verdict("signals", node) is expected


@pytest.mark.parametrize(("seconds", "expected"), [(PAUSE - 2, HELD), (PAUSE + 2, BROKEN)])
def test_what_else_happens_meanwhile_makes_a_pause_no_longer(seconds: float, expected: Verdict) -> None:
    net = healthy()
    for part in (40.0, 20.0, seconds - 60.0):
        net.do("a note")
        net.stand(part)
        net.next_block = net.t + 99
    for node in net.nodes:
        assert net.verdict("signals", node) is expected


@pytest.mark.parametrize(("seconds", "expected"), [(PAUSE - 2, HELD), (PAUSE + 2, BROKEN)])
@pytest.mark.parametrize("after", [0.0, 30.0])
def test_time_without_a_quorum_does_not_count_for_a_pause(seconds: float, expected: Verdict, after: float) -> None:
    net = healthy()
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.stand(50)
    net.do("partition n0 n1 | n2 n3")
    net.stand(25)
    net.do("heal")
    net.stand(seconds - 50)
    net.run(after)
    assert net.verdict("signals", "n0") is expected


def test_a_node_that_just_came_back_has_time_to_notice() -> None:
    for seconds, expected in ((5 + LAG - 2, HELD), (5 + LAG + 2, BROKEN)):
        net = healthy(nodes=5)
        net.tampers.append(change("n4", 0, consensus_state=0.0))
        net.do("kill n2 n3 n4")
        net.run(100)
        net.do("start n4")
        net.run(seconds)
        assert net.verdict("signals", "n4") is expected, seconds


def test_a_state_that_can_not_be_read_is_unknown_and_never_0() -> None:
    for value in (None, float("nan"), "0", [0.0, 1.0], True):
        net = healthy()
        net.tampers.append(change("n0", 0, consensus_state=value))
        net.do("kill n2 n3")
        net.run(60)
        assert net.verdict("signals", "n0") is UNKNOWN, value
        assert net.verdict("signals", "n1") is HELD


def test_a_state_missing_just_when_it_matters_is_unknown_and_once_is_not() -> None:
    for begin, end, expected in ((130.0, 200.0, UNKNOWN), (140.0, 141.0, HELD)):
        net = healthy()
        net.tampers.append(change("n0", begin, end, consensus_state=None))
        net.do("kill n2 n3")
        net.run(60)
        assert net.verdict("signals", "n0") is expected


@pytest.mark.parametrize("ok", ["ok", True, 200, {"ok": True, "ts": 5}, [200, "ok"]])
def test_a_health_that_stands_for_the_state_lies_by_saying_ok(ok: Any) -> None:
    for true_state, expected in ((True, BROKEN), (False, HELD)):
        net = healthy(health_is_state=true_state)
        net.tampers.append(change("n0", 0, health=ok))
        net.do("kill n2 n3")
        net.run(60)
        assert net.verdict("signals", "n0") is expected


@pytest.mark.parametrize("bad", ["degraded", False, 503, {"ok": False}, [503, "stalled"]])
def test_a_health_that_says_something_else_is_no_lie(bad: Any) -> None:
    net = healthy()
    net.tampers.append(change("n0", 0, health=bad))
    net.do("kill n2 n3")
    net.run(60)
    assert net.verdict("signals", "n0") is HELD


def test_without_bft_there_is_no_quorum_that_a_state_could_miss() -> None:
    net = healthy(bft=False)
    net.minority_makes = True
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.do("partition n0 n1 | n2 n3")
    net.run(80)
    assert net.verdict("signals", "n0") is HELD


# --- signals: height -------------------------------------------------------------------------------------------------


def height(net: Net, node: str, metric: str, false: Any) -> None:
    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, metric: false(t, shown["latest"][0])} if name == node and "err" not in shown else shown

    net.tampers.append(tamper)


@pytest.mark.parametrize("metric", ["block_height", "rpc_height"])
@pytest.mark.parametrize(
    ("false", "expected"),
    [
        (lambda t, tip: tip, HELD),
        (lambda t, tip: tip - 1 if t % 2 == 0 else tip, HELD),
        (lambda t, tip: tip - 1, BROKEN),
        (lambda t, tip: tip + 1, BROKEN),
        (lambda t, tip: tip - 5 if t == 60 else tip, BROKEN),
        (lambda t, tip: 20, BROKEN),
        (lambda t, tip: tip + 1 if t == 60 else tip, HELD),
    ],
)
def test_heights_differ_by_one_block_for_one_sample_at_most(metric: str, false: Any, expected: Verdict) -> None:
    net = Net()
    height(net, "n2", metric, false)
    net.run(100)
    assert net.verdict("signals", "n2") is expected
    assert net.verdict("signals", "n1") is HELD


def test_a_block_between_all_samples_is_no_lie_however_often() -> None:
    net = Net(interval=2.0, every=2.0)
    height(net, "n2", "block_height", lambda t, tip: tip - 1)
    assert net.run(60).verdict("signals", "n2") is HELD


def test_a_height_metric_that_is_missing_is_unknown() -> None:
    net = Net()
    net.tampers.append(change("n2", 0, block_height=None))
    assert net.run(100).not_held() == {("signals", "n2")}


@pytest.mark.parametrize(("shown", "expected"), [(-1, BROKEN), (0.5, BROKEN), ("x", UNKNOWN), (float("nan"), UNKNOWN)])
def test_a_height_metric_that_can_be_no_height_is_not_held(shown: Any, expected: Verdict) -> None:
    net = Net()
    net.tampers.append(change("n2", 0, block_height=shown))
    net.run(100)
    assert net.verdict("signals", "n2") is expected
    assert net.verdict("signals", "n1") is HELD


def test_a_fast_catch_up_is_no_lie() -> None:
    net = healthy()
    net.do("wipe n3")
    net.run(60)
    assert net.verdict("signals", "n3") is HELD


@pytest.mark.parametrize(("at", "expected"), [(105.0, HELD), (106.0, BROKEN)])
def test_in_its_first_answer_a_node_may_still_be_catching_up(at: float, expected: Verdict) -> None:
    net = healthy()
    net.do("wipe n3")
    height(net, "n3", "block_height", lambda t, tip: tip - 40 if t == at else tip)
    net.run(60)
    assert net.verdict("signals", "n3") is expected


HEIGHT, STATE, HEALTH = "block_height", "consensus_state", "health"
REASONS = {
    HEIGHT: "block_height is 1 where the latest block is",
    STATE: "consensus_state is 0, no connected quorum since 100.0 s",
    HEALTH: "health says ok, no connected quorum since 100.0 s",
}


@pytest.mark.parametrize(
    ("lies", "lines"),
    [
        ({STATE: (0, 999)}, {STATE: (130.5, 159)}),
        ({HEALTH: (0, 140)}, {HEALTH: (130.5, 139.5)}),
        ({STATE: (0, 999), HEALTH: (140, 150)}, {STATE: (130.5, 159), HEALTH: (140, 149.5)}),
        ({STATE: (145, 999), HEALTH: (0, 140)}, {STATE: (145, 159), HEALTH: (130.5, 139.5)}),
        ({HEIGHT: (20, 60), STATE: (140, 150)}, {HEIGHT: (20, 59.5), STATE: (140, 149.5)}),
        (
            {HEIGHT: (20, 25), STATE: (0, 999), HEALTH: (150, 155)},
            {HEIGHT: (20, 24.5), STATE: (130.5, 159), HEALTH: (150, 154.5)},
        ),
        ({HEIGHT: (20, 25), STATE: (0, 125)}, {HEIGHT: (20, 24.5)}),
    ],
)
def test_each_reason_has_its_own_stretch_and_the_longest_comes_first(
    lies: dict[str, tuple[float, float]], lines: dict[str, tuple[float, float]]
) -> None:
    values: dict[str, Any] = {HEIGHT: 1.0, STATE: 0.0, HEALTH: "ok"}
    net = Net()
    for name, (begin, end) in lies.items():
        net.tampers.append(change("n0", begin, end, **{name: values[name]}))
    net.run(100)
    net.do("kill n2 n3")
    net.run(60)
    row = net.judge()["signals", "n0"]
    for name, (begin, end) in lines.items():
        assert re.search(rf"{REASONS[name]}[^(]* \(from {begin:.1f} to {end:.1f} s\)", row.observed), row.observed
    assert row.observed.count("(from") == len(lines)
    longest = max(lines.values(), key=lambda each: each[1] - each[0])
    assert (row.begin, row.end) == longest
    assert f"(from {longest[0]:.1f} to {longest[1]:.1f} s)" in row.observed.split(";")[0]


@pytest.mark.parametrize(("unsure", "expected"), [(LAG, HELD), (LAG + 0.5, BROKEN)])
def test_time_of_which_nobody_can_say_if_there_was_a_quorum_counts_once_it_is_longer_than_a_loss_may_be(
    unsure: float, expected: Verdict
) -> None:
    net = healthy()
    net.tampers += [silent("n2", 140.0, 140.0 + unsure), silent("n3", 140.0, 140.0 + unsure)]
    net.stand(40 + unsure + PAUSE - 50)
    assert net.verdict("signals", "n0") is expected


@pytest.mark.parametrize(("before", "expected"), [(50.0, HELD), (70.0, BROKEN)])
def test_a_start_not_long_before_gives_its_grace_to_the_state(before: float, expected: Verdict) -> None:
    net = healthy()
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(before)
    assert net.stand(PAUSE + 30).verdict("signals", "n0") is expected


@pytest.mark.parametrize(("samples", "expected"), [(2, HELD), (3, BROKEN)])
def test_a_height_may_be_ahead_by_one_in_the_first_two_samples(samples: int, expected: Verdict) -> None:
    net = Net(interval=100.0)
    height(net, "n2", "block_height", lambda t, tip: tip + (t < samples * net.every))
    assert net.run(20).verdict("signals", "n2") is expected


@pytest.mark.parametrize(("at", "expected"), [(0.0, HELD), (0.5, BROKEN)])
def test_a_height_may_be_behind_in_the_first_sample_alone(at: float, expected: Verdict) -> None:
    net = Net(interval=100.0)
    net.extend("n0 n1 n2 n3", blocks=20)
    height(net, "n2", "block_height", lambda t, tip: tip - 5 if t == at else tip)
    assert net.run(20).verdict("signals", "n2") is expected


@pytest.mark.parametrize(("samples", "expected"), [(3, HELD), (4, BROKEN)])
def test_a_height_may_be_behind_by_one_in_two_samples_after_the_first(samples: int, expected: Verdict) -> None:
    net = Net(interval=100.0)
    net.extend("n0 n1 n2 n3", blocks=20)
    height(net, "n2", "block_height", lambda t, tip: tip - (t < samples * net.every))
    assert net.run(20).verdict("signals", "n2") is expected


def test_a_node_is_judged_from_its_first_answer_to_its_last() -> None:
    net = Net()
    net.tampers += [silent("n0", 0.0, 2.0), silent("n0", 30.0, 32.0), silent("n0", 50.0)]
    row = net.run(60).judge()["signals", "n0"]
    assert (row.verdict, row.begin, row.end) == (HELD, 2.0, 49.5)


@pytest.mark.parametrize(("seconds", "expected"), [(60.0, HELD), (70.0, UNKNOWN)])
def test_without_an_interval_the_longest_stand_decides(seconds: float, expected: Verdict) -> None:
    net = Net(interval=1000.0)
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.run(seconds)
    net.extend("n0 n1 n2 n3")
    assert net.run(10).verdict("signals", "n0") is expected
