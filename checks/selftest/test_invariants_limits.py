"""The limits of the model of who is up, on each and beside it."""

from __future__ import annotations

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.network_state import Presence, Stretch, World
from prowl.checks.selftest.network import Net, change, silent
from prowl.reports.events import Event, Phase

UP, DOWN, SILENT, STARTING = Presence.UP, Presence.DOWN, Presence.SILENT, Presence.STARTING


def phases(net: Net, node: str = "n3") -> list[tuple[float, Presence]]:
    found: list[tuple[float, Presence]] = []
    for span in World(net.timeline()).spans:
        if not found or found[-1][1] is not span.phases[node]:
            found.append((span.begin, span.phases[node]))
    return found


@pytest.mark.parametrize(
    ("size", "down", "quorum"), [(1, 0, True), (2, 0, True), (2, 1, False), (6, 1, True), (6, 2, False), (7, 2, True)]
)
def test_two_thirds_exactly_are_no_quorum(size: int, down: int, quorum: bool) -> None:
    world = World(Net(size).run(1).timeline())
    assert world.has_quorum(list(world.stakes)[down:]) is quorum
    assert not world.has_quorum([])
    assert not world.has_quorum(["nobody"])


@pytest.mark.parametrize(("seconds", "phase"), [(60.0, STARTING), (60.5, SILENT)])
def test_a_start_lasts_for_its_grace(seconds: float, phase: Presence) -> None:
    net = Net().run(10)
    net.do("kill n3")
    net.run(10)
    net.boot_seconds = seconds
    net.do("start n3")
    net.run(seconds + 10)
    assert phases(net) == [(0, UP), (10, DOWN), (20, phase), (20 + seconds, UP)]


@pytest.mark.parametrize(("late", "expected"), [(0.0, [(0, UP), (20, STARTING), (25, UP)]), (0.5, [(0, UP)])])
def test_what_a_node_answers_just_when_it_is_started_is_not_the_started_ones_answer(
    late: float, expected: list[tuple[float, Presence]]
) -> None:
    net = Net().run(20)
    net.tampers.append(lambda t, node, shown: {"peers_connected": 3.0} if (t, node) == (20 + late, "n3") else shown)
    net.do("start n3")
    assert phases(net.run(40)) == expected


@pytest.mark.parametrize(("answers", "verdict"), [(True, Verdict.HELD), (False, Verdict.UNKNOWN)])
def test_without_bft_nothing_is_final_which_only_who_saw_blocks_can_say(answers: bool, verdict: Verdict) -> None:
    net = Net(bft=False)
    net.depth = 1000
    net.tampers += [silent(name, 0) for name in net.nodes] * (not answers)
    assert net.run(40).judge()["finality", None].verdict is verdict


def test_a_recording_may_begin_with_a_start() -> None:
    net = Net()
    net.tampers.append(silent("n3", 0, 20))
    assert phases(net.run(40)) == [(0, STARTING), (20, UP)]


@pytest.mark.parametrize(("seconds", "away"), [(9.5, False), (10.0, True)])
def test_a_silence_lasts_for_a_round_time_out(seconds: float, away: bool) -> None:
    net = Net()
    net.tampers.append(silent("n3", 20, 20 + seconds))
    assert phases(net.run(60)) == ([(0, UP), (20, SILENT), (20 + seconds, UP)] if away else [(0, UP)])


@pytest.mark.parametrize(("answers", "phase"), [(21, DOWN), (22, DOWN), (23, SILENT)])
def test_one_answer_of_a_killed_node_after_a_round_time_out_is_a_last_one(answers: int, phase: Presence) -> None:
    """A sample each half second: the 22nd is the first that comes more than ten seconds after the kill."""
    net = Net().run(10)
    net.do("kill n3")
    net.nodes["n3"].up = True
    net.run(answers / 2)
    net.nodes["n3"].up = False
    net.run(60)
    assert phases(net) == [(0, UP), (10, phase)]


def test_answers_just_before_the_start_are_those_of_the_start() -> None:
    for early, phase in ((9.5, DOWN), (12.0, SILENT)):
        net = Net().run(10)
        net.do("kill n3")
        net.run(40)
        net.nodes["n3"].up, net.nodes["n3"].ready_at = True, 0.0
        net.run(early)
        net.do("start n3")
        net.nodes["n3"].ready_at = 0.0
        net.run(20)
        assert phases(net) == [(0, UP), (10, phase), (50 + early, UP)]


def test_a_restart_is_away_from_when_its_process_ends() -> None:
    for gone, expected in ((4.0, [(0, UP), (10, SILENT), (22, UP)]), (70.0, [(0, UP), (80, SILENT), (92, UP)])):
        net = Net().run(10)
        net.do("restart n3")
        net.nodes["n3"].ready_at = net.t
        net.run(gone)
        net.nodes["n3"].ready_at = 22.0 if gone == 4.0 else 92.0
        net.run(40)
        assert phases(net) == expected


