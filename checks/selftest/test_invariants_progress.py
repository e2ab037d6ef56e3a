"""Progress with a quorum, after a heal, and none without: each hit with its nearest miss."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.pace import pace_of
from prowl.checks.selftest.network import Net, change, silent

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
PAUSE, HEAL, GRACE = 20.0 + 65.0, 20.0 + 125.0, 60.0
"""What a network with blocks every 2 s and COC's time-outs is allowed, seconds."""
STEP = 0.5


def healthy(seconds: float = 100, nodes: int = 4, **header: Any) -> Net:
    return Net(nodes, **header).run(seconds)


# --- the block interval ----------------------------------------------------------------------------------------------


def test_the_interval_is_measured_before_the_fault() -> None:
    net = healthy()
    net.do("kill n3")
    net.stand(80)
    assert pace_of(net.timeline()).interval == pytest.approx(2.0)


def test_a_young_chain_has_the_interval_of_its_key_and_else_what_was_measured() -> None:
    net = Net(block_interval_seconds=3.0).run(10)
    assert pace_of(net.timeline()).interval == 3.0
    assert pace_of(Net().run(10).timeline()).interval == pytest.approx(2.0)
    assert pace_of(Net().run(1).timeline()).interval is None
    assert pace_of(Net(block_interval_seconds=3.0).run(100).timeline()).interval == pytest.approx(2.0)


@pytest.mark.parametrize(("stamp", "expected"), [(1.5, 1.5), (None, 2.0)])
def test_stamps_go_before_heights_seen(stamp: float | None, expected: float) -> None:
    net = Net()

    def stamped(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "stamp": shown["latest"][0] * stamp} if stamp else shown

    net.tampers.append(stamped)
    assert pace_of(net.run(100).timeline()).interval == pytest.approx(expected)


def test_stamps_in_seconds_are_too_coarse_for_a_fast_chain() -> None:
    net = Net(interval=0.2, every=0.1)
    net.tampers.append(lambda t, node, shown: {**shown, "stamp": int(t)})
    found = pace_of(net.run(6).timeline())
    assert found.how == "by the heights seen"
    assert found.interval == pytest.approx(0.2)


