"""Recovery: what counts as being in step, as a return, and as the time that is owed."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, Tamper, change, silent
from prowl.reports.events import Event, Phase

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
HEAL = 20.0 + 125.0
TOP, LOOSE = "0x" + "e" * 64, "0x" + "f" * 64


def shows(block: Any, node: str = "n3", begin: float = 165.0) -> Tamper:
    """Let a node show, once it is back, one block for good; ``block`` makes it of the others' chain."""
    kept: list[Any] = []

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if "err" in shown or t < begin:
            return shown
        if name != node:
            kept[:] = shown["latest"]
            return shown
        return {**shown, "latest": block(kept)}

    return tamper


def back(tamper: Tamper | None, seconds: float = 40.0, **header: Any) -> Net:
    net = Net(4, **header).run(100)
    net.do("kill n3")
    net.run(60)
    if tamper is not None:
        net.tampers.append(tamper)
    net.do("start n3")
    return net.run(seconds)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (lambda tip: [tip[0], tip[1], tip[2], False], HELD),
        (lambda tip: [tip[0] + 1, TOP, tip[1], False], HELD),  # the next block, which nobody else shows yet
        (lambda tip: [tip[0] + 1, TOP, LOOSE, False], UNKNOWN),  # on a parent that nobody else shows
        (lambda tip: [tip[0], TOP, tip[2], False], UNKNOWN),  # another block where the others show one
        (lambda tip: [tip[0] - 20, tip[1], tip[2], False], UNKNOWN),
        (lambda tip: [tip[0], None, tip[2], False], UNKNOWN),
    ],
)
def test_in_step_is_the_height_and_the_hash_of_others(block: Any, expected: Verdict) -> None:
    assert back(shows(block)).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("honest", "expected"), [(False, None), (True, HELD)])
def test_a_liar_owes_a_recovery_once_it_is_honest_again(honest: bool, expected: Verdict | None) -> None:
    net = Net(4).run(100)
    lie: Any = {"fault": 1, "kind": "lie", "restarted": ("n3",)}
    net.events.append(Event(net.t, "restart n3 : lies", phase=Phase.INJECT, liars=("n3",), **lie))
    net.run(150)
    if honest:
        net.events.append(Event(net.t, "restart n3 : honest again", phase=Phase.HEAL, **lie))
    rows = net.run(60).judge()
    assert (rows["recovery", "n3"].verdict if ("recovery", "n3") in rows else None) is expected


def stands(node: str, begin: float, end: float) -> Tamper:
    """Let a node show the same between two times."""
    kept: dict[str, Any] = {}

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if name != node or not begin <= t < end:
            return shown
        kept.update({} if kept else shown)
        return dict(kept)

    return tamper


@pytest.mark.parametrize(
    ("slow", "end", "later", "again", "expected"),
    [
        (True, 310.0, 0.0, True, HELD),  # it goes on once its clock is right
        (False, 310.0, 0.0, True, BROKEN),
        (True, 999.0, 0.0, True, BROKEN),  # it never goes on
        (True, 310.0, 0.0, False, HELD),  # the fault ends without a restart
        (True, 305 + HEAL - 5, 0.0, False, HELD),
        (True, 305 + HEAL + 5, 0.0, False, BROKEN),
        (True, 999.0, 0.0, False, BROKEN),
        (True, 999.0, 30.0, False, BROKEN),  # it had recovered before the fault
        (True, 310.0, 30.0, False, HELD),
    ],
)
def test_while_a_fault_hinders_it_it_may_fall_behind(
    slow: bool, end: float, later: float, again: bool, expected: Verdict
) -> None:
    net = Net(4).run(100)
    if later:
        net.do("kill n3")
        net.run(5)
        net.do("start n3")
        net.run(later)
    wrong: Any = {"slow": ("n3",) if slow else (), "restarted": () if later else ("n3",)}
    net.events.append(Event(net.t, "a wrong clock", fault=1, phase=Phase.INJECT, kind="clock", **wrong))
    net.tampers.append(stands("n3", net.t + 10, end))
    net.run(305 - net.t)
    back: Any = {"restarted": ("n3",) if again else ()}
    net.events.append(Event(net.t, "its clock is right", fault=1, phase=Phase.HEAL, kind="clock", **back))
    row = net.run(HEAL + 60).judge()["recovery", "n3"]
    assert row.verdict is expected, row


def test_without_hashes_the_height_is_enough() -> None:
    for lower, expected in ((0, HELD), (30, UNKNOWN)):

        def bare(t: float, name: str, shown: dict[str, Any], lower: int = lower) -> dict[str, Any]:
            if "err" in shown:
                return shown
            height = shown["block_height"] - (lower if name == "n3" and t > 110 else 0)
            return {"block_height": height, "consensus_state": 0.0, "peers_connected": shown["peers_connected"]}

        net = Net(4)
        net.tampers.append(bare)
        net.run(100)
        net.do("kill n3")
        net.run(60)
        net.do("start n3")
        assert net.run(40).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(
    ("fault", "end", "nodes"),
    [
        ("partition n0 n1 n2 | n3", "heal", {"n3"}),
        ("partition n0 n1 | n2 n3", "heal", {"n0", "n1", "n2", "n3"}),
        ("cut n3>n0", "heal", set()),
        ("cut n3>n0 n3>n1", "heal", {"n3"}),
        ("kill n3", "start n3", {"n3"}), ("pause n3", "unpause n3", {"n3"}), ("a note", "restart n3", {"n3"}),
        ("a note", "start n3", {"n3"}), ("a note", "unpause n3", set()), ("a note", "another", set()),
    ],
)  # fmt: skip
def test_who_comes_back(fault: str, end: str, nodes: set[str]) -> None:
    net = Net(4).run(100)
    net.do(fault)
    net.run(40)
    net.do(end)
    net.run(40)
    assert {node for name, node in net.judge() if name == "recovery"} == nodes


