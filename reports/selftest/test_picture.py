"""The picture shows what the timeline holds, and its size does not grow with the recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from prowl.reports import picture
from prowl.reports.events import Event
from prowl.reports.picture import draw, ticks
from prowl.reports.recorded_words import translated
from prowl.reports.stretches import FaultStretch, faults_of, figures_of, height_of, silences_of
from prowl.reports.timeline import Gap, Header, Sample, Timeline

NODES = ("a", "b", "c", "d")


def timeline(
    events: tuple[tuple[float, str], ...] = (),
    samples: tuple[Sample, ...] = (),
    gaps: tuple[Gap, ...] = (),
    nodes: tuple[str, ...] = NODES,
) -> Timeline:
    output = translated((Event(t, text) for t, text in events), nodes)
    return Timeline(Header(nodes=nodes), output, samples, gaps)


def at(t: float, node: str, height: object) -> Sample:
    return Sample(t, node, {"block_height": height})


def silent(t: float, node: str) -> Sample:
    return Sample(t, node, {}, "ConnectionRefusedError")


def steady(node: str, seconds: int) -> tuple[Sample, ...]:
    return tuple(at(float(t), node, t // 2) for t in range(seconds + 1))


def drawn(*events: tuple[float, str]) -> list[tuple[float, float | None, str]]:
    return [(fault.begin, fault.end, fault.text) for fault in faults_of(timeline(events))]


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("kill a", "start a"),
        ("kill a", "start a b"),
        ("kill a", "restore a from the backup"),
        ("kill a", "wipe a"),
        ("kill a", "corrupt the log of a and restart"),
        ("terminate a", "start a"),
        ("pause a", "unpause a"),
        ("pause all", "unpause all"),
        ("partition a b | c d", "heal"),
        ("cut a>b", "heal"),
    ],
)
def test_a_fault_lasts_until_what_ends_it(down: str, up: str) -> None:
    assert drawn((10, down), (30, up)) == [(10, 30, down)]


@pytest.mark.parametrize(
    ("down", "other"),
    [("kill a", "start b"), ("kill a", "heal"), ("pause a", "unpause b"), ("partition a b | c d", "start a")],
)
def test_a_fault_is_not_ended_by_what_is_meant_for_another(down: str, other: str) -> None:
    assert drawn((10, down), (30, other)) == [(10, None, down), (30, 30, other)]


def test_a_fault_of_two_nodes_ends_with_the_second() -> None:
    assert drawn((10, "kill a b"), (20, "start a"), (30, "start b")) == [(10, 30, "kill a b")]
    assert drawn((10, "kill a b"), (20, "start a")) == [(10, None, "kill a b")]


def test_one_heal_ends_all_partitions_and_only_those() -> None:
    found = drawn((1, "cut a>b"), (2, "kill d"), (3, "partition a | b"), (9, "heal"))
    assert found == [(1, 9, "cut a>b"), (2, None, "kill d"), (3, 9, "partition a | b")]


def test_what_is_said_twice_is_drawn_once_and_the_frame_not_at_all() -> None:
    found = drawn((0, "cluster started"), (5, "wipe a"), (5, "wipe a"), (6, "a note"), (7, "end"))
    assert found == [(5, 5, "wipe a"), (6, 6, "a note")]


def test_the_nodes_of_a_fault_are_those_that_are_down() -> None:
    whole = timeline(((1, "kill a c"), (2, "partition a b | c d"), (3, "start a c")))
    assert faults_of(whole)[0] == FaultStretch(1, 3, "kill a c", "start a c", ("a", "c"))
    assert faults_of(whole)[1].down == ()


@pytest.mark.parametrize(
    ("values", "height"),
    [
        ({"latest": [7, "0x1", "0x0", False], "rpc_height": 6, "block_height": 5.0}, 7),
        ({"latest": [], "rpc_height": 6, "block_height": 5.0}, 6),
        ({"block_height": 5.0}, 5),
        ({"block_height": 0}, 0),
        ({"block_height": [5, 6]}, None),
        ({"block_height": "5"}, None),
        ({"block_height": True}, None),
        ({"block_height": float("nan")}, None),
        ({"block_height": float("inf")}, None),
        ({"block_height": 10**400}, None),
        ({"peers_connected": 3}, None),
    ],
)
def test_the_height_of_a_sample(values: dict[str, object], height: int | None) -> None:
    assert height_of(Sample(0, "a", values)) == height


def test_silence_lasts_from_the_first_missing_answer_to_the_next_answer() -> None:
    samples = (silent(0, "a"), at(1, "a", 1), silent(2, "a"), silent(3, "a"), at(4, "a", 2), silent(6, "a"))
    assert silences_of(samples) == [(0, 1), (2, 4), (6, 6)]
    assert silences_of((at(0, "a", 1), at(9, "a", 1))) == []


def test_figures_of_a_node() -> None:
    samples = (at(0, "a", 1), at(2, "a", 2), silent(5, "a"), at(9, "a", 4), at(10, "a", 4))
    found = figures_of(timeline(samples=samples), "a")
    assert (found.first, found.last, found.silent_seconds) == (1, 4, 4)
    assert (found.stood_seconds, found.stood_at) == (3, 2), "the silence after it is no time at one height"
    assert figures_of(timeline(samples=samples), "b").last is None


def test_a_gap_of_the_observer_is_neither_time_at_a_height_nor_a_silence() -> None:
    whole = timeline(samples=(at(0, "a", 1), at(9, "a", 1)), gaps=(Gap(8, 7, "starved"),))
    found = figures_of(whole, "a")
    assert (found.stood_seconds, found.silent_seconds) == (1, 0)
    assert len(draw(whole).gaps) == 1


def test_a_band_stands_where_its_fault_was() -> None:
    whole = timeline(((25, "kill b"), (75, "start b")), steady("a", 100))
    drawing = draw(whole)
    (band,) = drawing.bands
    width = drawing.right - drawing.left
    assert band.x == pytest.approx(drawing.left + width / 4, abs=0.2)
    assert band.width == pytest.approx(width / 2, abs=0.2)
    assert band.label == "kill b, 50 s"
    assert band.title == "kill b at 25.0 s, start b at 75.0 s"


def test_a_fault_that_never_ends_reaches_the_end_and_says_so() -> None:
    drawing = draw(timeline(((50, "kill b"),), steady("a", 100)))
    (band,) = drawing.bands
    assert band.x + band.width == pytest.approx(drawing.right, abs=0.2)
    assert "not ended" in band.label


def test_labels_of_bands_do_not_cover_each_other() -> None:
    events = [(float(t), f"wipe {NODES[t % 4]}") for t in range(0, 100, 5)]
    drawing = draw(timeline(tuple(events), steady("a", 100)))
    rows: dict[int, list[tuple[float, float]]] = {}
    for band in drawing.bands:
        length = len(band.label) * picture.LETTER
        start = band.label_x if band.anchor == "start" else band.label_x - length
        rows.setdefault(band.row, []).append((start, start + length))
    assert max(rows) < picture.MOST_LABEL_ROWS
    rows.pop(-1, None)  # those for which there was no room have none
    assert len(rows) > 1
    for spans in rows.values():
        assert all(end <= start for (_start, end), (start, _end) in pairwise(spans))


def test_a_line_is_solid_where_the_node_was_seen_and_dotted_where_not() -> None:
    samples = (at(0, "a", 1), at(40, "a", 2), silent(50, "a"), at(90, "a", 9), at(100, "a", 9))
    line = draw(timeline(samples=samples)).lines[0]
    assert line.solid.count("M") == 2
    assert line.dotted.count("M") == 1
    whole = draw(timeline(samples=(at(0, "a", 1), at(40, "a", 2), at(100, "a", 9)))).lines[0]
    assert (whole.solid.count("M"), whole.dotted) == (1, "")


def test_a_height_that_does_not_change_costs_nothing() -> None:
    few = draw(timeline(samples=(at(0, "a", 5), at(100, "a", 5)))).lines[0].solid
    many = draw(timeline(samples=tuple(at(t / 10, "a", 5) for t in range(1001)))).lines[0].solid
    assert few == many


@pytest.mark.parametrize(
    ("of", "most"),
    [
        (lambda t: at(t, "a", t), 10_000),
        (lambda t: at(t, "a", t % 977), 40_000),
        (lambda t: at(t, "a", t) if t % 2 else silent(t, "a"), 40_000),
    ],
    ids=["rising", "falling back", "flapping"],
)
def test_the_size_of_a_line_is_bounded(of: Callable[[int], Sample], most: int) -> None:
    drawing = draw(timeline(samples=tuple(of(t) for t in range(100_000))))
    size = sum(len(line.solid) + len(line.dotted) for line in drawing.lines)
    size += sum(len(lane.answers) + len(lane.silent) for lane in drawing.lanes)
    assert size < most


def test_a_fall_within_one_unit_of_width_is_still_drawn() -> None:
    rows = [at(t, "a", 50) for t in range(100_000)]
    assert draw(timeline(samples=tuple(rows))).lines[0].solid.count("v") == 0
    rows[50_000] = at(50_000, "a", 10)
    assert draw(timeline(samples=tuple(rows))).lines[0].solid.count("v") >= 2


def test_a_lane_says_in_words_why_there_is_no_answer() -> None:
    rows = [silent(t, "b") if 30 <= t <= 70 else at(t, "b", t) for t in range(101)]
    killed = draw(timeline(((30, "kill b"), (70, "start b")), tuple(rows)))
    left_alone = draw(timeline((), tuple(rows)))
    of_b = [next(lane for lane in each.lanes if lane.node == "b") for each in (killed, left_alone)]
    assert [word for lane in of_b for _x, _width, word in lane.words] == ["down, no answer", "no answer"]


def test_each_line_has_its_label_and_none_covers_another() -> None:
    samples = tuple(sample for node in NODES for sample in steady(node, 60))
    drawing = draw(timeline(samples=samples))
    assert [label.text for label in drawing.labels] == [f"{node}: 30" for node in NODES]
    ys = [label.y for label in drawing.labels]
    assert all(below - above >= picture.ROW - 0.1 for above, below in pairwise(ys))
    assert ys[-1] <= drawing.bottom
    assert len({line.style for line in drawing.lines}) == len({line.offset for line in drawing.lines}) == 4


def test_of_many_nodes_those_at_one_height_share_a_label_and_a_victim_keeps_its_own() -> None:
    nodes = tuple(f"node-{number}" for number in range(1, 51))
    samples = tuple(
        at(float(t), node, t // 2 if node != "node-49" else t // 4) for node in nodes for t in range(0, 61, 5)
    )
    events = ((10.0, "kill node-3"), (20.0, "start node-3"))
    drawing = draw(timeline(events, samples, nodes=nodes))
    assert {label.text for label in drawing.labels} == {"node-3: 30", "48 nodes: 30", "node-49: 15"}
    assert len(drawing.lines) == len(drawing.lanes) == 50
    assert [line.node for line in drawing.lines if line.style != picture.REST] == ["node-3"]


def test_more_nodes_than_can_be_drawn_are_told() -> None:
    nodes = tuple(f"node-{number}" for number in range(picture.MOST_NODES + 1))
    samples = tuple(at(0, node, 1) for node in nodes)
    assert draw(timeline(samples=samples, nodes=nodes)).notes == ("The first 100 of 101 nodes are drawn.",)
    assert draw(timeline(samples=samples[:-1], nodes=nodes[:-1])).notes == ()


@pytest.mark.parametrize(
    "samples",
    [
        (at(0, "a", 5),),
        (silent(0, "a"),),
        (at(0, "a", -3), at(1, "a", 2**62)),
        (at(-1e9, "a", 1), at(1e9, "a", 2)),
        (at(0, "a", "junk"), at(0, "a", None)),
        (at(0, "a" * 5000, 1),),
    ],
)
def test_any_timeline_can_be_drawn(samples: tuple[Sample, ...]) -> None:
    drawing = draw(timeline(samples=samples))
    text = " ".join(line.solid + line.dotted for line in drawing.lines)
    assert re.fullmatch(r"[Mhv0-9 -]*", text)
    assert drawing.right - drawing.left > picture.WIDTH / 2
    assert len(drawing.x_ticks) <= 12


def test_the_summary_tells_the_picture_to_those_who_do_not_see_it() -> None:
    whole = timeline(((20, "kill b"), (40, "start b")), steady("a", 60))
    assert draw(whole).summary == "Heights of 4 nodes over 60 s, from 0 to 30; kill b at 20 s to 40 s."


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"kill {' '.join(f'node-{number}' for number in range(20))}", "kill 20 nodes, not ended"),
        (
            f"partition {' '.join(f'node-{number}' for number in range(15))} | node-15 node-16",
            "partition 15 | 2 nodes, not ended",
        ),
        ("kill node-1", "kill node-1, not ended"),
    ],
)
def test_a_label_counts_the_nodes_where_there_is_no_room_for_names(text: str, label: str) -> None:
    nodes = tuple(f"node-{number}" for number in range(20))
    drawing = draw(timeline(((1, text),), (at(0, "node-1", 1), at(9, "node-1", 2)), nodes=nodes))
    assert [band.label for band in drawing.bands] == [label]


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 10, False, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (0, 100, False, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        (3, 5, True, [3, 4, 5]),
        (0.2, 0.4, True, [0.2]),
    ],
)
def test_ticks_are_round(low: float, high: float, whole: bool, expected: list[float]) -> None:
    assert ticks(low, high, 10, whole) == pytest.approx(expected)
