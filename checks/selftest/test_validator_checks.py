"""Validators, versions and clocks: one that differs, beside one that only looks so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

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
from prowl.fixtures.hosts.facts import ClockOffset, ConfigFile, HostFacts
from prowl.fixtures.network import Validator
from prowl.fixtures.survey.survey import NodeSurvey, Survey

FOUR = list(ADDRESSES.values())[:4]
UNDECLARED = replace(DECLARED, validators=(), chain_id=None)


def rows(addresses: list[str]) -> list[dict[str, str]]:
    return [{"id": address, "address": address} for address in addresses]


def each(**fields: Any) -> list[NodeSurvey]:
    return [node(f"node-{number}", **fields) for number in range(1, 5)]


@pytest.mark.parametrize(
    ("check", "method", "same", "other", "sentence"),
    [
        (validators.test_same_validators, "coc_getValidators", rows(FOUR), rows(FOUR[:3]), "on node-3"),
        (validators.test_same_validators, "coc_getValidators", rows(FOUR), rows([*FOUR[1:], FOUR[0]]), "on node-3"),
        (validators.test_same_version, "web3_clientVersion", "COC/0.2", "COC/0.3", "COC/0.3 on node-3"),
        (validators.test_same_chain_id, "eth_chainId", "0x495c", "0x495d", "18781 on node-3"),
    ],
)
def test_one_node_that_differs_is_named(
    check: Callable[..., None], method: str, same: object, other: object, sentence: str
) -> None:
    assert verdict(check, survey(*each(answers=answers(**{method: same}))))[0] == HELD
    said, claim = verdict(check, survey(node("node-3", answers=answers(**{method: other}))))
    assert (said, sentence in claim.observed) == (BROKEN, True), claim
    blind = node("node-4", answers=answers(**{method: None}))
    assert verdict(check, survey(blind))[0] == UNKNOWN
    assert verdict(check, survey(blind, node("node-3", answers=answers(**{method: other}))))[0] == BROKEN


@pytest.mark.parametrize(
    ("named", "declared", "expected", "sentence"),
    [
        (FOUR, DECLARED, HELD, "4 validators"),
        ([address.upper().replace("X", "x") for address in FOUR], DECLARED, HELD, "4 validators"),
        (FOUR[:3], DECLARED, BROKEN, "missing"),
        (FOUR[:3], UNDECLARED, HELD, "3 validators"),
        ([*FOUR, "0xmore"], DECLARED, BROKEN, "not expected: 0xmore"),
        ([FOUR[1], FOUR[0], *FOUR[2:]], DECLARED, BROKEN, "another order"),
    ],
)
def test_the_expected_set(named: list[str], declared: Any, expected: str, sentence: str) -> None:
    seen = survey(*each(answers=answers(coc_getValidators=rows(named))), declared=declared)
    said, claim = verdict(validators.test_same_validators, seen)
    assert (said, sentence in claim.observed) == (expected, True), claim


@pytest.mark.parametrize("answer", ["0xone", [], ["0xone"], 7])
def test_an_answer_that_is_no_list_of_validators_is_unknown(answer: object) -> None:
    seen = survey(*each(answers=answers(coc_getValidators=answer)))
    assert verdict(validators.test_same_validators, seen)[0] == UNKNOWN
    assert verdict(validators.test_rotation, seen)[0] == UNKNOWN


@pytest.mark.parametrize("answer", ["18780", "0xzz", 18780.5])
def test_a_chain_id_that_is_no_number_is_unknown_and_another_than_expected_broken(answer: object) -> None:
    assert verdict(validators.test_same_chain_id, survey(*each(answers=answers(eth_chainId=answer))))[0] == UNKNOWN
    other = survey(*each(answers=answers(eth_chainId="0x1")))
    assert verdict(validators.test_same_chain_id, other)[0] == BROKEN
    assert verdict(validators.test_same_chain_id, survey(declared=UNDECLARED))[0] == HELD


def stakes(values: Mapping[str, Any] | None, number: int = 0) -> Survey:
    """All hosts show the default configuration, the one of that number (0: all) other values."""
    usual = {"validators": FOUR}
    nodes = []
    for place in range(1, 5):
        found = values if number in (0, place) else usual
        config = ConfigFile("/etc/coc.json", found or {}, "" if found is not None else "Permission denied")
        nodes.append(node(f"node-{place}", host=HostFacts("local", config=config)))
    return survey(*nodes)


def staked(*amounts: object) -> dict[str, Any]:
    pairs = zip(FOUR, amounts, strict=False)
    return {"validators": FOUR, "validatorStakes": [{"id": a, "address": a, "stake": amount} for a, amount in pairs]}


@pytest.mark.parametrize(
    ("values", "number", "expected"),
    [
        ({"validators": FOUR}, 0, HELD),
        (staked(*["1000000000000000000"] * 4), 0, HELD),
        (staked(*["0xde0b6b3a7640000"] * 4), 1, HELD),
        (staked("1000000000000000001"), 0, BROKEN),
        (staked("1000000000000000001"), 2, BROKEN),
        ({"validators": FOUR[:3]}, 0, BROKEN),
        ({"other": 1}, 0, UNKNOWN),
        ({"validators": []}, 0, UNKNOWN),
        ({"other": 1}, 2, UNKNOWN),
        (staked("many"), 0, UNKNOWN),
        (staked(10**36), 0, BROKEN),
        (staked(10**36 + 1), 0, UNKNOWN),
        (staked(-1), 0, UNKNOWN),
        ({"validators": FOUR, "validatorStakes": "many"}, 0, UNKNOWN),
        (None, 0, UNKNOWN),
        (None, 2, UNKNOWN),
    ],
)
def test_stakes(values: Mapping[str, Any] | None, number: int, expected: str) -> None:
    assert verdict(validators.test_same_stakes, stakes(values, number))[0] == expected


def down(*names: str) -> list[NodeSurvey]:
    return [node(name, looks=(look(NOW - 1, None), look(NOW, None))) for name in names]


@pytest.mark.parametrize(
    ("dead", "heavy", "expected"),
    [
        ((), 1, HELD),
        (("node-1",), 1, HELD),
        (("node-1", "node-2"), 1, BROKEN),
        (("node-1",), 2, BROKEN),
        (("node-2",), 2, HELD),
        (("node-2", "node-3"), 3, BROKEN),
        (("node-2", "node-3"), 4, HELD),
    ],
)
def test_quorum_is_of_the_stake(dead: tuple[str, ...], heavy: int, expected: str) -> None:
    """Two thirds themselves are no quorum; node-1 has so many stakes."""
    found = tuple(Validator(a, heavy if place == 0 else 1) for place, a in enumerate(FOUR))
    seen = survey(*down(*dead), declared=replace(DECLARED, validators=found))
    assert verdict(validators.test_quorum, seen)[0] == expected


NO_NETWORK, NO_ROUTE = "Network is unreachable", "No route to host"
NO_NAME = "its name can't be resolved (Name or service not known)"
REFUSED, SLOW = "Connection refused", "it ended after 5 bytes, in the middle of the answer"


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ((NO_NETWORK,) * 4, UNKNOWN),
        ((NO_ROUTE,) * 4, UNKNOWN),
        ((NO_NAME,) * 4, UNKNOWN),
        ((NO_NETWORK, NO_ROUTE, NO_NAME, NO_NETWORK), UNKNOWN),
        ((REFUSED,) * 4, BROKEN),
        ((NO_NETWORK, NO_NETWORK, NO_NETWORK, REFUSED), BROKEN),
        ((SLOW,) * 4, BROKEN),
        ((NO_ROUTE, NO_ROUTE, "", ""), BROKEN),  # one that answers shows that there is a network
        ((NO_NETWORK, NO_NETWORK, NO_NETWORK, ""), BROKEN),
        ((NO_ROUTE, "", "", ""), HELD),
    ],
)
def test_a_machine_without_a_network_accuses_nobody(reasons: tuple[str, ...], expected: str) -> None:
    seen = []
    for number, reason in enumerate(reasons, 1):
        problem = f"no answer from http://10.0.0.{number}:18780: {reason}"
        looks = (replace(look(NOW, None), height_problem=problem),) if reason else (look(NOW, 100),)
        seen.append(node(f"node-{number}", looks=looks))
    assert verdict(validators.test_quorum, survey(*seen))[0] == expected


def test_quorum_counts_a_validator_that_no_node_of_the_target_is() -> None:
    found = (*DECLARED.validators, Validator("0xelsewhere"), Validator("0xfar"))
    said, claim = verdict(validators.test_quorum, survey(declared=replace(DECLARED, validators=found)))
    assert (said, "2 are no node" in claim.observed) == (UNKNOWN, True), "they may be up, and may be down"
    fewer = survey(*down("node-1"), declared=replace(DECLARED, validators=found))
    assert verdict(validators.test_quorum, fewer)[0] == UNKNOWN
    half = survey(*down("node-1", "node-2"), declared=replace(DECLARED, validators=found))
    assert verdict(validators.test_quorum, half)[0] == BROKEN, "even if they are up: 4 of 6"
    assert verdict(validators.test_quorum, survey(declared=UNDECLARED))[0] == HELD
    roles = survey(*each(role="observer"), declared=UNDECLARED)
    assert verdict(validators.test_quorum, roles)[0] == UNKNOWN


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ((0, 0), HELD),
        ((2, 2), HELD),
        ((0, 1), BROKEN),
        ((2, 0), HELD),
        ((0, None), UNKNOWN),
        ((None, 0), UNKNOWN),
        ((2, 0, 1), BROKEN),
        ((2, 0, None, 0), HELD),
        ((0, 1, 0), BROKEN),
    ],
)
def test_equivocations(readings: tuple[float | None, ...], expected: str) -> None:
    looks = [look(NOW - 1 + n, 99 + n, coc_bft_equivocations_total=value) for n, value in enumerate(readings)]
    assert verdict(validators.test_no_equivocations, survey(node(looks=looks)))[0] == expected


def proposed(order: list[int]) -> Survey:
    blocks = {
        HEIGHT - len(order) + 1 + place: block(HEIGHT - len(order) + 1 + place, proposer=FOUR[number - 1].upper())
        for place, number in enumerate(order)
    }
    return survey(*each(blocks=blocks))


@pytest.mark.parametrize(
    ("order", "expected", "sentence"),
    [
        ([1, 2, 3, 4, 1, 2, 3, 4], HELD, "4 proposers of 4"),
        ([1, 2, 3, 4, 1, 2, 3, 1], HELD, ""),
        ([1, 2, 3, 1, 2, 3, 1, 2], BROKEN, "none by node-4"),
        ([4, 1, 2, 3, 1, 2, 3, 1, 2], BROKEN, "none by node-4"),
        ([4, 1, 2, 3, 1, 2, 3, 1], HELD, ""),
        ([1, 2, 3, 4, 1, 2, 3], UNKNOWN, "two rounds have 8"),
        ([1, 1, 1, 1, 1, 1, 1, 1], BROKEN, "none by node-2, node-3, node-4"),
    ],
)
def test_rotation(order: list[int], expected: str, sentence: str) -> None:
    said, claim = verdict(validators.test_rotation, proposed(order))
    assert (said, sentence in claim.observed) == (expected, True), claim


@pytest.mark.parametrize(
    ("older", "expected"),
    [
        (chain(HEIGHT - 7, HEIGHT - 3), HELD),
        (chain(HEIGHT - 7, HEIGHT - 4), HELD),
        (chain(HEIGHT - 7, HEIGHT - 5), UNKNOWN),
        (chain(HEIGHT - 7, HEIGHT - 4, fork="b"), UNKNOWN),
    ],
)
def test_rounds_that_several_nodes_showed_are_joined_by_their_hashes(older: Any, expected: str) -> None:
    one, *others = each(blocks=chain(HEIGHT - 3, HEIGHT))
    found = survey(node(one.name, blocks=older), *others)
    assert verdict(validators.test_rotation, found)[0] == expected


def test_the_validators_may_be_named_by_any_node() -> None:
    mute = node("node-1", answers=answers(coc_getValidators=None))
    liar = node("node-1", answers=answers(coc_getValidators=rows(["0xme"])))
    assert verdict(validators.test_rotation, survey(liar, declared=UNDECLARED))[0] == HELD, "most nodes name four"
    assert verdict(validators.test_rotation, survey(mute))[0] == HELD


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ((-2, -1, 0), HELD),
        ((-2, -2, -2), HELD),
        ((-2, -3, 0), BROKEN),
        ((-1, 0, 6), HELD),
        ((-1, 0, 7), BROKEN),
        ((-500, -400, -300), HELD),
    ],
)
def test_stamps(stamps: tuple[int, ...], expected: str) -> None:
    blocks = {HEIGHT - 2 + n: block(HEIGHT - 2 + n, stamp=NOW + stamp) for n, stamp in enumerate(stamps)}
    assert verdict(validators.test_stamps, survey(*each(blocks=blocks)))[0] == expected
    assert verdict(validators.test_stamps, survey(*each(blocks={})))[0] == UNKNOWN


def clocks(*offsets: float | None, stamp: float = 0, doubt: float = 0.0) -> Survey:
    nodes = []
    for number, offset in enumerate(offsets, 1):
        clock = ClockOffset(offset, doubt, "" if offset is not None else "ssh: refused")
        blocks = {HEIGHT: block(HEIGHT, stamp=NOW + stamp)}
        nodes.append(node(f"node-{number}", host=HostFacts("local", clock=clock), blocks=blocks))
    return survey(*nodes)


@pytest.mark.parametrize(
    ("offsets", "stamp", "doubt", "expected"),
    [
        ((0.0, 0.0), 0, 0.0, HELD),
        ((-1.0, 1.0), 0, 0.0, HELD),
        ((-1.0, 1.1), 0, 0.0, BROKEN),
        ((-1.0, 1.5), 0, 0.5, HELD),
        ((600.0, 600.0), 0, 0.0, HELD),
        ((-600.0, -600.0), 0, 0.0, BROKEN),
        ((0.0,), 3, 0.0, HELD),
        ((0.0,), 4, 0.0, BROKEN),
        ((0.0, None), 0, 0.0, UNKNOWN),
        ((0.0, 5.0, None), 0, 0.0, BROKEN),
        ((None, None), 0, 0.0, UNKNOWN),
        ((), 0, 0.0, UNKNOWN),
    ],
)
def test_clocks(offsets: tuple[float | None, ...], stamp: float, doubt: float, expected: str) -> None:
    """Two clocks that are off alike agree; the newest block (seen a second later) tells which way they are off."""
    assert verdict(validators.test_clocks, clocks(*offsets, stamp=stamp, doubt=doubt))[0] == expected


def test_a_chain_without_any_block_leaves_the_clocks_to_each_other() -> None:
    seen = clocks(0.0, 1.0)
    bare = {name: replace(value, blocks={}) for name, value in seen.nodes.items()}
    assert verdict(validators.test_clocks, replace(seen, nodes=bare))[0] == HELD
