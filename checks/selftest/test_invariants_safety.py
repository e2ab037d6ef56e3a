"""Agreement, finality, linkage, equivocation: each hit with its nearest miss."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import GENESIS, Net, name_of
from prowl.reports.events import Event, Phase

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
OTHER = "0x" + "b" * 64


def healthy(seconds: float = 40, nodes: int = 4, **header: Any) -> Net:
    return Net(nodes, **header).run(seconds)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5, 7])
def test_a_healthy_network_of_any_size_holds_all(nodes: int) -> None:
    assert healthy(nodes=nodes).not_held() == set()


def test_a_hash_is_compared_whatever_its_case() -> None:
    net = Net()

    def upper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        height, name, parent, flag = shown["latest"]
        return {**shown, "latest": [height, "0x" + name[2:].upper(), parent, flag]} if node == "n1" else shown

    net.tampers.append(upper)
    assert net.run(40).not_held() == set()


# --- agreement -------------------------------------------------------------------------------------------------------


def finalized(net: Net, node: str, at: float, name: str) -> None:
    """Let a node claim another hash for the height that it calls finalized, in one sample."""

    def tamper(t: float, who: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "fin": [shown["fin"][0], name]} if who == node and t == at else shown

    net.tampers.append(tamper)


def test_one_claim_of_another_finalized_hash_breaks_agreement() -> None:
    net = Net()
    finalized(net, "n2", 30.0, OTHER)
    rows = net.run(40).judge()
    assert rows["agreement", None].verdict is BROKEN
    assert "n2 as finalized" in rows["agreement", None].observed
    assert net.run(0).verdict("signals", "n2") is HELD


@pytest.mark.parametrize("nothing", ["0x" + "0" * 64, None, 17])
def test_a_finalized_hash_that_is_none_is_no_claim(nothing: Any) -> None:
    net = Net()
    finalized(net, "n2", 30.0, nothing)
    assert net.run(40).verdict("agreement") is HELD


def fork(net: Net, names: str, blocks: int = 1) -> None:
    net.extend(names, blocks)


def test_a_tip_of_one_node_that_the_fork_choice_takes_back_is_no_disagreement() -> None:
    net = healthy()
    net.halted = True
    fork(net, "n3")
    net.extend("n0 n1 n2", tag="real")
    net.tampers = []
    _hold_chain(net, "n3", 5.0)
    net.halted = False
    rows = net.run(30).judge()
    assert rows["agreement", None].verdict is HELD
    assert "only for a while" in rows["agreement", None].observed
    assert rows["finality", None].verdict is HELD


def _hold_chain(net: Net, node: str, seconds: float) -> None:
    """Let time pass in which a node keeps the chain that it has, while the others keep theirs."""
    chain = list(net.nodes[node].chain)
    until = net.t + seconds
    while net.t < until:
        net.nodes[node].chain = list(chain)
        net.sides = [{node}, set(net.nodes) - {node}]
        net.run(net.every)
    net.sides = []


def test_another_branch_on_a_node_that_reaches_the_rest_is_no_disagreement_for_the_time_of_a_heal_and_then_one() -> (
    None
):
    for seconds, expected in ((130.0, UNKNOWN), (160.0, BROKEN)):
        net = healthy()
        net.halted = True
        fork(net, "n3")
        net.halted = False
        _hold_chain(net, "n3", seconds)
        assert net.verdict("agreement") is expected, seconds


def test_another_branch_behind_a_cut_is_no_disagreement_yet() -> None:
    net = healthy()
    net.do("partition n0 n1 n2 | n3")
    fork(net, "n3")
    net.run(200)
    assert net.verdict("agreement") is HELD
    net.do("heal")
    net.run(20)
    assert net.verdict("agreement") is HELD


def quorum_switch(first: str, second: str) -> Net:
    """Some nodes show one block, then all show another at the same height; without finalized claims."""
    net = Net()
    net.depth = 1000
    net.run(20)
    net.halted = True
    kept = {name: list(node.chain) for name, node in net.nodes.items()}
    fork(net, first)
    net.sides = [{name} for name in net.nodes]
    net.run(2)
    for name in kept:
        net.nodes[name].chain = list(kept[name])
    for _ in range(2):
        net.extend(second, tag="second")
        net.run(2)
    net.sides = []
    net.halted = False
    return net.run(20)


def test_a_block_shown_by_a_quorum_is_final_and_its_replacement_breaks_agreement_and_finality() -> None:
    net = quorum_switch("n0 n1 n2", "n0 n1 n2 n3")
    assert net.verdict("agreement") is BROKEN
    assert net.verdict("finality") is BROKEN


def test_a_block_shown_by_less_than_a_quorum_may_be_replaced() -> None:
    rows = quorum_switch("n0 n1", "n0 n1 n2 n3").judge()
    assert {rows[name, None].verdict for name in ("agreement", "finality")} == {HELD}


def test_a_longest_chain_network_may_replace_what_all_showed() -> None:
    net = quorum_switch("n0 n1 n2", "n0 n1 n2 n3")
    net.header = type(net.header)(bft=False)
    assert net.verdict("agreement") is HELD


@pytest.mark.parametrize(("seconds", "expected"), [(4.0, HELD), (30.0, BROKEN)])
def test_a_fork_across_a_cut_without_bft_is_fair_until_both_sides_call_theirs_finalized(
    seconds: float, expected: Verdict
) -> None:
    net = Net(bft=False)
    net.minority_makes = True
    net.run(40)
    net.do("partition n0 n1 | n2 n3")
    net.run(seconds)
    net.do("heal")
    rows = net.run(60).judge()
    assert {rows[name, None].verdict for name in ("agreement", "finality")} == {expected}
    assert ("no-progress-without-quorum", None) not in rows


def test_equal_stakes_are_assumed_only_where_the_header_gives_none() -> None:
    net = quorum_switch("n0 n1", "n0 n1 n2 n3")
    net.header = type(net.header)(stakes={"n0": 50, "n1": 20, "n2": 20, "n3": 10})
    assert net.verdict("agreement") is BROKEN  # n0 and n1 are 70 of 100


# --- finality --------------------------------------------------------------------------------------------------------


def lower_fin(net: Net, node: str, begin: float, end: float, by: int) -> None:
    def tamper(t: float, who: str, shown: dict[str, Any]) -> dict[str, Any]:
        if who == node and begin <= t < end and "err" not in shown:
            height = shown["fin"][0] - by
            return {**shown, "fin": [height, net.nodes[node].chain[height - 1]]}
        return shown

    net.tampers.append(tamper)


@pytest.mark.parametrize(("by", "expected"), [(0, HELD), (1, BROKEN), (5, BROKEN)])
def test_a_finalized_height_that_falls_is_broken(by: int, expected: Verdict) -> None:
    net = Net()
    lower_fin(net, "n1", 31.0, 31.5, by)
    assert net.run(40).verdict("finality") is expected


def test_heights_may_fall_where_the_store_was_taken_away_and_only_there() -> None:
    for text, expected in (("wipe n3", HELD), ("restore n3 from backup", HELD), ("restart n3", BROKEN)):
        net = healthy()
        net.do(text)
        if text == "restart n3":
            net.nodes["n3"].chain = net.nodes["n3"].chain[:-8]
            net.sides = [{"n3"}, {"n0", "n1", "n2"}]
            net.run(8)
            net.sides = []
        net.run(60)
        assert net.verdict("finality") is expected, text


def test_a_late_fall_is_not_excused_by_a_wipe_long_ago() -> None:
    net = healthy()
    net.do("wipe n3")
    net.run(200)
    lower_fin(net, "n3", net.t + 5, net.t + 6, 3)
    assert net.run(20).verdict("finality") is BROKEN


@pytest.mark.parametrize(("after", "expected"), [(1.0, HELD), (45.0, HELD), (90.0, HELD), (91.0, BROKEN)])
def test_heights_may_fall_for_a_starts_grace_and_three_round_time_outs(after: float, expected: Verdict) -> None:
    net = healthy()
    net.do("a note")
    net.events[-1] = Event(net.t, "surgery", 1, Phase.INJECT, surgery=("n3",))
    lower_fin(net, "n3", net.t + after, net.t + after + 0.5, 3)
    assert net.run(after + 5).verdict("finality") is expected


def test_a_wiped_node_must_come_back_with_the_same_blocks() -> None:
    net = healthy()
    net.do("wipe n3")
    net.run(10)
    wrong = name_of(GENESIS, "invented")

    def invented(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "latest": [15, wrong, OTHER, False]} if node == "n3" and 51 <= t < 52 else shown

    net.tampers.append(invented)
    assert net.run(30).verdict("finality") is BROKEN


@pytest.mark.parametrize(("to", "expected"), [(20, HELD), (19, BROKEN), (21, HELD)])
def test_a_tip_may_fall_to_the_last_block_of_a_quorum_and_no_lower(to: int, expected: Verdict) -> None:
    net = Net()
    net.depth = 1000
    net.run(39)
    net.halted = True
    net.extend("n3", 2)

    def fall(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        chain = net.nodes["n3"].chain
        return {**shown, "latest": [to, chain[to - 1], chain[to - 2], False]} if node == "n3" and t >= 42 else shown

    net.tampers.append(fall)
    net.sides = [{"n3"}, {"n0", "n1", "n2"}]
    assert net.run(6).verdict("finality") is expected


@pytest.mark.parametrize(("at", "expected"), [(28.0, HELD), (28.5, BROKEN)])
def test_a_block_that_is_shown_beside_the_final_one_does_not_replace_it(at: float, expected: Verdict) -> None:
    net = Net()
    other = [[15, OTHER, GENESIS]]  # all nodes show block 15 from 28 s on
    net.tampers.append(lambda t, node, shown: {**shown, "blocks": other} if (t, node) == (at, "n1") else shown)
    assert net.run(40).verdict("finality") is expected


@pytest.mark.parametrize(("at", "expected"), [(29.5, HELD), (30.0, BROKEN)])
def test_a_tip_may_not_fall_from_when_on_a_block_is_final(at: float, expected: Verdict) -> None:
    """n0, n1 and n2 show block 7 at 30 s."""
    net = Net()
    low, top = [5, "0x05", "0x04", False], [7, "0x07", "0x06", False]
    net.tampers.append(lambda t, node, shown: {"latest": top if (t >= 30 if node != "n3" else t < at) else low})
    assert net.run(40).verdict("finality") is expected


def test_a_tip_that_only_one_node_had_may_be_lost() -> None:
    net = healthy()
    net.halted = True
    fork(net, "n3")
    net.sides = [{"n3"}, {"n0", "n1", "n2"}]
    net.depth = 1000
    net.run(1)
    net.nodes["n3"].chain.pop()
    net.run(1)
    net.sides, net.halted = [], False
    net.run(20)
    falls = [row for row in net.judge().values() if row.invariant == "finality"]
    assert "falls from height" not in falls[0].observed


# --- linkage ---------------------------------------------------------------------------------------------------------


def parents(net: Net, at: float, parent: str, nodes: str = "n1") -> None:
    def tamper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if node in nodes.split() and t >= at and shown["latest"][0] == broken_height(net, at):
            height, name, _, flag = shown["latest"]
            return {**shown, "latest": [height, name, parent, flag]}
        return shown

    net.tampers.append(tamper)


def broken_height(net: Net, at: float) -> int:
    return int(at // net.interval) + 1


@pytest.mark.parametrize("nodes", ["n1", "n0 n1 n2 n3"])
def test_a_block_on_a_parent_that_nobody_has_breaks_linkage(nodes: str) -> None:
    net = Net()
    parents(net, 30.0, OTHER, nodes)
    assert net.run(40).verdict("linkage") is BROKEN


def test_a_block_on_a_parent_of_another_height_breaks_linkage() -> None:
    net = Net()
    parents(net, 30.0, GENESIS, "n0 n1 n2 n3")
    row = net.run(40).judge()["linkage", None]
    assert row.verdict is BROKEN
    assert "height 1" in row.observed


@pytest.mark.parametrize(
    ("before", "after", "bft", "expected", "begin"),
    [
        ("n0", "n0", True, UNKNOWN, 40.5), ("n0", "n0", False, HELD, 0.0),
        ("n0 n1", "n0", True, UNKNOWN, 40.5), ("n0 n1 n2", "n0", True, BROKEN, 40.5),
        ("n0 n1 n2 n3", "n0", True, BROKEN, 40.5),
        ("n0", "n0 n1 n2", True, HELD, 0.0), ("n0 n1 n2", "n0 n1 n2", True, BROKEN, 40.0),
    ],
)  # fmt: skip
def test_a_parent_that_nobody_showed_is_judged_by_what_is_final(
    before: str, after: str, bft: bool, expected: Verdict, begin: float
) -> None:
    """Some nodes show block 20 (final on three of four), then some of them one of height 21 on an unknown parent."""

    def tamper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if t < 40:
            return shown
        second = t >= 41 and node in after.split()
        here = node in (after if second else before).split()
        latest = [21, "0x" + "e" * 64, OTHER, False] if second else [20, "0x" + "d" * 64, GENESIS, False]
        return {"latest": latest} if here else {"block_height": 5.0}

    net = Net(bft=bft)
    net.tampers.append(lambda t, node, shown: {"block_height": 5.0} if t < 40 else shown)
    net.tampers.append(tamper)
    net.run(42)
    row = net.judge()["linkage", None]
    assert (row.verdict, row.begin) == (expected, begin), row


def test_a_reorganisation_is_no_broken_link() -> None:
    assert quorum_switch("n0 n1", "n0 n1 n2 n3").verdict("linkage") is HELD


def test_heights_that_were_skipped_are_no_broken_link() -> None:
    net = Net(every=7.0)
    assert net.run(140).verdict("linkage") is HELD


def test_blocks_without_parents_leave_linkage_unknown() -> None:
    net = Net()
    net.tampers.append(lambda t, node, shown: {**shown, "latest": shown["latest"][:2]})
    assert net.run(40).verdict("linkage") is UNKNOWN
    assert net.verdict("agreement") is HELD


def test_the_same_hash_at_two_heights_breaks_linkage() -> None:
    net = Net()

    def same(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        height, _, parent, flag = shown["latest"]
        return {**shown, "latest": [height, OTHER, parent, flag]} if node == "n1" and 30 <= t < 34 else shown

    net.tampers.append(same)
    assert net.run(40).verdict("linkage") is BROKEN


def test_two_branches_final_at_different_heights_break_agreement() -> None:
    for branch, expected in ((False, HELD), (True, BROKEN)):
        net = Net(bft=False)
        net.minority_makes = True
        net.run(40)
        net.do("partition n0 n1 | n2 n3")

        def sparse(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
            fin = shown["fin"]
            odd = fin[0] % 2 == 1
            return {**shown, "fin": fin if odd is (node in {"n0", "n1"}) or fin[0] < 20 else None}

        net.tampers.append(sparse)
        net.run(30 if branch else 4)
        row = net.judge()["agreement", None]
        assert row.verdict is expected
        assert ("stands on" in row.observed) is branch
        assert row.begin < row.end
        assert net.verdict("linkage") is HELD
