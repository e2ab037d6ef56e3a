"""Unharmed: nodes that no fault was for; each limit with a case on it and one beside it."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.network_state import world_of
from prowl.checks.invariants.unharmed import bystanders, look
from prowl.checks.selftest.network import Net, Tamper, change, silent
from prowl.reports.events import Event, Phase

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
LAG, HEAL = 30.0, 20.0 + 125.0


def healthy(seconds: float = 100, nodes: int = 4, **header: Any) -> Net:
    return Net(nodes, **header).run(seconds)


def verdicts(net: Net) -> dict[str | None, Verdict]:
    return {row.node: row.verdict for row in look(net.timeline())}


def refused(node: str, begin: float, end: float = 1e9, error: str = "ConnectionRefusedError") -> Tamper:
    return lambda t, name, shown: {"err": error} if name == node and begin <= t < end else shown


def stays(net: Net, node: str, begin: float, end: float = 1e9) -> None:
    """Let a node show from then on the block that it showed, with as many peers as it had."""
    kept: dict[str, Any] = {}

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if name != node or not begin <= t < end or "err" in shown:
            return shown
        if not kept:
            kept.update(shown)
        return dict(kept)

    net.tampers.append(tamper)


# --- who is one -------------------------------------------------------------------------------------------------------

INJECT = Phase.INJECT
WHO: tuple[tuple[Event, set[str]], ...] = (
    (Event(5.0, "a note"), {"n0", "n1", "n2"}),
    (Event(5.0, "", step="launch", started=("n0", "n1", "n2")), {"n0", "n1", "n2"}),
    (Event(5.0, "", step="start", started=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", step="unpause", resumed=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", step="restart", restarted=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", 1, INJECT, down=("n0", "n1")), {"n2"}),
    (Event(5.0, "", 1, INJECT, surgery=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", 1, INJECT, slow=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", 1, INJECT, liars=("n0",)), {"n1", "n2"}),
    (Event(5.0, "", 1, INJECT, cut=(("n0", "n1"),)), {"n0", "n1", "n2"}),
)


@pytest.mark.parametrize(("event", "expected"), WHO)
def test_a_bystander_is_a_node_that_nothing_was_done_to(event: Event, expected: set[str]) -> None:
    net = Net(3)
    net.events.append(event)
    assert set(bystanders(world_of(net.run(10).timeline()))) == expected


def test_a_node_of_its_own_has_nobody_to_be_compared_with() -> None:
    assert look(Net(1).run(60).timeline()) == []
    assert verdicts(Net(2).run(60)) == {"n0": HELD, "n1": HELD}


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "seconds", "expected"),
    [
        ("ConnectionRefusedError", LAG + 0.5, HELD), ("ConnectionRefusedError", LAG + 1.0, BROKEN),
        ("TimeoutError", LAG + 0.5, HELD), ("TimeoutError", LAG + 1.0, UNKNOWN),
        ("ConnectionResetError", LAG + 1.0, UNKNOWN), ("ServerDisconnectedError", LAG + 1.0, UNKNOWN),
    ],
)  # fmt: skip
def test_a_bystander_goes_on_answering(error: str, seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(refused("n1", net.t, net.t + seconds, error))
    net.run(80)
    assert verdicts(net) == {"n0": HELD, "n1": expected, "n2": HELD, "n3": HELD}


def test_two_short_silences_are_no_long_one() -> None:
    net = healthy()
    net.tampers += [refused("n1", net.t, net.t + LAG), refused("n1", net.t + LAG + 0.5, net.t + 2 * LAG)]
    assert verdicts(net.run(100))["n1"] is HELD


def test_one_late_answer_among_refusals_leaves_it_open() -> None:
    net = healthy()
    net.tampers += [refused("n1", net.t, net.t + 40), refused("n1", net.t + 20, net.t + 20.5, "TimeoutError")]
    assert verdicts(net.run(100))["n1"] is UNKNOWN


@pytest.mark.parametrize(("starved", "expected"), [(9.0, HELD), (8.0, BROKEN)])
def test_time_of_a_starved_recorder_does_not_count(starved: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(refused("n1", net.t, net.t + LAG + 9))
    net.run(10)
    net.away(starved)
    assert verdicts(net.run(80))["n1"] is expected


@pytest.mark.parametrize(("seconds", "expected"), [(50.0, HELD), (70.0, BROKEN)])
def test_a_start_has_its_grace(seconds: float, expected: Verdict) -> None:
    net = Net()
    net.do("cluster started")
    net.events[0] = Event(0.0, "cluster started", step="launch", started=tuple(net.nodes))
    net.tampers.append(refused("n1", 0.0, seconds))
    assert verdicts(net.run(100))["n1"] is expected


# --- peers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "seconds", "expected"),
    [(2.0, 99, HELD), (1.0, LAG, HELD), (1.0, LAG + 1, BROKEN), (9.0, 99, HELD), (None, 99, HELD)],
)
def test_bystanders_keep_their_peers_among_themselves(count: float | None, seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.do("kill n3")
    net.tampers.append(change("n1", net.t + 10, net.t + 10 + seconds, peers_connected=count))
    found = verdicts(net.run(110))
    assert found == {"n0": HELD, "n1": expected, "n2": HELD}


@pytest.mark.parametrize(("starved", "expected"), [(10.0, UNKNOWN), (9.5, BROKEN)])
def test_a_count_that_was_too_low_only_by_a_starved_recorder_is_unknown(starved: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(change("n1", net.t, net.t + LAG + 10.5, peers_connected=1.0))
    net.run(5).away(starved)
    assert verdicts(net.run(80))["n1"] is expected


def test_a_peer_that_is_cut_off_need_not_be_kept() -> None:
    for cut, expected in (("partition n0 | n1 n2 n3", HELD), ("a note", BROKEN)):
        net = healthy()
        net.do(cut)
        net.tampers.append(change("n1", net.t, peers_connected=2.0))
        assert verdicts(net.run(100))["n1"] is expected


# --- keeping up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "comes", "expected"),
    [
        (LAG + 1, False, HELD), (LAG + 5, False, UNKNOWN), (LAG + 5, True, HELD), (HEAL - 2, False, UNKNOWN),
        (HEAL - 2, True, HELD), (HEAL + 4, False, BROKEN), (HEAL + 4, True, BROKEN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fault", ["a note", "kill n3"])
def test_a_bystander_keeps_up_whatever_is_done_to_others(
    fault: str, seconds: float, comes: bool, expected: Verdict
) -> None:
    net = healthy()
    net.do(fault)
    stays(net, "n1", net.t, net.t + seconds)
    net.run(seconds + (10 if comes else 0))
    assert verdicts(net)["n1"] is expected
    assert {verdict for node, verdict in verdicts(net).items() if node != "n1"} == {HELD}


def test_a_node_that_is_always_behind_does_not_keep_up() -> None:
    for late, expected in ((60.0, HELD), (150.0, BROKEN)):
        net = Net()

        def behind(t: float, node: str, shown: dict[str, Any], late: float = late) -> dict[str, Any]:
            height = max(1, int((t - late) / 2)) if t > 200 else shown["latest"][0]
            latest = [height, f"0x{height + 7:064x}", "0x01", False] if t > 200 else shown["latest"]
            return {**shown, "latest": latest} if node == "n1" else shown

        net.tampers.append(behind)
        net.run(400)
        net.tampers.clear()
        net.run(10)
        assert verdicts(net)["n1"] is expected, late


def test_time_in_which_a_node_has_no_quorum_does_not_count() -> None:
    net = healthy()
    net.do("partition n1 | n0 n2 n3")
    net.run(HEAL + 20)
    assert verdicts(net)["n1"] is HELD
    net.do("heal")
    stays(net, "n1", net.t)
    net.run(LAG - 2)
    assert verdicts(net)["n1"] is HELD
    net.run(6)
    assert verdicts(net)["n1"] is UNKNOWN


def test_a_height_that_one_node_alone_shows_is_nobodys_measure() -> None:
    net = healthy()

    def lie(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "latest": [900, "0x" + "d" * 64, "0x" + "c" * 64, False]} if node == "n3" else shown

    net.tampers.append(lie)
    assert verdicts(net.run(200))["n1"] is HELD


def test_a_chain_that_stands_leaves_nobody_behind() -> None:
    assert set(verdicts(healthy().stand(300)).values()) == {HELD}


def test_without_an_interval_too_long_is_unknown() -> None:
    net = Net(4, interval=150.0, every=1.0)
    net.run(2)
    stays(net, "n1", net.t)
    net.run(299)
    (row,) = (row for row in look(net.timeline()) if row.node == "n1")
    assert row.verdict is UNKNOWN, row


def test_it_says_whom_it_compared_and_how_many_it_could_not_see() -> None:
    net = Net(block_interval_seconds=2.0)
    net.tampers.append(silent("n3", 0))
    net.run(100)
    stays(net, "n1", net.t)
    rows = {row.node: row for row in look(net.run(40).timeline())}
    assert rows["n1"].observed == (
        "it did not show height 52, which the network showed at 102.0 s, to the end: 37.5 s, 145 s are allowed "
        "(compared with n0, n2; 1 could not be seen)"
    )
    assert rows["n0"].observed == "it answered, kept its peers and kept up (compared with n1, n2; 1 could not be seen)"
    assert (rows["n0"].begin, rows["n0"].end) == (0.0, 139.5)
    assert (rows["n1"].begin, rows["n1"].end) == (102.0, 139.5)


@pytest.mark.parametrize(("bft", "expected"), [(True, Verdict.BROKEN), (False, Verdict.HELD)])
def test_without_bft_a_heavy_node_that_is_cut_off_need_not_keep_up(bft: bool, expected: Verdict) -> None:
    """With BFT more than two thirds of the stake are a quorum by themselves; without it they are cut off."""
    net = Net(bft=bft, stakes={"n0": 7, "n1": 1, "n2": 1, "n3": 1}, block_interval_seconds=2.0, heal_seconds=2.0)
    net.run(40)
    net.do("partition n0 | n1 n2 n3")
    net.tampers.append(change("n0", 40.0, 80.0, block_height=20.0, latest=[20, net.nodes["n0"].chain[-1], None, False]))
    net.run(40)
    net.do("heal")
    net.run(60)
    assert net.verdict("unharmed", "n0") is expected