# --- progress with a quorum ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "expected"), [(PAUSE - STEP, HELD), (PAUSE, HELD), (PAUSE + 2 * STEP, BROKEN)])
def test_a_pause_of_the_allowance_and_a_sample(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.run(_to_block(net) + STEP)  # a block is just seen
    net.stand(seconds - STEP)
    net.run(20)
    row = net.judge()["progress-with-quorum", None]
    assert row.verdict is expected, row


@pytest.mark.parametrize(("seconds", "expected"), [(PAUSE - 5, HELD), (PAUSE + 5, BROKEN)])
@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_a_network_of_few_nodes_is_judged_too(nodes: int, seconds: float, expected: Verdict) -> None:
    assert healthy(nodes=nodes).stand(seconds).verdict("progress-with-quorum") is expected


def _to_block(net: Net) -> float:
    return max(0.0, net.next_block - net.t)


def test_a_pause_at_the_end_counts_though_no_block_ended_it() -> None:
    assert healthy().stand(PAUSE + 5).verdict("progress-with-quorum") is BROKEN
    assert healthy().stand(PAUSE - 5).verdict("progress-with-quorum") is HELD


@pytest.mark.parametrize(("before", "expected"), [(50.0, HELD), (70.0, BROKEN)])
def test_a_start_not_long_before_gives_its_grace(before: float, expected: Verdict) -> None:
    net = healthy()
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(before)
    net.stand(PAUSE + 30)
    assert net.verdict("progress-with-quorum") is expected


def test_a_start_after_the_allowance_does_not_excuse_a_pause() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(70)
    net.stand(PAUSE + 3)
    net.do("start n3")
    net.run(20)
    assert net.verdict("progress-with-quorum") is BROKEN


def test_time_without_a_quorum_is_no_pause() -> None:
    net = healthy()
    net.do("kill n2 n3")
    net.run(300)
    net.do("start n2 n3")
    net.run(20)
    assert net.not_held() == set()


@pytest.mark.parametrize(
    ("seconds", "comes", "expected"),
    [
        (PAUSE - 3, False, HELD), (PAUSE + 3, False, UNKNOWN), (PAUSE + 3, True, HELD),
        (HEAL - 3, False, UNKNOWN), (HEAL - 3, True, HELD), (HEAL + 3, False, BROKEN), (HEAL + 3, True, BROKEN),
    ],
)  # fmt: skip
def test_a_quorum_that_came_back_has_the_allowance_of_a_heal(seconds: float, comes: bool, expected: Verdict) -> None:
    net = healthy()
    net.do("partition n0 n1 | n2 n3")
    net.run(60)
    net.do("heal")
    net.stand(seconds)
    net.run(20 if comes else 0)
    assert net.verdict("progress-with-quorum") is expected


def test_stretches_with_a_quorum_are_judged_one_by_one_and_what_is_owed_after_a_heal_together() -> None:
    net = healthy()
    for _ in range(3):
        net.do("partition n0 n1 | n2 n3")
        net.stand(60)
        net.do("heal")
        net.stand(PAUSE - 10)
    assert net.verdict("progress-with-quorum") is HELD
    assert net.verdict("progress-after-heal") is BROKEN


def test_what_of_a_pause_came_before_the_quorum_was_lost_counts() -> None:
    net = healthy()
    net.stand(PAUSE + 5)
    net.do("kill n2 n3")
    net.run(30)
    assert net.verdict("progress-with-quorum") is BROKEN


def test_time_in_which_the_recorder_was_starved_accuses_nobody_and_excuses_no_more_than_itself() -> None:
    net = healthy()
    net.away(PAUSE + 20)
    net.run(20)
    assert net.verdict("progress-with-quorum") is UNKNOWN
    net = healthy()
    net.away(PAUSE - 20)
    net.run(20)
    assert net.verdict("progress-with-quorum") is HELD
    net = healthy()
    net.halted = True
    net.run(5)
    net.away(PAUSE)  # the height stands across it, but the nodes may have been starved as the recorder was
    net.run(5)
    assert net.verdict("progress-with-quorum") is UNKNOWN
    net = healthy()
    net.halted = True
    net.run(5)
    net.away(3)
    net.run(PAUSE)
    assert net.verdict("progress-with-quorum") is BROKEN


def test_a_block_owed_after_a_heal_is_not_counted_against_a_starved_machine() -> None:
    for starved, verdict in ((True, UNKNOWN), (False, BROKEN)):
        net = healthy()
        net.do("kill n3")
        net.run(20)
        net.do("start n3")
        net.halted = True
        (net.away if starved else net.run)(200)
        net.run(20)
        assert net.verdict("progress-after-heal") is verdict


def test_a_recorder_that_samples_rarely_accuses_nobody() -> None:
    net = Net(every=30.0)
    net.run(1200)
    assert net.verdict("progress-with-quorum") is HELD


def test_a_stalled_network_whose_nodes_do_not_answer_is_unknown() -> None:
    net = healthy()
    for node in net.nodes:
        net.tampers.append(silent(node, net.t))
    net.run(200)
    assert net.verdict("progress-with-quorum") is HELD  # up to where it was seen
    net.tampers = [silent("n3", 100), silent("n2", 100)]
    net = healthy()
    net.tampers = [silent("n2", net.t), silent("n3", net.t)]
    net.stand(200)
    assert net.verdict("progress-with-quorum") is UNKNOWN


def test_without_an_interval_a_short_pause_is_held_and_a_long_one_unknown() -> None:
    assert Net().run(1).stand(60).verdict("progress-with-quorum") is HELD
    assert Net().run(1).stand(66).verdict("progress-with-quorum") is UNKNOWN


def test_one_node_that_lies_about_its_tip_makes_no_progress() -> None:
    net = healthy()
    lying = net.t

    def lie(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if node == "n1" and t >= lying:
            return {**shown, "latest": [int(t * 10), "0x" + f"{int(t * 10):064x}", "0x" + "c" * 64, False]}
        return shown

    net.tampers.append(lie)
    assert net.stand(PAUSE + 5).verdict("progress-with-quorum") is BROKEN


# --- progress after a heal -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [("kill n2 n3", "start n2 n3"), ("partition n0 n1 | n2 n3", "heal"),
                                   ("pause n0 n1 n2", "unpause n0 n1 n2")])  # fmt: skip
@pytest.mark.parametrize(
    ("owed", "ends", "expected"),
    [(HEAL - 2, True, HELD), (HEAL - 2, False, UNKNOWN), (HEAL + 2, True, BROKEN), (HEAL + 2, False, BROKEN)],
)
def test_a_block_is_owed_after_a_heal(fault: tuple[str, str], owed: float, ends: bool, expected: Verdict) -> None:
    net = healthy()
    net.do(fault[0])
    net.run(60)
    net.do(fault[1])
    net.stand(owed)
    if ends:
        net.run(20)
    row = net.judge()["progress-after-heal", None]
    assert row.verdict is expected, row
    assert net.verdict("no-progress-without-quorum") is HELD


