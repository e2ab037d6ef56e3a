"""Peers, a row a node: each hit with its nearest miss."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.network_state import World
from prowl.checks.invariants.peers import truth
from prowl.checks.selftest.network import Net, change, silent

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
LAG = 30.0
"""Three round time-outs, seconds."""
PAUSE, HEAL = 20.0 + 65.0, 20.0 + 125.0


def healthy(seconds: float = 100, nodes: int = 4, **header: Any) -> Net:
    return Net(nodes, **header).run(seconds)


@pytest.mark.parametrize("count", [2.0, 4.0, 0.0])
@pytest.mark.parametrize(("seconds", "expected"), [(LAG, HELD), (LAG + 1.5, BROKEN)])
def test_a_count_may_be_wrong_for_three_round_timeouts(count: float, seconds: float, expected: Verdict) -> None:
    net = Net()
    net.tampers.append(change("n1", 50, 50 + seconds, peers_connected=count))
    rows = net.run(120).judge()
    assert rows["peers", "n1"].verdict is expected
    assert rows["peers", "n0"].verdict is HELD


@pytest.mark.parametrize(("starved", "expected"), [(20.0, UNKNOWN), (2.0, BROKEN)])
def test_a_count_that_was_wrong_too_long_only_by_a_starved_recorder_is_unknown(
    starved: float, expected: Verdict
) -> None:
    net = Net()
    net.tampers.append(change("n1", 50, 50 + LAG + 10, peers_connected=2.0))
    net.run(60).away(starved)
    rows = net.run(60).judge()
    assert rows["peers", "n1"].verdict is expected
    assert rows["peers", "n0"].verdict is HELD


@pytest.mark.parametrize(("lag", "expected"), [(LAG, HELD), (LAG + 1.5, BROKEN)])
@pytest.mark.parametrize("fault", ["kill n3", "pause n3", "partition n0 n1 n2 | n3"])
def test_a_count_follows_who_is_up_and_in_reach(fault: str, lag: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(change("n0", net.t, net.t + lag, peers_connected=3.0))
    net.do(fault)
    net.run(100)
    assert net.verdict("peers", "n0") is expected
    assert net.verdict("peers", "n1") is HELD


def test_a_count_that_never_rises_again_is_broken() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(60)
    net.tampers.append(change("n0", net.t, peers_connected=2.0))
    net.do("start n3")
    net.run(60)
    assert {node for name, node in net.not_held() if name == "peers"} == {"n0"}


def test_a_started_node_that_does_not_answer_yet_may_be_counted_or_not() -> None:
    for count in (2.0, 3.0):
        net = healthy()
        net.do("kill n3")
        net.run(60)
        net.boot_seconds = 50.0
        net.tampers.append(change("n0", net.t, net.t + 50, peers_connected=count))
        net.do("start n3")
        net.run(100)
        assert net.verdict("peers", "n0") is HELD, count


def test_a_peer_that_went_silent_by_itself_may_be_counted_or_not() -> None:
    for count, expected in ((2.0, HELD), (3.0, HELD), (1.0, BROKEN)):
        net = healthy()
        net.tampers += [silent("n3", net.t), change("n0", net.t, peers_connected=count)]
        net.run(100)
        assert net.verdict("peers", "n0") is expected


def test_a_count_that_can_not_be_read_is_unknown() -> None:
    for value in (None, float("nan"), "3", [3.0, 2.0]):
        net = Net()
        net.tampers.append(change("n1", 0, peers_connected=value))
        assert net.run(60).not_held() == {("peers", "n1")}


@pytest.mark.parametrize(("seconds", "expected"), [(LAG, HELD), (LAG + 2, UNKNOWN)])
def test_a_count_missing_for_so_long_that_a_wrong_one_could_hide_is_unknown(seconds: float, expected: Verdict) -> None:
    net = Net()
    net.tampers.append(change("n1", 50, 50 + seconds, peers_connected=None))
    assert net.run(120).verdict("peers", "n1") is expected


def test_a_gap_of_the_recorder_does_not_lengthen_a_wrong_count() -> None:
    net = Net()
    net.tampers.append(change("n1", 50, 95, peers_connected=1.0))
    net.run(60)
    net.away(31)
    assert net.run(60).verdict("peers", "n1") is HELD


def test_two_nodes_with_one_edge_cut_one_way_may_count_each_other_or_not() -> None:
    for count in (2.0, 3.0):
        net = healthy()
        net.do("cut n0>n1")
        net.tampers.append(change("n1", net.t, peers_connected=count))
        assert net.run(60).verdict("peers", "n1") is HELD


def test_a_node_without_stake_may_be_counted_or_not() -> None:
    for count, expected in ((2.0, HELD), (3.0, HELD), (1.0, BROKEN)):
        net = Net(stakes={"n0": 1, "n1": 1, "n2": 1})
        net.tampers.append(change("n0", 0, peers_connected=count))
        assert net.run(60).verdict("peers", "n0") is expected


def test_a_node_that_never_answers_is_unknown_and_one_that_is_down_gives_no_occasion() -> None:
    net = Net()
    net.tampers.append(silent("n3", 0))
    net.run(100)
    assert net.verdict("peers", "n3") is UNKNOWN
    assert net.verdict("signals", "n3") is UNKNOWN
    net = Net()
    net.do("kill n3")
    net.run(100)
    assert net.verdict("peers", "n3") is None
    assert net.verdict("signals", "n3") is None


@pytest.mark.parametrize(("until", "expected"), [(80.0, HELD), (81.0, BROKEN)])
def test_a_wrong_count_goes_on_when_another_peer_falls_silent(until: float, expected: Verdict) -> None:
    """It is wrong since the kill at 50 s; the peer that is silent from 70 s on only changes what would be right."""
    net = healthy(50)
    net.tampers += [silent("n2", 70.0), change("n1", 50.0, until + 0.5, peers_connected=0.0)]
    net.do("kill n3")
    assert net.run(80).verdict("peers", "n1") is expected


def test_the_longest_time_that_was_allowed_is_told() -> None:
    net = Net()
    net.tampers += [
        change("n1", begin, begin + 0.5 + seconds, peers_connected=0.0) for begin, seconds in ((50, 5), (80, 9))
    ]
    observed = net.run(100).judge()["peers", "n1"].observed
    assert observed == "the count was wrong for at most 9.0 s; 30 s are allowed"


@pytest.mark.parametrize(
    ("among", "low"), [(None, 3), ({"n0", "n2", "n3"}, 2), ({"n0", "n1", "n2", "n3"}, 3), ({"n0"}, 0), (set(), 0)]
)
def test_of_some_nodes_there_is_a_least_number_in_reach_and_no_greatest(among: set[str] | None, low: int) -> None:
    world = World(Net(4).run(1).timeline())
    found = truth(world, world.at(0.5), "n0", None if among is None else frozenset(among))
    assert found == (low, 3 if among is None else inf)
