"""Where a check could lie about a network: its size, its peers, its quorum, its forks; the lie beside the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import test_daily as daily
from prowl.checks import test_gate as gate
from prowl.checks import test_truth as truth
from prowl.checks import test_validators as validators
from prowl.checks.selftest.survey_kit import (
    ADDRESSES,
    BROKEN,
    DECLARED,
    HEIGHT,
    HELD,
    NOW,
    UNKNOWN,
    answers,
    block,
    chain,
    look,
    node,
    survey,
    verdict,
)
from prowl.fixtures.survey.survey import NodeSurvey, Survey

SILENT = replace(DECLARED, validators=(), addresses={})


def named(count: int) -> list[dict[str, str]]:
    return [{"id": f"0x{number:040x}", "address": f"0x{number:040x}"} for number in range(1, count + 1)]


def alone(seen: NodeSurvey, **fields: Any) -> Survey:
    """A target that lists one node and expects nothing, as localhost does."""
    whole = survey(seen, declared=replace(SILENT, **fields))
    return replace(whole, nodes={seen.name: seen})


def peers(count: float, **fields: Any) -> NodeSurvey:
    return node(looks=[look(NOW - 1 + n, HEIGHT - 1 + n, coc_peers_connected=count) for n in range(2)], **fields)


@pytest.mark.parametrize(
    ("validators", "count", "expected"),
    [(4, 2, BROKEN), (4, 3, HELD), (7, 2, BROKEN), (3, 2, HELD), (3, 1, BROKEN), (1, 0, HELD), (None, 2, BROKEN),
     (None, 3, HELD)],
)  # fmt: skip
def test_one_node_alone_is_held_to_the_manuals_peers_by_what_it_names(
    validators: int | None, count: float, expected: str
) -> None:
    """Else ``localhost``, the manual's own command, could not fail."""
    seen = alone(peers(count, answers=answers(coc_getValidators=named(validators) if validators else None)))
    assert verdict(daily.test_peer_count, seen)[0] == expected


@pytest.mark.parametrize(("validators", "expected"), [(4, HELD), (3, BROKEN), (None, UNKNOWN)])
def test_the_size_of_a_network_is_not_the_number_of_nodes_looked_at(validators: int | None, expected: str) -> None:
    seen = alone(node(answers=answers(coc_getValidators=named(validators) if validators else None)))
    assert verdict(truth.test_topology, seen)[0] == expected


def test_a_network_of_seven_of_which_three_are_listed_asks_for_three_peers() -> None:
    def says(*counts: int) -> str:
        """What is said of node-1 with two peers, where the three nodes that are listed name so many validators."""
        nodes = {f"node-{n}": peers(2, answers=answers(coc_getValidators=named(c))) for n, c in enumerate(counts, 1)}
        nodes = {name: replace(each, name=name) for name, each in nodes.items()}
        return verdict(daily.test_peer_count, replace(survey(declared=SILENT), nodes=nodes))[0]

    assert says(7, 7, 7) == BROKEN
    assert says(3, 3, 3) == HELD
    assert says(3, 40, 3) == HELD, "one liar raises nobody's bar"
    assert says(1, 7, 7) == BROKEN, "and lowers not even its own"


def counting(count: float, listed: int, expected_names: int | None, **fields: Any) -> str:
    """What is said of node-1 that counts so many peers, and names ``known``, in a target of so many nodes."""
    rows = (
        [{"id": f"0x{number:040x}", "url": "http://x"} for number in range(2, 2 + expected_names)]
        if expected_names
        else None
    )
    looks = [look(NOW - 6 + 6 * n, HEIGHT - 1 + n, coc_peers_connected=count) for n in range(2)]
    nodes = {"node-1": node(looks=looks, answers=answers(coc_getPeers=rows))}
    nodes |= {f"node-{n}": node(f"node-{n}", looks=[look(NOW - 6, 99), look(NOW, 100)]) for n in range(2, listed + 1)}
    declared = replace(DECLARED, validators=DECLARED.validators[:listed], **fields)
    return verdict(truth.test_peers_are_true, replace(survey(declared=declared), nodes=nodes))[0]


