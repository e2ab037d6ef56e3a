"""Readiness: a healthy network is go; with each of ten sicknesses it is no-go, and that is named first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import gate, test_backup, test_daily, test_gate, test_truth, test_tuning, test_validators
from prowl.checks.registry import check_of
from prowl.checks.selftest.survey_kit import (
    BROKEN,
    DECLARED,
    HEIGHT,
    HELD,
    NOW,
    UNKNOWN,
    block,
    chain,
    look,
    node,
    survey,
    verdict,
)
from prowl.checks.selftest.test_backup_checks import host as backup_host
from prowl.checks.selftest.test_backup_checks import sound
from prowl.fixtures.hosts.facts import Archive, DiskUse, HostFacts, Running
from prowl.fixtures.network import Validator
from prowl.fixtures.survey.survey import HealthAnswer, NodeSurvey, Survey
from prowl.reports.gate import Demands, Gate, decide
from prowl.reports.verdicts import Result, Verdict

MODULES = (test_backup, test_daily, test_gate, test_truth, test_tuning, test_validators)
CHECKS = {
    found.item: function
    for module in MODULES
    for function in vars(module).values()
    if (found := check_of(function)) is not None and found.gate
}
DISK = DiskUse(50, 100, "the file system of /var/lib/coc")


def host(**fields: object) -> HostFacts:
    return replace(backup_host(sound(3600)), **{"running": Running(7), **fields})  # type: ignore[arg-type]


def ready(name: str = "node-1", **fields: object) -> NodeSurvey:
    values: dict[str, Any] = {"host": host(), "disk": DISK, **fields}
    return node(name, **values)


def network(*sick: NodeSurvey, **fields: object) -> Survey:
    every = {each.name: each for each in (*(ready(f"node-{number}") for number in range(1, 5)), *sick)}
    return survey(*every.values(), **fields)  # type: ignore[arg-type]


def decision(seen: Survey) -> Gate:
    rows = []
    for item, function in CHECKS.items():
        found = check_of(function)
        assert found is not None
        for name in seen.nodes if found.scope == "node" else (None,):
            said, claim = verdict(function, seen, name)
            rows.append(Result(item, Verdict(said), "", claim.expected, claim.observed, node=name))
    return decide(Demands(gate.ORDER, tuple(seen.nodes)), rows, (), "kit")


def test_the_order_is_of_the_checks_that_say_so() -> None:
    assert set(gate.ORDER) == set(CHECKS)


def test_a_healthy_network_is_go_with_what_it_looked_at() -> None:
    found = decision(network())
    assert found.go, found.reasons
    assert [line.split()[0].rstrip(":") for line in found.looked_at] == list(gate.ORDER)


def down(name: str) -> NodeSurvey:
    return ready(name, looks=(look(NOW - 1, None), look(NOW, None)), blocks={}, blocks_problem="it did not answer")


def reads(**metrics: float) -> NodeSurvey:
    return ready("node-3", looks=(look(NOW - 1, HEIGHT - 1), look(NOW, HEIGHT, **metrics)))


BEHIND = (look(NOW - 1, HEIGHT - 6), look(NOW + 0.5, HEIGHT - 5))
OLD = {number: block(number, stamp=NOW - 20 + number - HEIGHT) for number in range(HEIGHT - 9, HEIGHT + 1)}
HEAVY = replace(DECLARED, validators=(Validator(DECLARED.validators[0].address, 3), *DECLARED.validators[1:]))
SWITCH = Running(7, environment={"COC_DEV_RELAXED_QUORUM": "1"})
TORN = Archive("coc-backup-x", False, (), "unexpected end of file")
THREE = replace(DECLARED, validators=tuple(replace(each, stake=1) for each in DECLARED.validators[:3]))
SICKNESSES = {
    "a node does not answer": (network(down("node-3")), "gate/answers on node-3 is unknown"),
    "no validator to spare": (network(declared=THREE), "gate/spare-quorum is broken: 3 of 3 validators"),
    "a node is behind": (network(ready("node-3", looks=BEHIND)), "gate/tip-spread is broken: node-3: 5 blocks"),
    "the head is old": (network(*(ready(f"node-{n}", blocks=OLD) for n in range(1, 5))), "gate/head-age is broken"),
    "a node is on a fork": (network(ready("node-3", blocks=chain(fork="b"))), "truth/same-chain is broken"),
    "a validator votes twice": (
        network(reads(coc_bft_equivocations_total=1)),
        "validators/equivocations on node-3 is broken",
    ),
    "the mempool is full": (network(reads(coc_tx_pool_pending=500)), "gate/mempool on node-3 is broken"),
    "the backup is old": (
        network(ready("node-3", host=replace(host(), backups=backup_host(sound(8 * 3600)).backups))),
        "backup/every-six-hours on node-3 is broken",
    ),
    "the backup is torn": (
        network(ready("node-3", host=host(newest_archive=TORN))),
        "backup/manual on node-3 is broken",
    ),
    "the disk is full": (network(ready("node-3", disk=replace(DISK, used_bytes=80))), "daily/disk on node-3 is broken"),
    "the memory is used up": (network(reads(coc_process_memory_bytes=2e9)), "daily/memory on node-3 is broken"),
    "a switch is unsafe": (
        network(ready("node-3", host=host(running=SWITCH))),
        "tuning/unsafe-switches on node-3 is broken",
    ),
    "a node has lost its peers": (network(reads(coc_peers_connected=0)), "daily/peers on node-3 is broken"),
    "the state is degraded": (network(reads(coc_consensus_state=1)), "daily/consensus on node-3 is broken"),
}


@pytest.mark.parametrize("sickness", SICKNESSES)
def test_each_sickness_is_no_go_and_named_first(sickness: str) -> None:
    seen, first = SICKNESSES[sickness]
    found = decision(seen)
    assert not found.go
    assert found.sentence.startswith(f"NO-GO for kit: {first}"), found.sentence


@pytest.mark.parametrize(
    ("looks", "health", "expected"),
    [
        ((look(NOW, HEIGHT),), (200,), HELD),
        ((look(NOW, HEIGHT),), (405, 200), HELD),
        ((look(NOW, HEIGHT),), (405, 503), BROKEN),
        ((look(NOW, HEIGHT),), (), UNKNOWN),
        ((look(NOW, HEIGHT),), (None, None), UNKNOWN),
        ((look(NOW, HEIGHT),), (None, 503), BROKEN),
        ((look(NOW, None),), (200,), UNKNOWN),
        ((replace(look(NOW, HEIGHT), page_problem="HTTP 500"),), (200,), UNKNOWN),
        ((look(NOW, None), look(NOW, HEIGHT)), (200,), HELD),
        ((), (200,), UNKNOWN),
    ],
)
def test_answers(looks: tuple[object, ...], health: tuple[int | None, ...], expected: str) -> None:
    answers = tuple(HealthAnswer(f"http://x:{number}/health", status) for number, status in enumerate(health))
    seen = survey(node(looks=looks, health=answers))  # type: ignore[arg-type]
    assert verdict(test_gate.test_answers, seen)[0] == expected


def test_the_health_of_the_p2p_port_alone_does_not_make_a_node_that_says_it_is_sick_answer() -> None:
    sick, alive = HealthAnswer("http://x:1/health", 503), HealthAnswer("http://x:3/health", 200, of_p2p=True)
    assert verdict(test_gate.test_answers, survey(node(health=(sick, alive))))[0] == BROKEN
    mute = HealthAnswer("http://x:1/health", None, "timed out")
    assert verdict(test_gate.test_answers, survey(node(health=(mute, alive))))[0] == UNKNOWN, "it did not answer"
    elsewhere = HealthAnswer("http://x:1/health", 405)
    assert verdict(test_gate.test_answers, survey(node(health=(elsewhere, alive))))[0] == HELD, "it has no other"


@pytest.mark.parametrize(
    ("dead", "declared", "expected"),
    [
        ((), DECLARED, HELD),
        (("node-4",), DECLARED, BROKEN),
        ((), THREE, BROKEN),
        ((), replace(DECLARED, validators=()), HELD),
        ((), replace(DECLARED, validators=tuple(Validator(v.address, 3 - (n > 0)) for n, v in
                                                enumerate(DECLARED.validators))), BROKEN),
    ],
)  # fmt: skip
def test_spare_quorum(dead: tuple[str, ...], declared: object, expected: str) -> None:
    """The heaviest may be the one that is stopped: of 3, 2, 2, 2 the others have two thirds, which is no quorum."""
    seen = survey(*(down(name) for name in dead), declared=declared)  # type: ignore[arg-type]
    assert verdict(test_gate.test_spare_quorum, seen)[0] == expected


@pytest.mark.parametrize(("age", "expected"), [(11, HELD), (12, HELD), (13, BROKEN), (-5, HELD)])
def test_head_age(age: int, expected: str) -> None:
    """Seen a second after ``NOW``; twelve seconds are allowed, and one for stamps in whole seconds."""
    blocks = {HEIGHT: block(HEIGHT, stamp=NOW - age)}
    seen = survey(*(node(f"node-{number}", blocks=blocks) for number in range(1, 5)))
    assert verdict(test_gate.test_head_age, seen)[0] == expected
    assert verdict(test_gate.test_head_age, survey(*(down(f"node-{n}") for n in range(1, 5))))[0] == UNKNOWN


@pytest.mark.parametrize(
    ("pending", "expected"), [(0, HELD), (499, HELD), (500, BROKEN), (-1, UNKNOWN), (None, UNKNOWN)]
)
def test_mempool(pending: float | None, expected: str) -> None:
    looks = (look(NOW, HEIGHT, coc_tx_pool_pending=pending),)
    assert verdict(test_gate.test_mempool, survey(node(looks=looks)))[0] == expected


def test_a_spread_is_broken_or_unknown() -> None:
    assert verdict(test_gate.test_tip_spread, survey())[0] == HELD
    assert verdict(test_gate.test_tip_spread, survey(down("node-4")))[0] == UNKNOWN
    assert verdict(test_gate.test_tip_spread, survey(down("node-4"), node("node-2", looks=BEHIND)))[0] == BROKEN