@pytest.mark.parametrize(("second", "expected"), [(60.0, UNKNOWN), (90.0, BROKEN)])
def test_a_heal_without_progress_stays_owed_across_later_faults(second: float, expected: Verdict) -> None:
    net = healthy()
    for seconds in (70.0, second):
        net.do("partition n0 n1 | n2 n3")
        net.stand(100)
        net.do("heal")
        net.stand(seconds)
    assert net.verdict("progress-after-heal") is expected


def test_a_heal_that_gives_no_quorum_owes_nothing_yet() -> None:
    net = healthy(nodes=5)
    net.do("kill n2 n3 n4")
    net.run(20)
    net.do("start n4")
    net.run(300)
    assert net.verdict("progress-after-heal") is UNKNOWN
    net.do("start n3")
    net.run(30)
    assert net.verdict("progress-after-heal") is HELD


def test_no_heal_no_row() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(30)
    assert net.verdict("progress-after-heal") is None


# --- no progress without a quorum ------------------------------------------------------------------------------------

LOSSES = ["kill n2 n3", "pause n0 n1", "partition n0 n1 | n2 n3", "partition n0 | n1 | n2 n3"]


@pytest.mark.parametrize("fault", LOSSES)
@pytest.mark.parametrize("makes", [False, True])
def test_blocks_without_a_quorum_are_seen(fault: str, makes: bool) -> None:
    net = healthy()
    net.minority_makes = makes
    net.do(fault)
    net.run(60)
    assert net.verdict("no-progress-without-quorum") is (BROKEN if makes else HELD)


@pytest.mark.parametrize(("seconds", "expected"), [(4.0, HELD), (14.0, BROKEN)])
def test_blocks_that_were_on_their_way_are_fair(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.minority_makes = True
    net.do("kill n2 n3")
    net.run(seconds)
    net.minority_makes = False
    net.run(40)
    assert net.verdict("no-progress-without-quorum") is expected


def test_each_side_of_a_partition_is_judged_by_itself() -> None:
    for makes, expected in ((False, HELD), (True, BROKEN)):
        net = healthy()
        net.minority_makes = makes
        net.do("partition n0 n1 n2 | n3")
        net.run(60)
        row = net.judge()["no-progress-without-quorum", None]
        assert row.verdict is expected
        assert "n3" in row.observed
        assert net.verdict("progress-with-quorum") is HELD


def test_a_cut_that_does_not_hold_is_no_progress_of_the_minority() -> None:
    net = healthy()
    net.events.append(type(net.timeline().events)([])[0] if False else _event(net, "partition n0 n1 n2 | n3"))
    net.run(60)  # the event says so, but n3 goes on with the rest
    assert net.verdict("no-progress-without-quorum") is HELD


def _event(net: Net, text: str) -> Any:
    before = list(net.sides)
    net.do(text)
    net.sides = before
    return net.events.pop()


def test_a_node_that_comes_back_without_a_quorum_may_show_the_block_that_only_it_had() -> None:
    for blocks, expected in ((1, HELD), (2, HELD), (3, BROKEN)):
        net = healthy(nodes=5)
        net.halted = True
        net.extend("n4", blocks, tag="")
        net.do("kill n2 n3 n4")
        net.run(40)
        net.do("start n4")
        net.run(40)
        assert net.verdict("no-progress-without-quorum") is expected, blocks


def test_catching_up_behind_a_cut_is_no_progress() -> None:
    net = healthy(nodes=5)
    net.do("kill n4")
    net.run(40)
    net.do("partition n0 n1 | n2 n3 n4")
    net.run(30)
    net.do("start n4")
    net.run(30)
    assert net.verdict("no-progress-without-quorum") is HELD


def test_a_node_that_was_killed_and_goes_on_answering_may_be_up() -> None:
    net = healthy()
    for text in ("kill n2", "kill n3"):
        net.do(text)
    net.nodes["n3"].up = True  # that kill had no effect
    net.run(60)
    assert net.verdict("no-progress-without-quorum") is None


def test_no_row_where_a_quorum_was_always_up() -> None:
    net = healthy()
    net.do("kill n3")
    net.run(60)
    assert net.verdict("no-progress-without-quorum") is None


def test_heights_alone_will_do_where_a_recorder_has_no_hashes() -> None:
    for makes, expected in ((False, HELD), (True, BROKEN)):
        net = Net()
        for node in net.nodes:
            net.tampers.append(change(node, 0, latest=None, fin=None))
        net.run(100)
        net.minority_makes = makes
        net.do("kill n2 n3")
        net.run(60)
        assert net.verdict("no-progress-without-quorum") is expected
        assert net.verdict("agreement") is UNKNOWN