def test_a_peer_that_the_inventory_does_not_list_makes_no_liar() -> None:
    """Three validators and a sync node, of which an operator lists the validators."""
    assert counting(3, 3, 3) == UNKNOWN
    assert counting(2, 3, 3) == HELD
    assert counting(3, 3, 2) == BROKEN, "it does not even name three"
    assert counting(3, 3, None) == BROKEN
    assert counting(3, 3, 3, owned=True) == BROKEN, "a run knows all nodes of its own"


def test_a_count_has_its_time_from_when_the_truth_last_changed() -> None:
    """node-4 is down from the beginning, node-3 goes 4 s before the end; six seconds are allowed."""
    ats = [NOW - 8, NOW - 4, NOW]
    mine = node(looks=[look(at, HEIGHT + n, coc_peers_connected=3) for n, at in enumerate(ats)])
    gone = node("node-4", looks=[look(at, None) for at in ats])
    for last, expected in ((None, UNKNOWN), (HEIGHT, BROKEN)):
        leaving = node("node-3", looks=[look(ats[0], HEIGHT), look(ats[1], last), look(ats[2], last)])
        steady = node("node-2", looks=[look(at, HEIGHT) for at in ats])
        assert verdict(truth.test_peers_are_true, survey(mine, steady, leaving, gone))[0] == expected


def test_addresses_of_the_kit_are_those_named() -> None:
    assert [row["address"] for row in named(4)] == list(ADDRESSES.values())[:4]


def behind(blocks: int, sweeps: int, asked_before: float = 0.0) -> str:
    """What is said of node-1, so many blocks behind in every sweep, which answers first in each."""
    ats = [NOW - sweeps + 1 + n for n in range(sweeps)]
    mine = [replace(look(at, HEIGHT - sweeps + 1 + n - blocks), asked_at=at - asked_before) for n, at in enumerate(ats)]
    others = {f"node-{n}": [look(at + 0.01, HEIGHT - sweeps + 1 + k) for k, at in enumerate(ats)] for n in (2, 3, 4)}
    seen = survey(node(looks=mine), *(node(name, looks=looks) for name, looks in others.items()))
    said = {check: verdict(check, seen)[0] for check in (truth.test_at_the_tip, gate.test_tip_spread)}
    assert len(set(said.values())) == 1
    return said[truth.test_at_the_tip]


@pytest.mark.parametrize("sweeps", [2, 3, 5])
def test_a_node_that_answers_first_is_not_at_the_tip_for_that(sweeps: int) -> None:
    """Nobody had answered before its first look: its own word was the tip."""
    assert behind(50, sweeps) == BROKEN
    assert behind(0, sweeps) == HELD
    assert behind(3, sweeps) == HELD
    assert behind(5, sweeps) == BROKEN


def test_a_node_whose_answer_was_long_on_its_way_is_measured_by_when_it_was_asked() -> None:
    """Ten seconds for its metrics page: the others have gone on since it told its height."""
    ats = (NOW - 20, NOW - 10)
    slow = [replace(look(at + 9.9, HEIGHT - 20 + 10 * n), asked_at=at) for n, at in enumerate(ats)]
    quick = [look(NOW - 20 + n, HEIGHT - 20 + n) for n in range(21)]
    others = [node(f"node-{n}", looks=quick) for n in (2, 3, 4)]
    assert verdict(truth.test_at_the_tip, survey(node(looks=slow), *others))[0] == HELD
    prompt = [replace(each, asked_at=each.at) for each in slow]
    assert verdict(truth.test_at_the_tip, survey(node(looks=prompt), *others))[0] == BROKEN