def behind(net: Net, seconds: float) -> None:
    """Let n3 stand still while the others go on."""
    net.sides = [{"n3"}, {"n0", "n1", "n2"}]
    net.run(seconds)
    net.sides = []


@pytest.mark.parametrize(("starved", "expected"), [(2.0, BROKEN), (20.0, UNKNOWN)])
def test_a_return_that_is_late_only_by_a_starved_recorder_is_unknown(starved: float, expected: Verdict) -> None:
    net = back(None, 5.0)
    net.sides = [{"n3"}, {"n0", "n1", "n2"}]
    net.run(HEAL / 2).away(starved)
    net.run(HEAL / 2 + 5 - starved)
    net.sides = []
    row = net.run(20).judge()["recovery", "n3"]
    assert row.verdict is expected, row
    assert "can't be seen" not in row.promise


@pytest.mark.parametrize(("late", "expected"), [(0.0, HELD), (0.5, BROKEN)])
def test_what_a_node_shows_when_the_next_fault_begins_still_counts(late: float, expected: Verdict) -> None:
    """It fell behind after its two rotations, and keeps up again just then or a sample later."""
    net = back(None, 40.0)
    behind(net, HEAL + 40 - late)
    if late:
        net.do("cut n1>n2")
        behind(net, late)
    else:
        net.do("cut n1>n2")
    assert net.run(20).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("answers", "words"), [(False, "no answer after"), (True, "not at the tip (51 before")])
def test_it_says_what_is_missing(answers: bool, words: str) -> None:
    net = Net(4).run(100)
    net.do("kill n3")
    net.boot_seconds = 5.0 if answers else 999.0
    net.sides = [{"n3"}, {"n0", "n1", "n2"}]
    net.do("start n3")
    row = net.run(40).judge()["recovery", "n3"]
    assert (row.observed.startswith(words), row.begin, row.end) == (True, 100.0, 139.5), row
    assert "can't be seen" not in row.promise


@pytest.mark.parametrize(("unnamed", "expected"), [(0.0, BROKEN), (50.0, BROKEN), (999.0, HELD)])
def test_proposers_can_be_seen_where_some_block_has_one(unnamed: float, expected: Verdict) -> None:
    net = Net(4, addresses={"n3": "0xn3"})
    net.tampers.append(lambda t, name, shown: shown if "err" in shown or t < unnamed else {**shown, "miner": "0xn0"})
    net.run(100)
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    assert net.run(HEAL + 40).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("blocks", "expected"), [(7, UNKNOWN), (8, BROKEN)])
@pytest.mark.parametrize("without", [0.0, 60.0])
def test_two_rotations_without_a_block_of_its_own_are_enough(blocks: int, expected: Verdict, without: float) -> None:
    """They count once the allowance is used up, and time without a quorum uses up nothing of it."""
    net = back(lambda t, name, shown: shown if "err" in shown else {**shown, "miner": "0xn0"}, addresses={"n3": "0xn3"})
    if without:
        net.do("kill n0 n1")
        net.run(without)
        net.do("start n0 n1")
    net.run(HEAL - 40 + 2 * blocks - 0.5)
    row = net.judge()["recovery", "n3"]
    assert row.verdict is expected, row
    assert f"none of {blocks} blocks" in row.observed


@pytest.mark.parametrize(("after", "relapse"), [(30.0, True), (30.5, False)])
def test_another_state_has_its_reason_once_no_block_has_come_for_three_round_time_outs(
    after: float, relapse: bool
) -> None:
    """The last block was first seen at 170 s; the state is another one in one sample."""
    net = back(None, 10.5)
    net.tampers.append(change("n3", 170.0 + after, 170.5 + after, consensus_state=1.0))
    row = net.stand(40).run(20).judge()["recovery", "n3"]
    assert ("and then its consensus_state is 1 at" in row.observed) is relapse, row


@pytest.mark.parametrize(("fault", "expected"), [("cut n1>n2", HELD), ("a note", BROKEN)])
def test_what_comes_after_the_first_of_the_next_faults_is_another_story(fault: str, expected: Verdict) -> None:
    net = back(None, 40.0)
    net.do(fault)
    net.run(2)
    behind(net, HEAL + 40)
    net.do("kill n3")
    assert net.run(20).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("quiet", "expected"), [(30.0, UNKNOWN), (0.0, HELD)])
def test_who_is_silent_until_the_next_fault_is_unknown(quiet: float, expected: Verdict) -> None:
    net = back(None, 40.0)
    net.tampers.append(silent("n3", net.t, net.t + quiet))
    net.run(quiet)
    net.do("kill n3")
    row = net.run(20).judge()["recovery", "n3"]
    assert row.verdict is expected, row
    assert ("can't be seen" in row.promise) is (expected is HELD)


@pytest.mark.parametrize(("seconds", "tip"), [(0.0, 0), (1.0, 1)])
def test_where_no_height_was_seen_before_any_will_do(seconds: float, tip: int) -> None:
    net = Net(4, interval=1000.0, block_interval_seconds=2.0).run(seconds)
    net.do("restart n3")
    net.t += 0.5
    row = net.run(40).judge()["recovery", "n3"]
    assert row.observed.startswith(f"back at height {tip} or above"), row
    assert (row.begin, row.end) == (seconds, seconds + 5.0)