def test_the_clocks_run_while_a_quorum_is_there() -> None:
    net = Net().run(20)
    net.do("kill n2 n3")
    net.run(20)
    net.do("start n2 n3")
    net.run(20)
    world = World(net.timeline())
    for begin, end, seconds in (
        (0, 20, 20),
        (0, 30, 20),
        (10, 50, 20),
        (25, 35, 0),
        (40, 59.5, 19.5),
        (-5, 5, 5),
        (30, 20, 0),
    ):
        assert world.sure_seconds(begin, end) == world.possible_seconds(begin, end) == seconds, (begin, end)
    assert [world.counted("n3", *pair) for pair in ((0, 20), (20, 40), (40, 50), (0, 59.5))] == [20, 0, 10, 39.5]
    assert [world.at(t).begin for t in (-1, 0, 19.9, 20, 99)] == [0, 0, 0, 20, 59.5]
    # Until it last refused an answer a node that was started can't vote.
    assert [(span.begin, span.end) for span in world.over(10, 45)] == [(10, 20), (20, 40), (40, 44.5), (44.5, 45)]
    assert world.starts() == [40]


def test_a_starved_recorder_stops_the_clock() -> None:
    world = World(Net().run(20).away(10).run(10).timeline())
    assert world.sure_seconds(0, 40) == 29.5
    assert world.sure_seconds(22, 28) == 0
    assert world.possible_seconds(0, 40) == 39.5


def test_who_reaches_whom_changes_what_is_up_for_a_node() -> None:
    net = Net().run(10)
    net.do("kill n3")
    net.run(10)
    net.do("cut n1>n0")
    net.run(10)
    net.do("heal")
    net.run(10)
    world = World(net.timeline())
    assert world.changes_for("n0") == [0, 10, 20, 30]
    assert world.changes_for("n2") == [0, 10]
    assert world.changes_for("n3") == [0, 20, 30] or world.changes_for("n3") == [0]
    span = world.at(15)
    assert [world.started_quorum(span, node) for node in ("n0", "n3")] == [True, False]
    assert not world.started_quorum(world.at(25), "n0"), "n0 and n1 do not reach each other, and n3 is down"
    assert not world.started_quorum(world.at(25), "n2")
    assert sorted(world.component(span, "n0")) == ["n0", "n1", "n2"]
    assert world.component(span, "n3") == frozenset()


def test_a_hindered_node_is_none_that_is_counted_on() -> None:
    net = Net(3)
    net.events.append(Event(10.0, "starve", 1, Phase.INJECT, slow=("n2",)))
    world = World(net.run(20).timeline())
    assert (world.at(5).sure, world.at(15).sure, world.at(15).possible) == (True, False, True)
    assert not world.started_quorum(world.at(15), "n0")


def test_lies_last_until_the_liar_is_back() -> None:
    net = Net()
    lie = Event(10.0, "lie", 1, Phase.INJECT, liars=("n3",))
    net.events += [lie, Event(20.0, "over", 1, Phase.HEAL, restarted=("n3",))]
    net.tampers.append(silent("n3", 22.0, 30.0))
    world = World(net.run(40).timeline())
    assert world.lies("n3") == [Stretch(10.0, 30.0)]
    assert world.lies("n2") == []
    assert [sample.t for sample in world.honest("n3")][19:21] == [9.5, 30.0]
    assert [sorted(world.liars_until(t)) for t in (9.9, 10.0, 35.0)] == [[], ["n3"], ["n3"]]
    assert len(world.honest("n2")) == 80


@pytest.mark.parametrize(("seconds", "expected"), [(30.0, Verdict.HELD), (30.5, Verdict.BROKEN)])
def test_a_wrong_count_of_peers_is_allowed_for_three_round_time_outs_and_not_a_sample_more(
    seconds: float, expected: Verdict
) -> None:
    net = Net().run(50)
    net.tampers.append(change("n1", 50.0, 50.5 + seconds, peers_connected=0.0))
    assert net.run(60).verdict("peers", "n1") is expected


def test_a_loss_of_quorum_is_one_whatever_else_happens_in_it() -> None:
    """Three round time-outs count from the loss on, not from the next fault."""
    net = Net().run(100)
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.do("kill n2 n3")
    net.run(15)
    net.do("kill n1")
    row = net.run(25).judge()["signals", "n0"]
    assert row.verdict is Verdict.BROKEN
    assert (row.begin, row.end) == (130.5, 139.0), "from the first lie to the last"


def test_a_height_that_can_be_none_is_told_from_the_first_to_the_last() -> None:
    net = Net()
    net.tampers.append(change("n1", 20.0, 25.0, block_height=-1.0))
    row = net.run(40).judge()["signals", "n1"]
    assert (row.begin, row.end) == (20.0, 24.5)


