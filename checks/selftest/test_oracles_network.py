"""Where a check could lie about a network: its size, its peers, its quorum, its forks; the lie beside the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import test_daily as daily
from prowl.checks import test_truth as truth
from prowl.checks.selftest.survey_kit import (
    ADDRESSES,
    BROKEN,
    DECLARED,
    HEIGHT,
    HELD,
    NOW,
    UNKNOWN,
    answers,
    look,
    node,
    survey,
    verdict,
)
from prowl.fixtures.survey import NodeSurvey, Survey

SILENT = replace(DECLARED, validators=(), addresses={})


def named(count: int) -> list[dict[str, str]]:
    return [{"id": f"0x{number:040x}", "address": f"0x{number:040x}"} for number in range(1, count + 1)]


def alone(seen: NodeSurvey, **its: Any) -> Survey:
    """A target that lists one node and expects nothing, as localhost does."""
    whole = survey(seen, declared=replace(SILENT, **its))
    return replace(whole, nodes={seen.name: seen})


def peers(count: float, **its: Any) -> NodeSurvey:
    return node(looks=[look(NOW - 1 + n, HEIGHT - 1 + n, coc_peers_connected=count) for n in range(2)], **its)


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


def counting(count: float, listed: int, known: int | None, **its: Any) -> str:
    """What is said of node-1 that counts so many peers, and names ``known``, in a target of so many nodes."""
    rows = [{"id": f"0x{number:040x}", "url": "http://x"} for number in range(2, 2 + known)] if known else None
    looks = [look(NOW - 6 + 6 * n, HEIGHT - 1 + n, coc_peers_connected=count) for n in range(2)]
    nodes = {"node-1": node(looks=looks, answers=answers(coc_getPeers=rows))}
    nodes |= {f"node-{n}": node(f"node-{n}", looks=[look(NOW - 6, 99), look(NOW, 100)]) for n in range(2, listed + 1)}
    declared = replace(DECLARED, validators=DECLARED.validators[:listed], **its)
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
