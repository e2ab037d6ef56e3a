"""What values mean, and what the gatherer makes of them: tips, finals, last looks."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants.history import Seen, digest, height_of_block, number, quantity, seen_of, whole
from prowl.checks.invariants.pace import Pace, pace_of
from prowl.checks.selftest.network import Net, change, silent
from prowl.reports.timeline import Header, Sample, Timeline

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "a_number", "a_height", "a_quantity"),
    [
        (5, 5.0, 5, 5), (5.0, 5.0, 5, 5), (0, 0.0, 0, 0), (0.0, 0.0, 0, 0), (-1, -1.0, None, None),
        (0.5, 0.5, None, None),
        (True, None, None, None), (False, None, None, None), (None, None, None, None), (NAN, None, None, None),
        (INF, None, None, None), ("5", None, None, None), ("0x5", None, None, 5), ("0xg", None, None, None),
        ("0x", None, None, None), ("x0x5", None, None, None), ([5], None, None, None), ({}, None, None, None),
    ],
)  # fmt: skip
def test_what_a_value_is(value: Any, a_number: float | None, a_height: int | None, a_quantity: int | None) -> None:
    assert (number(value), whole(value), quantity(value)) == (a_number, a_height, a_quantity)
    assert height_of_block([value, "0x1"]) == a_height


@pytest.mark.parametrize("value", [None, 5, "0x5", [], (), {}, "5"])
def test_what_is_no_block_has_no_height(value: Any) -> None:
    assert height_of_block(value) is None
    assert height_of_block((7,)) == 7


@pytest.mark.parametrize(
    ("value", "name"),
    [("0xAb", "0xab"), ("ab", "ab"), ("0x0", None), ("0x", None), ("", None), ("000", None), (5, None), (None, None)],
)
def test_a_hash_is_a_text_that_is_not_all_zeros(value: Any, name: str | None) -> None:
    assert digest(value) == name


def seen(*rows: tuple[float, str, int, str], bft: bool = True, stakes: dict[str, int] | None = None) -> Seen:
    samples = tuple(
        Sample(t, node, {"latest": [height, f"0x{name}", f"0x{height}", False]}) for t, node, height, name in rows
    )
    return seen_of(Timeline(Header(nodes=("a", "b", "c"), bft=bft, stakes=stakes or {}), (), samples, ()))


def test_the_networks_height_is_one_that_two_nodes_show() -> None:
    found = seen(
        (0, "a", 1, "a"), (1, "b", 1, "a"), (2, "a", 5, "e"), (3, "b", 3, "c"), (4, "c", 4, "d"), (5, "b", 5, "e")
    )
    assert [(tip.t, tip.height) for tip in found.tips] == [(1, 1), (3, 3), (4, 4), (5, 5)]
    assert [found.tip_at(t) for t in (0, 1, 2.9, 3, 99)] == [None, 1, 1, 3, 5]
    alone = seen((0, "a", 1, "a"), (1, "a", 2, "b"), (2, "a", 2, "b"))
    assert [(tip.t, tip.height, tip.last) for tip in alone.tips] == [(0, 1, 0), (1, 2, 2)]


def test_a_tip_was_last_seen_where_a_node_showed_no_more() -> None:
    found = seen(
        (0, "a", 1, "a"), (0, "b", 1, "a"), (1, "a", 2, "b"), (2, "c", 1, "a"), (3, "b", 2, "b"), (4, "c", 1, "a")
    )
    assert [(tip.t, tip.last) for tip in found.tips] == [(0, 2), (3, 4)]
    tied = seen((0, "a", 1, "a"), (0, "b", 1, "a"), (1, "c", 1, "a"), (1, "a", 2, "b"), (1, "b", 2, "b"))
    assert [(tip.t, tip.last) for tip in tied.tips] == [(0, 1), (1, 1)]
    alone = seen((0, "a", 1, "a"), (0, "b", 1, "a"), (3, "a", 5, "e"))
    assert [(tip.t, tip.last) for tip in alone.tips] == [(0, 0)], "nobody showed so little at 3 s"
    early = seen((0, "a", 1, "a"), (1, "b", 1, "a"), (2, "a", 1, "a"))
    assert [(tip.t, tip.last) for tip in early.tips] == [(1, 2)]


@pytest.mark.parametrize(
    ("shown", "run"),
    [
        ([], None), ([None, "0xA"], None), ([7], (7, None, None)), ([7, "0xA"], (7, "0xa", None)),
        ([7, "0xA", "0xB"], (7, "0xa", "0xb")), ([7, None, "0xB"], (7, None, "0xb")),
    ],
)  # fmt: skip
def test_a_block_may_be_shown_in_part(shown: list[Any], run: tuple[int, str | None, str | None] | None) -> None:
    samples = tuple(Sample(t, node, {"latest": shown}) for t, node in ((0.0, "a"), (1.0, "b"), (2.0, "a")))
    runs = seen_of(Timeline(Header(nodes=("a", "b")), (), samples, ())).runs["a"]
    assert [(each.first, each.last, each.height, each.hash, each.parent) for each in runs] == (
        [] if run is None else [(0.0, 2.0, *run)]
    )


@pytest.mark.parametrize(
    ("second", "clash", "parent"),
    [
        ([7, "0xa", "0xb"], False, "0xb"), ([8, "0xa", "0xb"], True, "0xb"), ([7, "0xa", "0xc"], True, "0xb"),
        ([7, "0xa"], False, "0xb"), ([8, "0xa"], True, "0xb"), ([8, "0xd", "0xb"], False, "0xb"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_a_hash_has_one_height_and_one_parent(second: list[Any], clash: bool, parent: str, turned: bool) -> None:
    first = [7, "0xa", "0xb"]
    rows = ((0.0, "a", second), (1.0, "b", first)) if turned else ((0.0, "a", first), (1.0, "b", second))
    samples = tuple(Sample(t, node, {"latest": latest}) for t, node, latest in rows)
    found = seen_of(Timeline(Header(nodes=("a", "b")), (), samples, ()))
    assert bool(found.clashes) is clash
    if not clash:
        assert found.shown["0xa"].parent == parent


@pytest.mark.parametrize(
    ("names", "bft", "stakes", "final"),
    [
        ("aaa", True, {}, True), ("aa", True, {}, False), ("aab", True, {}, False), ("aaa", False, {}, False),
        ("aa", True, {"a": 3, "b": 2, "c": 2}, True), ("aa", True, {"a": 1, "b": 1, "c": 1}, False),
        ("aa", True, {"a": 1, "b": 1}, True),
    ],
)  # fmt: skip
def test_final_is_what_a_quorum_stands_by(names: str, bft: bool, stakes: dict[str, int], final: bool) -> None:
    rows = [(float(at), "abc"[at], 7, name) for at, name in enumerate(names)]
    found = seen(*rows, bft=bft, stakes=stakes).finals
    assert bool(found) is final
    if final:
        (claim,) = found[7].values()
        assert (claim.t, claim.claimed) == (float(len(names) - 1), False)


@pytest.mark.parametrize(
    ("begin", "seconds"),
    [(160.0, 85.0), (159.9, 145.0), (100.0, 145.0), (15.1, 145.0), (15.0, 85.0), (500.0, 85.0)],
)
def test_a_start_gives_its_grace_to_the_pauses_near_it(begin: float, seconds: float) -> None:
    assert Pace(2.0, "", Header(), (100.0,)).pause_seconds(begin) == seconds
    assert Pace(2.0, "", Header(), ()).pause_seconds(begin) == 85.0
    assert Pace(None, "", Header(), (100.0,)).pause_seconds(begin) is None


def test_allowances_follow_the_interval_and_the_round_time_out() -> None:
    pace = Pace(3.0, "", Header(round_timeout_seconds=4.0, heal_seconds=50.0), ())
    assert (pace.heal_seconds, pace.signal_seconds) == (80.0, 12.0)
    assert Pace(None, "", Header(), ()).heal_seconds is None


def test_what_came_after_the_first_calm_is_not_measured() -> None:
    """Some blocks at first, then, after a fault, some that came in a burst."""
    net = Net(interval=3.0).run(16)
    net.do("kill n3")
    net.run(10)
    net.do("start n3")
    net.run(6)
    net.interval = 0.5
    net.run(3)
    found = pace_of(net.timeline())
    assert found.interval == pytest.approx(3.0)
    assert found.how.endswith("of 4 blocks only")


@pytest.mark.parametrize(("seconds", "unknown"), [(60.0, False), (70.0, True)])
def test_without_an_interval_a_state_can_not_be_judged(seconds: float, unknown: bool) -> None:
    net = Net(interval=1000.0)
    net.tampers.append(change("n0", 0, consensus_state=0.0))
    net.run(1)
    net.stand(seconds)
    row = net.judge()["signals", "n0"]
    assert (row.verdict.value == "unknown") is unknown, row
    assert ("the block interval is" in row.observed) is unknown
    listed = Net(interval=1000.0, block_interval_seconds=2.0)
    assert listed.run(71).verdict("signals", "n0").value == "held"  # type: ignore[union-attr]


@pytest.mark.parametrize(("resolution", "how"), [(0.25, "by the blocks' stamps"), (1.0, "by the heights seen")])
def test_a_moment_of_a_fast_chain_is_measured_by_fine_stamps(resolution: float, how: str) -> None:
    net = Net(interval=0.2, every=0.1)
    net.tampers.append(lambda t, node, shown: {**shown, "stamp": shown["latest"][0] * resolution})
    assert pace_of(net.run(0.9).timeline()).how.startswith(how)


def test_a_lone_silence_is_no_tip() -> None:
    net = Net(3)
    net.tampers += [silent("n1", 10.0, 12.0)]
    tips = seen_of(net.run(20).timeline()).tips
    assert [tip.height for tip in tips] == list(range(1, 11))


@pytest.mark.parametrize(
    ("fin", "final"), [([1, "0xa"], [1]), ([0, "0xa"], []), ([2, "0x0"], []), ([2], []), ([-1, "0xa"], [])]
)
def test_final_is_what_a_node_calls_so_from_block_1_on(fin: list[Any], final: list[int]) -> None:
    samples = (Sample(0.0, "a", {"latest": [5, "0xe"], "fin": fin}), Sample(1.0, "a", {"latest": [5, "0xe"]}))
    found = seen_of(Timeline(Header(nodes=("a", "b"), bft=False), (), samples, ()))
    assert list(found.finals) == final


@pytest.mark.parametrize(("fault", "interval"), [("a note", 3.5), ("unpause n3", 2.0), ("silence", 2.0)])
def test_all_is_well_until_something_is_done_or_a_node_is_away(fault: str, interval: float) -> None:
    net = Net(interval=2.0).run(24)
    if fault == "silence":
        net.tampers.append(silent("n3", net.t))
    else:
        net.do(fault)
    net.interval = 8.0
    net.run(33)
    net.do("kill n3")
    found = pace_of(net.run(30).timeline())
    assert found.interval == pytest.approx(interval, abs=0.3), found


def test_stamps_are_those_of_the_blocks_from_the_oldest_to_the_networks_height() -> None:
    """Block 5 is shown by one node alone, and block 1 is no block whose time says anything."""
    blocks = ((1, 1.5, "ab"), (2, 10.5, "ab"), (3, 14.5, "ab"), (4, 16.5, "ab"), (5, 99.5, "a"))
    samples = tuple(
        Sample(float(height), node, {"latest": [height, f"0x{height}"], "stamp": stamp})
        for height, stamp, nodes in blocks
        for node in nodes
    )
    found = pace_of(Timeline(Header(nodes=("a", "b")), (), samples, ()))
    assert (found.interval, found.how) == (3.0, "by the blocks' stamps, of 2 blocks only")