def test_a_node_that_lags_hides_no_fork_of_the_others() -> None:
    """node-4 is at block 50; node-2 is on another branch since block 97."""
    branch = {**chain(50, 96), **chain(97, HEIGHT, fork="b")}
    late = node("node-4", looks=(look(NOW - 1, 49), look(NOW, 50)), blocks=chain(49, 50))
    others = [node("node-1", blocks=chain(50)), node("node-3", blocks=chain(50))]
    forked = node("node-2", blocks=branch)
    found: dict[str, Any] = {"common_height": 50, "shared_heights": (50, HEIGHT)}
    said, claim = verdict(truth.test_same_chain, survey(*others, forked, late, **found))
    assert (said, "on node-2" in claim.observed, "height 100" in claim.expected) == (BROKEN, True, True)
    assert verdict(truth.test_same_chain, survey(*others, node("node-2", blocks=chain(50)), late, **found))[0] == HELD
    blind = node("node-2", blocks=chain(50, 51), blocks_problem="no answer")
    assert verdict(truth.test_same_chain, survey(*others, blind, late, **found))[0] == UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "height", "expected"),
    [(0.2, HEIGHT, UNKNOWN), (11.9, HEIGHT, UNKNOWN), (12.0, HEIGHT, BROKEN), (1, HEIGHT + 1, HELD)],
)
def test_a_node_that_is_back_for_a_moment_has_not_stood_still(seconds: float, height: int, expected: str) -> None:
    looks = (look(NOW - 40, None), look(NOW - seconds, HEIGHT), look(NOW, height))
    assert verdict(daily.test_block_height, survey(node(looks=looks)))[0] == expected


@pytest.mark.parametrize(("heights", "expected"), [((99, 40, 100), BROKEN), ((99, 98, 100), HELD), ((100, 3), BROKEN)])
def test_a_height_that_fell_does_not_increase(heights: tuple[int, ...], expected: str) -> None:
    looks = [look(NOW - len(heights) + 1 + n, height) for n, height in enumerate(heights)]
    said, claim = verdict(daily.test_block_height, survey(node(looks=looks)))
    assert (said, "fell" in claim.observed) == (expected, expected == BROKEN)


def test_a_chain_too_young_to_tell_its_interval_is_not_accused_of_a_pause() -> None:
    looks = [look(NOW - 20 + 10 * n, 3) for n in range(3)]
    young = survey(node(looks=looks, blocks={2: block(2, stamp=NOW - 60), 3: block(3, stamp=NOW - 20)}))
    low = {
        name: replace(each, looks=tuple(replace(it, height=3) for it in each.looks))
        for name, each in young.nodes.items()
    }
    young = replace(young, nodes=low)
    unsure = replace(young, block_interval_seconds=None)
    for check in (daily.test_block_height, truth.test_state_is_true, truth.test_health_is_true):
        assert verdict(check, young)[0] == BROKEN
        said, claim = verdict(check, unsure)
        assert (said, "too young" in claim.observed) == (UNKNOWN, True)
    every = replace(unsure, nodes=dict.fromkeys(unsure.nodes, unsure.nodes["node-1"]))
    for network_check in (truth.test_pace, gate.test_head_age):
        assert verdict(network_check, replace(every, block_interval_seconds=1.0))[0] == BROKEN
        assert verdict(network_check, every)[0] == UNKNOWN


def test_a_chain_that_went_on_before_its_health_was_asked_may_say_ok() -> None:
    stands = [look(NOW - 12 + 4 * n, HEIGHT) for n in range(4)]
    others = [node(f"node-{n}", looks=stands) for n in (2, 3, 4)]
    assert verdict(truth.test_health_is_true, survey(node(looks=stands), *others))[0] == BROKEN
    on = node(looks=stands, blocks=chain(high=HEIGHT + 1))
    assert verdict(truth.test_health_is_true, survey(on, *others))[0] == HELD
    assert verdict(truth.test_state_is_true, survey(on, *others))[0] == BROKEN, "the state was read while it stood"


@pytest.mark.parametrize(("age", "expected"), [(-4, HELD), (-6, UNKNOWN), (-3600, UNKNOWN), (12, HELD), (15, BROKEN)])
def test_the_age_of_a_head_is_not_told_by_a_clock_that_is_behind_it(age: float, expected: str) -> None:
    """A clock an hour behind would call a chain young that has stood for as long."""
    head = block(HEIGHT, stamp=NOW + 1 - age)
    seen = survey(*(node(f"node-{n}", blocks={HEIGHT: head}) for n in range(1, 5)))
    assert verdict(gate.test_head_age, seen)[0] == expected


