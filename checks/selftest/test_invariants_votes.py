"""A block without a quorum's votes: who was started and refuses can't have voted, unless a vote of it is seen."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.network_state import Stretch, world_of
from prowl.checks.selftest.network import Net, Tamper
from prowl.reports.timeline import Header, Sample, Timeline

HELD, BROKEN = Verdict.HELD, Verdict.BROKEN
BLOCK = 51  # made by n0 and n1 alone, at 146 s


def status(node: str, height: object, prepare: object, commit: object = 0, begin: float = 0.0) -> Tamper:
    bft = {"height": height, "phase": "prepare", "prepareVotes": prepare, "commitVotes": commit}
    return lambda t, name, shown: {**shown, "bft": bft} if name == node and t >= begin and "err" not in shown else shown


def error(kind: str, begin: float = 140.0, end: float = 999.0) -> Tamper:
    return lambda t, name, shown: {"err": kind} if "err" in shown and begin <= t < end else shown


def shows(node: str, begin: float, **values: Any) -> Tamper:
    return lambda t, name, shown: {**shown, **values} if name == node and t >= begin and "err" not in shown else shown


def gone(key: str, begin: float) -> Tamper:
    return lambda t, name, shown: {each: shown[each] for each in shown if each != key or t < begin}


def network(*tampers: Tamper, makes: bool = True, event: str = "start n2", **header: Any) -> Net:
    """Of three nodes one is started at 140 s and answers from 150 s on; at 146 s the two others show a new block."""
    net = Net(3, addresses={"n2": "0xN2"}, **header)
    net.tampers += tampers
    net.run(100)
    net.do("kill n2")
    net.run(40)
    net.boot_seconds = 10.0
    net.do(event)
    net.run(6)
    net.minority_makes = makes
    net.run(1)
    net.minority_makes = False
    net.run(20)
    return net


@pytest.mark.parametrize(
    ("tampers", "expected"),
    [
        ((), BROKEN),
        ((error("ConnectionRefusedError"),), BROKEN), ((error("URLError"),), BROKEN),
        ((error("TimeoutError"),), HELD), ((error("ConnectionResetError"),), HELD),
        ((error("ServerDisconnected"),), HELD), ((error("TimeoutError", 147.0),), BROKEN),
        ((error("TimeoutError", 146.5),), HELD),
        ((status("n0", BLOCK, 3),), HELD), ((status("n0", BLOCK, 2, 3),), HELD), ((status("n1", hex(BLOCK), 3),), HELD),
        ((status("n0", BLOCK, 2, 2),), BROKEN), ((status("n0", BLOCK - 1, 3),), BROKEN),
        ((status("n0", BLOCK, "3"),), BROKEN), ((shows("n0", 0.0, bft=[BLOCK, 3]),), BROKEN),
        ((shows("n2", 150.0, voted=BLOCK),), HELD), ((shows("n2", 150.0, voted=BLOCK + 1),), BROKEN),
        ((shows("n1", 150.0, voted=BLOCK),), BROKEN),
        ((shows("n0", 146.0, miner="0xn2"), shows("n1", 146.0, miner="0xn2")), HELD),
        ((shows("n0", 146.0, miner="0xn1"), shows("n1", 146.0, miner="0xn1")), BROKEN),
    ],
)  # fmt: skip
def test_who_was_started_and_refuses_has_not_voted(tampers: tuple[Tamper, ...], expected: Verdict) -> None:
    row = network(*tampers).judge()["no-progress-without-quorum", None]
    assert row.verdict is expected, row
    assert ("n2 had not answered yet since its start" in row.observed) is (expected is BROKEN)


def test_without_a_new_block_nothing_is_wrong_and_without_a_start_all_is_as_it_was() -> None:
    assert network(makes=False).verdict("no-progress-without-quorum") is HELD
    assert network(event="a note").verdict("no-progress-without-quorum") is BROKEN
    assert ("no-progress-without-quorum", None) not in network(bft=False).judge()


def test_it_says_what_the_bft_status_shows_once_the_block_is_there() -> None:
    row = network(status("n0", BLOCK, 1), status("n1", BLOCK, 2, 0)).judge()["no-progress-without-quorum", None]
    assert row.observed.endswith("; 2 of 3 votes in the BFT status of n1")
    before = network(status("n0", BLOCK, 2), gone("bft", 146.0)).judge()["no-progress-without-quorum", None]
    assert "BFT status" not in before.observed


@pytest.mark.parametrize(
    ("stakes", "fewest"),
    [
        ({}, 3), ({"n0": 1, "n1": 1, "n2": 1, "n3": 1}, 3), ({"n0": 70, "n1": 10, "n2": 10, "n3": 10}, 1),
        ({"n0": 66, "n1": 34}, 2), ({"n0": 2, "n1": 1}, 2), ({"n0": 67, "n1": 33}, 1),
        ({"n0": 4, "n1": 3, "n2": 3}, 2), ({"n0": 3, "n1": 3, "n2": 3}, 3),
    ],
)  # fmt: skip
def test_the_fewest_voters_are_the_heaviest(stakes: dict[str, int], fewest: int) -> None:
    nodes = ("n0", "n1", "n2", "n3")
    timeline = Timeline(Header(nodes=nodes, stakes=stakes), (), (Sample(0.0, "n0", {"x": 1}),), ())
    assert world_of(timeline).fewest_voters == fewest


def test_a_node_is_mute_from_its_start_to_its_last_refusal() -> None:
    world = world_of(network().timeline())
    assert world.mute == {"n0": (), "n1": (), "n2": (Stretch(140.0, 149.5),)}
    assert [world.mute_at(t) for t in (139.9, 140.0, 149.4, 149.5)] == [set(), {"n2"}, {"n2"}, set()]
    again = Net(3).run(100)
    again.do("restart n2")
    again.nodes["n2"].ready_at = again.t
    again.run(3)  # the old process goes on answering
    again.nodes["n2"].ready_at = again.t + 5
    again.run(20)
    assert world_of(again.timeline()).mute["n2"] == (Stretch(103.0, 107.5),)


def test_the_first_block_without_a_quorum_is_told() -> None:
    net = Net(4).run(100)
    net.do("partition n0 n1 | n2 n3")
    net.run(20)
    net.extend("n2 n3")
    net.run(10)
    net.extend("n0 n1")
    row = net.run(10).judge()["no-progress-without-quorum", None]
    assert row.observed.startswith("n2 shows block 51 "), row
    assert (row.begin, row.end) == (100.0, 120.0)


@pytest.mark.parametrize(("later", "expected"), [(0.0, HELD), (0.5, BROKEN)])
def test_only_with_its_first_answer_a_node_may_show_a_block_that_it_alone_had(later: float, expected: Verdict) -> None:
    """It is started at 140 s and answers from 145 s on."""
    net = Net(5).run(100)
    net.do("kill n2 n3 n4")
    net.do("partition n0 n1 n2 n3 | n4")
    net.run(40)
    net.do("start n4")
    net.run(5 + later)
    net.extend("n4")
    assert net.run(30).verdict("no-progress-without-quorum") is expected