@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_a_short_cut_owes_a_return_as_a_long_one_does(seconds: float) -> None:
    net = Net().run(20)
    net.do("partition n0 n1 n2 | n3")
    net.run(seconds)
    net.do("heal")
    rows = net.run(60).judge()
    assert rows["recovery", "n3"].verdict is Verdict.HELD
    assert ("recovery", "n0") not in rows


def test_a_heal_with_which_a_recording_ends_owes_nothing_in_it() -> None:
    net = Net().run(20)
    net.do("kill n2 n3")
    net.run(30)
    net.do("start n2 n3")
    assert net.verdict("progress-after-heal") is None
    net.run(1.0)
    assert net.verdict("progress-after-heal") is Verdict.UNKNOWN


def test_a_conflict_names_both_nodes() -> None:
    net = Net().run(40)
    chain = [*net.nodes["n1"].chain[:-1], "0x" + "a" * 64]
    net.tampers.append(change("n1", 40.0, latest=[len(chain), chain[-1], chain[-2], False], fin=None))
    row = net.stand(160).judge()["agreement", None]
    assert row.verdict is Verdict.BROKEN
    assert row.observed.startswith("n0 and n1 show different hashes at height 20 for")


@pytest.mark.parametrize(("size", "needed"), [(7, False), (6, True)])
def test_a_vote_is_proven_by_a_block_only_where_no_group_of_the_others_is_a_quorum(size: int, needed: bool) -> None:
    """One node is cut off all the time: of seven the others are five without the one that returns, of six four."""
    net = Net(size).run(20)
    *rest, back, away = net.nodes
    net.do(f"partition {' '.join(rest)} {back} | {away}")
    net.do(f"kill {back}")
    net.run(30)
    net.do(f"start {back}")
    row = net.run(60).judge()["recovery", back]
    assert row.verdict is Verdict.HELD
    assert ("could not come without its vote" in row.observed) is needed


@pytest.mark.parametrize(("seconds", "words"), [(20.0, "the longest pause with"), (120.0, "no block after height 50 ")])
def test_a_pause_is_told_as_what_it_is(seconds: float, words: str) -> None:
    row = Net().run(100).stand(seconds).judge()["progress-with-quorum", None]
    assert row.observed.startswith(words)


def test_a_node_that_lags_on_the_same_branch_is_on_no_other_one() -> None:
    """Another node shows another block for a while, at the height that the slow one has not reached."""
    net = Net().run(40)
    height, chain = net.nodes["n0"].height, net.nodes["n0"].chain
    net.tampers.append(change("n1", 40.0, latest=[height - 1, chain[-2], chain[-3], False], fin=None))
    net.tampers.append(change("n3", 40.0, 42.0, latest=[height, "0x" + "a" * 64, chain[-2], False], fin=None))
    row = net.stand(160).judge()["agreement", None]
    assert row.verdict is Verdict.HELD, row.observed
    assert f"first at height {height} on n0 and n3" in row.observed


def test_an_unknown_state_says_for_how_long_nobody_looked() -> None:
    net = Net().run(100)
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.do("kill n2 n3")
    net.away(20).run(15)
    net.away(10).run(2)
    row = net.judge()["signals", "n0"]
    assert row.verdict is Verdict.UNKNOWN
    assert "the recorder was starved for 30.0 s of it" in row.observed


def test_the_worst_pause_is_the_one_that_is_by_most_too_long() -> None:
    """A pause in a start's grace may last 145 s, any other 85 s."""
    net = Net().run(100)
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(20)
    net.stand(155)
    net.run(100)
    net.stand(125)
    row = net.run(20).judge()["progress-with-quorum", None]
    assert row.observed.startswith("no block after height 115 for 127.0 s"), row.observed


def test_of_pauses_that_are_held_the_longest_is_told() -> None:
    net = Net().run(100)
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(20)
    net.stand(100)
    net.run(100)
    net.stand(80)
    row = net.run(20).judge()["progress-with-quorum", None]
    assert row.observed.startswith("the longest pause with a connected quorum was 102.0 s"), row.observed


@pytest.mark.parametrize(("second", "expected"), [(119.5, Verdict.HELD), (120.0, Verdict.BROKEN)])
def test_a_block_that_is_seen_just_when_a_fault_ends_is_none_that_came_after_it(
    second: float, expected: Verdict
) -> None:
    net = Net().run(100)
    net.do("partition n0 n1 | n2 n3")
    net.run(18.5)
    net.do("heal")
    net.run(second - net.t)
    net.do("restart n3")
    net.run(120.5 - net.t)
    assert net.stand(150).verdict("progress-after-heal") is expected


def test_no_progress_is_told_from_the_first_loss_of_a_quorum_to_the_end_of_the_last() -> None:
    net = Net().run(100)
    for _ in range(2):
        net.do("partition n0 n1 | n2 n3")
        net.run(30)
        net.do("heal")
        net.run(30)
    row = net.judge()["no-progress-without-quorum", None]
    assert (row.verdict, row.begin, row.end) == (Verdict.HELD, 100.0, 190.0)