def quorum(dead: int, **fields: Any) -> tuple[str, str]:
    """What is said of the quorum, and of a spare one, where so many of the four nodes that are listed are down."""
    silent = [look(NOW - 1, None), look(NOW, None)]
    seen = survey(*(node(f"node-{n}", looks=silent) for n in range(1, dead + 1)), declared=replace(DECLARED, **fields))
    return verdict(validators.test_quorum, seen)[0], verdict(gate.test_spare_quorum, seen)[0]


@pytest.mark.parametrize(
    ("addressed", "dead", "expected"),
    [
        (4, 0, (HELD, HELD)),
        (2, 0, (HELD, HELD)),
        (0, 0, (HELD, HELD)),
        (2, 1, (HELD, BROKEN)),
        (0, 1, (HELD, BROKEN)),
        (0, 2, (BROKEN, BROKEN)),
    ],
)
def test_validators_without_an_address_are_the_nodes_that_are_left(
    addressed: int, dead: int, expected: tuple[str, str]
) -> None:
    """An inventory need not say them, and no healthy validator is taken for dead because of that."""
    addresses = dict(list(DECLARED.addresses.items())[:addressed])
    assert quorum(dead, addresses=addresses) == expected


def test_which_of_several_is_left_is_not_guessed_where_it_matters() -> None:
    heavy = (replace(DECLARED.validators[0], stake=10), *(replace(each, stake=1) for each in DECLARED.validators[1:]))
    assert quorum(0, validators=heavy, addresses={}) == (UNKNOWN, UNKNOWN)
    assert quorum(1, validators=heavy) == (BROKEN, BROKEN)


def test_a_quorum_of_the_listed_is_none_of_a_network_that_is_larger() -> None:
    """Three nodes listed of seven validators: all of them answer, and so may no other."""
    found = answers(coc_getValidators=named(7))
    nodes = {f"node-{n}": node(f"node-{n}", answers=found) for n in (1, 2, 3)}
    seen = replace(survey(declared=SILENT), nodes=nodes)
    said, claim = verdict(validators.test_quorum, seen)
    assert (said, "4 are no node" in claim.observed) == (UNKNOWN, True)
    assert verdict(gate.test_spare_quorum, seen)[0] == UNKNOWN


@pytest.mark.parametrize(("uptime", "expected"), [(3.0, UNKNOWN), (11.9, UNKNOWN), (12.0, BROKEN), (None, BROKEN)])
def test_a_node_stands_still_from_when_it_came_back(uptime: float | None, expected: str) -> None:
    """It was killed and started while it was looked at, and has not caught up yet."""
    looks = [
        look(NOW - 30, HEIGHT),
        look(NOW - 15, None),
        look(NOW - 3, HEIGHT),
        look(NOW, HEIGHT, coc_uptime_seconds=uptime),
    ]
    for check in (daily.test_block_height, truth.test_state_is_true, truth.test_health_is_true):
        assert verdict(check, survey(node(looks=looks)))[0] == expected


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((100, 99, 100, 99), BROKEN),
        ((100, 99, 100, 100), BROKEN),
        ((99, 100, 99, 101), HELD),
        ((100, 99, 99, 99), BROKEN),
    ],
)
def test_a_tip_that_is_given_up_and_comes_back_is_no_progress(heights: tuple[int, ...], expected: str) -> None:
    """Watched for twelve seconds, which no pause may last; for less nobody can say."""
    looks = [look(NOW - 12 + 4 * n, height) for n, height in enumerate(heights)]
    checks = (daily.test_block_height, truth.test_state_is_true, truth.test_health_is_true)
    high = {f"node-{n}": node(f"node-{n}", looks=looks) for n in range(1, 5)}
    for check in checks:
        assert verdict(check, survey(*high.values()))[0] == expected
        short = [replace(each, at=NOW - 3 + n) for n, each in enumerate(looks)]
        assert verdict(check, survey(node(looks=short)))[0] == (UNKNOWN if expected == BROKEN else HELD)
