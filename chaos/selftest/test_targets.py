"""Targets in words: each definition against every set there is, for few nodes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prowl.chaos.engine import targets
from prowl.chaos.engine.stakes import reported
from prowl.chaos.engine.targets import Words
from prowl.fixtures.network import Network, Node

COUNTS = st.lists(st.integers(0, 6) | st.just(10**18), min_size=1, max_size=7)
STAKES = COUNTS.map(lambda values: {f"node-{number}": stake for number, stake in enumerate(values, 1)})
SEEDS = st.integers(0, 50)
Stakes = dict[str, int]


def subsets(stakes: Stakes) -> Iterator[tuple[str, ...]]:
    staked = [name for name, stake in stakes.items() if stake]
    for size in range(1, len(staked) + 1):
        yield from combinations(sorted(staked), size)


def weight(stakes: Stakes, names: tuple[str, ...]) -> tuple[int, int]:
    return sum(stakes[name] for name in names), len(names)


DEFINITIONS: dict[str, tuple[Words, Callable[[int, int], bool], bool]] = {
    "minority": (targets.minority, lambda held, total: 3 * held < total, True),
    "third": (targets.third, lambda held, total: 3 * held > total, False),
    "too-many": (targets.too_many, lambda held, total: 3 * held >= total, False),
    "half": (targets.half, lambda held, total: 2 * held <= total, True),
}


@pytest.mark.parametrize("word", DEFINITIONS)
@settings(deadline=None)  # a busy machine proves nothing
@given(stakes=STAKES, seed=SEEDS)
def test_no_set_is_better(word: str, stakes: Stakes, seed: int) -> None:
    resolve, fits, largest = DEFINITIONS[word]
    total = sum(stakes.values())
    fitting = {weight(stakes, names) for names in subsets(stakes) if fits(weight(stakes, names)[0], total)}
    if not fitting:
        with pytest.raises(ValueError, match="No set of the"):
            resolve(stakes, random.Random(seed))
        return
    drawn = resolve(stakes, random.Random(seed))
    assert drawn in set(subsets(stakes))
    assert weight(stakes, drawn) == (max(fitting) if largest else min(fitting))
    assert drawn == resolve(dict(reversed(stakes.items())), random.Random(seed)), "the order of the table says nothing"


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, (0, 1, 1, 0)),
        (2, (0, 1, 1, 1)),
        (3, (0, 2, 1, 1)),
        (4, (1, 2, 2, 2)),
        (5, (1, 2, 2, 2)),
        (7, (2, 3, 3, 3)),
    ],
)
def test_of_equal_stakes(count: int, sizes: tuple[int, ...]) -> None:
    stakes = {f"node-{number}": 10**18 for number in range(count)}
    for (resolve, _fits, _largest), size in zip(DEFINITIONS.values(), sizes, strict=True):
        if size:
            assert len(resolve(stakes, random.Random(1))) == size
        else:
            with pytest.raises(ValueError, match=r"nodes? with stake"):
                resolve(stakes, random.Random(1))


def test_several_nodes_by_their_names_and_those_after_the_next_proposer() -> None:
    stakes = {f"node-{number}": 1 for number in range(1, 5)}
    assert targets.named("node-3", "node-1")(stakes, random.Random(0)) == ("node-3", "node-1")
    assert targets.word_of(targets.named("node-3", "node-1")) == "node-3, node-1"
    with pytest.raises(ValueError, match="No node is called 'node-9'"):
        targets.named("node-3", "node-9")(stakes, random.Random(0))
    assert targets.two_after_next(stakes, random.Random(0), "node-3") == ("node-4", "node-1")
    with pytest.raises(ValueError, match="Of 3 nodes two"):
        targets.two_after_next({"a": 1, "b": 1, "c": 1}, random.Random(0), "a")


def test_exactly_a_third_is_neither_minority_nor_third() -> None:
    stakes = {"a": 3, "b": 3, "c": 3}
    with pytest.raises(ValueError, match="less than a third of the stake: a 3, b 3, c 3"):
        targets.minority(stakes, random.Random(0))
    assert len(targets.third(stakes, random.Random(0))) == 2
    assert len(targets.too_many(stakes, random.Random(0))) == 1
    assert targets.third({"a": 4, "b": 3, "c": 3}, random.Random(0)) == ("a",)
    assert targets.minority({"a": 4, "b": 3, "c": 3}, random.Random(0)) in {("b",), ("c",)}


def test_chance_reaches_every_node_of_the_same_stake() -> None:
    stakes = dict.fromkeys(("a", "b", "c", "d"), 1)
    assert {targets.minority(stakes, random.Random(seed)) for seed in range(50)} == {("a",), ("b",), ("c",), ("d",)}
    assert len({targets.half(stakes, random.Random(seed)) for seed in range(200)}) == 6


def test_a_hundred_equal_nodes_are_resolved_and_too_many_stakes_refused() -> None:
    assert len(targets.minority({f"n{number}": 5 for number in range(100)}, random.Random(0))) == 33
    with pytest.raises(ValueError, match="Name the nodes"):
        targets.half({f"n{number}": number + 1 for number in range(21)}, random.Random(0))


@given(stakes=STAKES, seed=SEEDS)
def test_one_all_heaviest_and_ring(stakes: Stakes, seed: int) -> None:
    chance = random.Random(seed)
    assert set(targets.one(stakes, chance)) < {*stakes, ""}
    assert len(targets.one(stakes, chance)) == 1
    assert targets.all_nodes(stakes, chance) == tuple(sorted(stakes))
    (heavy,) = targets.heaviest(stakes, chance)
    assert stakes[heavy] == max(stakes.values())
    if len(stakes) < 4:
        with pytest.raises(ValueError, match="at least 4"):
            targets.ring(stakes, chance)
    else:
        assert sorted(targets.ring(stakes, chance)) == sorted(stakes)


def test_a_named_node_and_the_next_proposer() -> None:
    stakes = {"node-1": 1, "node-2": 1}
    chance = random.Random(0)
    assert targets.named("node-2")(stakes, chance) == ("node-2",)
    with pytest.raises(ValueError, match=r"there are node-1, node-2\. Did you mean 'node-2'"):
        targets.named("nod-2")(stakes, chance)
    assert targets.proposer_next(stakes, chance, "node-1") == ("node-1",)
    with pytest.raises(ValueError, match="only at a height"):
        targets.proposer_next(stakes, chance)
    with pytest.raises(ValueError, match="none of node-1, node-2"):
        targets.proposer_next(stakes, chance, "node-3")


@pytest.mark.parametrize("word", [targets.one, targets.minority, targets.all_nodes, targets.heaviest, targets.ring])
def test_no_nodes_and_negative_stakes_are_told(word: Words) -> None:
    with pytest.raises(ValueError, match="no node to choose from"):
        word({}, random.Random(0))
    with pytest.raises(ValueError, match="a is negative"):
        word({"a": -1, "b": 2, "c": 2, "d": 2}, random.Random(0))


def network(port: int, *stakes: int | None) -> Network:
    nodes = tuple(
        Node(f"n{number}", "validator", f"http://127.0.0.1:{port}", None, address=f"0x{number:040x}", stake=stake)
        for number, stake in enumerate(stakes)
    )
    return Network(nodes, None, 1, 1, 1, 0, True)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([{"address": f"0x{0:040X}", "stake": "0x5"}, {"address": f"0x{1:040x}", "stake": "7"}], {"n0": 5, "n1": 7}),
        ([{"address": f"0x{0:040x}", "stake": "0x5", "active": True}], {"n0": 5, "n1": 0}),
        ([{"address": f"0x{number:040x}", "active": number == 1} for number in (0, 1)], {"n0": 0, "n1": 3}),
        (None, {"n0": 1, "n1": 3}),
        ("no list", {"n0": 1, "n1": 3}),
    ],
    ids=["reported", "one is no validator", "listed without stakes", "no answer", "no list"],
)
def test_stakes_are_those_that_the_network_reports(
    monkeypatch: pytest.MonkeyPatch, answers: object, found: dict[str, int]
) -> None:
    monkeypatch.setattr("prowl.chaos.engine.stakes.ask", lambda _url, _method: answers)
    assert reported(network(1, None, 3)) == found


def test_nodes_that_report_different_stakes_name_no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = iter([[{"address": "0x1", "stake": "1"}], [{"address": "0x1", "stake": "2"}]])
    monkeypatch.setattr("prowl.chaos.engine.stakes.ask", lambda _url, _method: next(rows))
    with pytest.raises(ValueError, match="n1 and n0 report different"):
        reported(network(1, 1, 1))
