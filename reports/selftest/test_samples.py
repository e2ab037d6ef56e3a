"""Samples in columns: what was put in is what comes out, of whatever kind, and stretches are as long as they can be."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from prowl.reports.samples import ANSWERED, MANY, MISSING, UNREAD, Sample, Samples, Track

VALUES: list[Any] = [
    0,
    0.0,
    1,
    1.0,
    True,
    None,
    "a",
    "",
    [],
    [1, "a"],
    [1, "b"],
    {},
    {"a": 1},
    {"a": None},
    [[1]],
    [1.5],
]


def kinds(sample: Sample) -> list[str]:
    """Return the values as text, which tells 1 from True."""
    return sorted(f"{name} {value!r}" for name, value in sample.values.items())


@pytest.mark.parametrize("seed", range(20))
def test_what_is_put_in_comes_out_in_the_order_of_time(seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        Sample(
            float(chance.randrange(40)),
            chance.choice("ab"),
            {name: chance.choice(VALUES) for name in "uvw" if chance.random() < 0.6},
            chance.choice([None, "TimeoutError"]),
            chance.choice([None, "running"]),
        )
        for _ in range(60)
    ]
    kept = Samples(rows)
    expected = sorted(rows, key=lambda row: row.t)
    assert kept == tuple(expected)
    assert [kinds(row) for row in kept] == [kinds(row) for row in expected]
    assert [row.answered for row in kept] == [bool(row.values) for row in expected]
    assert kept[3] == expected[3]
    assert kept[2:5] == tuple(expected[2:5])
    for node in "ab":
        of_node = [row for row in expected if row.node == node]
        track = kept.tracks[node]
        assert track == of_node
        assert list(track.between(10.0, 20.0)) == [row for row in of_node if 10 <= row.t < 20]
        output = [value for begin, end, value in track.runs("u") for _ in range(begin, end)]
        assert [None if value is MISSING else value for value in output] == [row.values.get("u") for row in of_node]
        both = [value for begin, end, value in track.together("u", "w") for _ in range(begin, end)]
        assert both == [(row.values.get("u"), row.values.get("w")) for row in of_node]


def track(*rows: dict[str, Any] | None) -> Track:
    found = Track("a")
    for number, row in enumerate(rows):
        found.append(float(number), number, row or {}, None if row else f"error {number}", None)
    return found


def test_stretches_end_only_where_the_value_does() -> None:
    kept = track({"x": 1}, {"x": 1, "y": 2}, None, None, {"y": 2}, {"x": 1.0, "y": 2})
    assert list(kept.answers()) == [(0, 2, True), (2, 4, False), (4, 6, True)]
    assert list(kept.answers(1, 3)) == [(1, 2, True), (2, 3, False)]
    assert list(kept.runs("x")) == [(0, 2, 1), (2, 5, MISSING), (5, 6, 1.0)]
    assert next(kept.runs("y")) == (0, 1, MISSING)
    assert list(kept.runs("z")) == [(0, 6, MISSING)]
    assert list(kept.together("z", ANSWERED)) == [(0, 2, (None, True)), (2, 4, (None, False)), (4, 6, (None, True))]
    assert list(Track("a").runs("x")) == list(Track("a").together("x")) == []


@pytest.mark.parametrize("odd", [None, 1, "x", [1.0]])
def test_many_numbers_are_numbers_still(odd: Any) -> None:
    values = [number / 7 for number in range(MANY + 5)]
    kept = track(*[{"x": value} for value in [*values, odd, 0.5]])
    assert [row.values["x"] for row in kept] == [*values, odd, 0.5]


def test_a_lookup_backwards_finds_what_one_forwards_does() -> None:
    kept = track(*[{"x": number // 3} for number in range(30)])
    assert [kept[number].values["x"] for number in (29, 0, 15, 14, 3, 2)] == [9, 0, 5, 4, 1, 0]
    assert kept[-1].values == {"x": 9}
    with pytest.raises(KeyError):
        kept[0].values["y"]
    with pytest.raises(KeyError):
        kept[0].values[ANSWERED]
    with pytest.raises(IndexError):
        kept[30]


def test_what_nobody_reads_is_not_kept() -> None:
    kept = Samples([Sample(1.0, "a", {**dict.fromkeys(UNREAD, 1.0), "x": 2})])
    assert kept[0].values == {"x": 2}


@pytest.mark.parametrize(
    "ask",
    [
        lambda track, name: list(track.runs(name)),
        lambda track, name: list(track.together("x", name)),
        lambda track, name: track[0].values.get(name),
        lambda track, name: track[0].values[name],
    ],
    ids=["runs", "together", "get", "item"],
)
def test_who_reads_what_is_not_kept_is_told_and_does_not_take_it_for_missing(
    ask: Callable[[Track, str], object],
) -> None:
    kept = Samples([Sample(1.0, "a", {**dict.fromkeys(UNREAD, 1.0), "x": 2})]).tracks["a"]
    for name in UNREAD:
        with pytest.raises(LookupError, match=f"{name} is kept of no recording.*UNREAD in prowl.reports.samples"):
            ask(kept, name)
    assert ask(kept, "x"), "what is kept is there"


@pytest.mark.parametrize(("t", "order", "count"), [(1.0, 0, 1), (1.0, 1, 1), (1.0, 2, 2), (0.5, 9, 1), (9.0, 0, 3)])
def test_how_many_came_before(t: float, order: int, count: int) -> None:
    assert track({"x": 1}, {"x": 1}, {"x": 1}).before(t, order) == count
