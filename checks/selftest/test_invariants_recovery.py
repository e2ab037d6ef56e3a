"""Recovery, a row a node: each hit with its nearest miss."""

from __future__ import annotations

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


FAULTS = [("kill n3", "start n3"), ("pause n3", "unpause n3"), ("partition n0 n1 n2 | n3", "heal")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_node_that_comes_back_to_the_tip_has_recovered(fault: tuple[str, str]) -> None:
    net = healthy()
    net.do(fault[0])
    net.run(60)
    net.do(fault[1])
    net.run(30)
    rows = [row for row in net.judge().values() if row.invariant == "recovery"]
    assert [(row.node, row.verdict) for row in rows] == [("n3", HELD)]
    assert "not in this timeline" in rows[0].observed
    assert "can't be seen" in rows[0].promise


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("seconds", "expected"), [(HEAL - 5, UNKNOWN), (HEAL + 5, BROKEN)])
def test_a_node_that_stays_behind_has_not(fault: tuple[str, str], seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.do(fault[0])
    net.run(60)
    net.do(fault[1])
    _stay_behind(net, "n3", seconds)
    assert net.verdict("recovery", "n3") is expected


def _stay_behind(net: Net, node: str, seconds: float) -> None:
    chain = list(net.nodes[node].chain)
    net.sides = [{node}, set(net.nodes) - {node}]
    net.tampers += [change(other, net.t, peers_connected=float(len(net.nodes) - 1)) for other in net.nodes]
    net.run(seconds)
    assert net.nodes[node].chain == chain


@pytest.mark.parametrize(("seconds", "expected"), [(HEAL - 5, UNKNOWN), (HEAL + 5, BROKEN)])
def test_a_started_node_that_never_answers_has_not_recovered(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.do("kill n3")
    net.run(60)
    net.tampers.append(silent("n3", net.t))
    net.do("start n3")
    net.run(seconds)
    assert net.verdict("recovery", "n3") is expected


def test_late_is_not_held() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    _stay_behind(net, "n3", HEAL + 5)
    net.sides = []
    net.run(30)
    assert net.verdict("recovery", "n3") is BROKEN


def test_the_right_height_with_another_hash_is_no_recovery() -> None:
    net = healthy()
    net.do("kill n2 n3")
    net.run(60)
    net.do("start n2 n3")

    def other(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if node == "n3" and t > 160 and "err" not in shown:
            tip = shown["latest"][0]
            return {**shown, "latest": [tip, f"0x{tip:064x}", f"0x{tip - 1:064x}", False]}
        return shown

    net.tampers.append(other)
    net.run(HEAL + 20)
    assert net.verdict("recovery", "n3") is BROKEN
    assert net.verdict("recovery", "n2") is HELD


def test_time_that_a_node_has_no_quorum_does_not_count() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(20)
    net.tampers.append(silent("n3", net.t))
    net.do("partition n0 n1 | n2 n3")
    net.do("start n3")
    net.run(HEAL + 100)
    assert net.verdict("recovery", "n3") is UNKNOWN


def test_a_damaged_store_that_keeps_a_node_down_is_not_its_broken_promise() -> None:
    net = healthy()
    net.do("corrupt CURRENT of n3 and restart")
    net.tampers.append(silent("n3", net.t))
    net.run(HEAL + 20)
    assert net.verdict("recovery", "n3") is UNKNOWN
    net.tampers.clear()
    net.do("restore n3 from backup")
    net.run(60)
    assert net.not_held() == set()


def test_a_wiped_node_that_still_answers_once_has_not_recovered_by_that() -> None:
    net = healthy()
    net.do("wipe n3")
    net.nodes["n3"].ready_at = net.t + HEAL + 50

    def old(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if node == "n3" and t <= 101:
            chain = net.nodes["n0"].chain
            latest = [len(chain), chain[-1], chain[-2], False]
            return {"block_height": len(chain), "peers_connected": 3.0, "consensus_state": 0.0, "latest": latest}
        return shown

    net.tampers.append(old)
    net.run(HEAL + 20)
    assert net.verdict("recovery", "n3") is BROKEN


def test_falling_behind_again_is_no_recovery() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(30)
    net.do("start n3")
    net.run(30)
    _stay_behind(net, "n3", HEAL + 100)
    assert net.verdict("recovery", "n3") is BROKEN


def test_falling_silent_after_a_recovery_is_unknown() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(30)
    net.do("start n3")
    net.run(30)
    net.tampers.append(silent("n3", net.t))
    net.run(100)
    assert net.verdict("recovery", "n3") is UNKNOWN


def test_a_crash_loop_adds_up_until_the_node_is_back() -> None:
    for seconds, expected in ((20.0, HELD), (60.0, BROKEN)):
        net = healthy()
        net.boot_seconds = 1000.0
        for _ in range(4):
            net.do("kill n3")
            net.run(10)
            net.do("start n3")
            net.run(seconds)
        net.nodes["n3"].ready_at = net.t
        net.run(30)
        assert net.verdict("recovery", "n3") is expected, seconds


def test_where_no_block_comes_after_a_return_nothing_shows_that_the_node_votes() -> None:
    for blocks, expected in ((0, UNKNOWN), (1, HELD)):
        net = healthy()
        net.do("partition n0 n1 | n2 n3")
        net.run(60)
        net.do("heal")
        net.run(3.0 * blocks)
        net.stand(20)
        assert {net.verdict("recovery", node) for node in net.nodes} == {expected}


# --- recovery: synced is not rejoined --------------------------------------------------------------------------------


def miners(net: Net, absent: str | None = None, since: float = 0.0) -> None:
    """Show who made each block; after ``since``, never ``absent`` (another's name stands there)."""

    def tamper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if "err" in shown:
            return shown
        maker = net.block_of.get(shown["latest"][1], (0, "", "n0"))[2]
        if maker == absent and t >= since:
            maker = "n0"
        return {**shown, "miner": f"0x{maker}"}

    net.tampers.append(tamper)
    net.header = type(net.header)(addresses={node: f"0x{node}".upper() for node in net.nodes})


def back_again(net: Net, seconds: float) -> Net:
    net.run(100)
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    return net.run(seconds)


def test_a_node_that_proposes_again_has_rejoined() -> None:
    net = Net()
    miners(net)
    row = back_again(net, 40).judge()["recovery", "n3"]
    assert row.verdict is HELD
    assert "it proposed block" in row.observed


@pytest.mark.parametrize(("seconds", "expected"), [(60.0, UNKNOWN), (HEAL + 10, UNKNOWN), (HEAL + 25, BROKEN)])
def test_a_node_that_is_synced_and_never_proposes_has_not(seconds: float, expected: Verdict) -> None:
    net = Net()
    miners(net, absent="n3", since=101)
    back_again(net, seconds)
    assert net.verdict("recovery", "n3") is expected


@pytest.mark.parametrize(
    ("votes", "seconds", "expected"), [(True, 40, HELD), (False, 40, UNKNOWN), (False, 160, BROKEN)]
)
def test_a_vote_is_a_return_and_no_vote_is_none(votes: bool, seconds: float, expected: Verdict) -> None:
    net = Net()

    def voted(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if "err" in shown:
            return shown
        return {**shown, "voted": shown["latest"][0] if votes or node != "n3" or t < 100 else 49}

    net.tampers.append(voted)
    assert back_again(net, seconds).verdict("recovery", "n3") is expected


def test_blocks_that_need_a_node_prove_its_vote() -> None:
    net = Net(3)
    miners(net, absent="n2", since=101)
    net.run(100)
    net.do("kill n2")
    net.run(60)
    net.do("start n2")
    net.run(200)
    row = net.judge()["recovery", "n2"]
    assert row.verdict is HELD
    assert "without its vote" in row.observed


# --- recovery: it holds for two rotations -----------------------------------------------------------------------------


def relapse(net: Net, state: float, begin: float, seconds: float) -> None:
    """From some seconds after the start on, let the node's state be another one."""
    net.tampers.append(change("n3", net.t + begin, net.t + begin + seconds, consensus_state=state))


ROTATIONS = 2 * 4 * 2.0  # two turns of four proposers with blocks of 2 s


@pytest.mark.parametrize(
    ("begin", "seconds", "run", "expected"),
    [
        (5.0, 10.0, 60.0, HELD),  # another state at first
        (5.0, 999.0, 60.0, UNKNOWN), (5.0, 999.0, HEAL + 20, BROKEN), (5.0, HEAL - 8, HEAL + 20, HELD),
        (5.0, HEAL + 2, HEAL + 20, BROKEN),
        (5 + ROTATIONS - 3, 999.0, 60.0, UNKNOWN),  # a relapse within the two rotations
        (5 + ROTATIONS + 3, 999.0, 60.0, HELD),  # and one after them
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", [1.0, 2.0])
def test_a_recovery_holds_for_two_rotations(
    begin: float, seconds: float, run: float, expected: Verdict, state: float
) -> None:
    net = Net()
    miners(net)
    net.run(100)
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    relapse(net, state, begin, seconds)
    row = net.run(run).judge()["recovery", "n3"]
    assert row.verdict is expected, row


def test_after_a_relapse_it_must_vote_or_propose_anew() -> None:
    for absent, expected in ((None, HELD), ("n3", UNKNOWN)):
        net = Net()
        miners(net, absent=absent, since=180.0)
        net.run(100)
        net.do("kill n3")
        net.run(60)
        net.do("start n3")
        relapse(net, 1.0, 10.0, 15.0)
        row = net.run(60).judge()["recovery", "n3"]
        assert row.verdict is expected, row
        assert "and then its consensus_state is 1 at 170.0 s until 185.0 s" in row.observed


def test_a_state_that_can_not_be_read_or_has_its_reason_is_no_relapse() -> None:
    for value, stands, expected in ((None, 0, HELD), ("x", 0, HELD), (1.0, 0, UNKNOWN), (1.0, 60, HELD)):
        net = Net()
        net.run(100)
        net.do("kill n3")
        net.run(60)
        net.do("start n3")
        net.run(12)
        if stands:  # no block has come for three round time-outs: what else should the state be
            net.stand(32)
        net.tampers.append(change("n3", net.t, net.t + 20 if stands else 1e9, consensus_state=value))
        (net.stand if stands else net.run)(22)
        assert net.run(20).verdict("recovery", "n3") is expected, (value, stands)


@pytest.mark.parametrize(("seconds", "expected"), [(LAG, HELD), (LAG + 12, UNKNOWN)])
def test_who_falls_behind_again_within_two_rotations_has_not_recovered(seconds: float, expected: Verdict) -> None:
    net = Net(4, interval=6.0).run(100)
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    net.run(8)
    net.tampers.append(change("n3", net.t, consensus_state=0.0))
    _stay_behind(net, "n3", seconds)
    assert net.verdict("recovery", "n3") is expected


def test_another_fault_ends_the_rotations() -> None:
    for second, expected in (("kill n2", HELD), ("a note", UNKNOWN)):
        net = healthy()
        net.do("kill n3")
        net.run(60)
        net.do("start n3")
        net.run(10)
        net.do(second)
        net.tampers.append(change("n3", net.t + 1, consensus_state=1.0))
        assert net.run(40).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("at", "expected"), [(159.5, UNKNOWN), (160.0, HELD)])
def test_a_block_of_its_own_counts_from_the_start_on(at: float, expected: Verdict) -> None:
    """The start is at 160 s; what it proposed before was in flight."""
    net = Net(addresses={"n3": "0xn3", "n0": "0xn0"})

    def own(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if "err" in shown:
            return shown
        height = shown["latest"][0]
        block = [500, "0x" + "e" * 64, "0x01", "0xn3", 5] if t == at and node == "n0" else None
        return {**shown, "miner": "0xn0", "blocks": [block] if block else [], "stamp": height}

    net.tampers.append(own)
    assert back_again(net, 40).verdict("recovery", "n3") is expected


def test_a_resume_of_what_was_up_is_no_return() -> None:
    for fault, rows in (("a note", 0), ("pause n3", 1)):
        net = healthy()
        net.do(fault)
        net.run(30)
        net.do("unpause n3")
        net.run(30)
        assert len([row for row in net.judge().values() if row.invariant == "recovery"]) == rows


def test_what_comes_after_the_next_fault_is_no_relapse_of_the_first_return() -> None:
    for faults, expected in ((("kill n3", "kill n3"), HELD), ((), UNKNOWN)):
        net = healthy()
        net.do("kill n3")
        net.run(30)
        net.do("start n3")
        net.run(60)
        for fault in faults:
            net.do(fault)
            net.run(20)
        if not faults:
            net.tampers.append(silent("n3", net.t))
        net.run(60)
        assert net.verdict("recovery", "n3") is expected


def test_a_node_without_stake_need_not_vote() -> None:
    net = Net(stakes={"n0": 1, "n1": 1, "n2": 1})
    miners(net, absent="n3")
    net.header = type(net.header)(stakes={"n0": 1, "n1": 1, "n2": 1}, addresses={"n3": "0xn3"})
    assert back_again(net, 200).verdict("recovery", "n3") is HELD
