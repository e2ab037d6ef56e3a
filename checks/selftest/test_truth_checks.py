"""What a node says against what is true: each lie beside the truth that looks most like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import chain as facts
from prowl.checks import test_truth as truth
from prowl.checks.selftest.survey_kit import (
    BROKEN,
    DECLARED,
    HEIGHT,
    HELD,
    NOW,
    UNKNOWN,
    block,
    chain,
    hosts,
    look,
    node,
    survey,
    verdict,
)
from prowl.fixtures.hosts.facts import HostFacts, Running
from prowl.fixtures.survey.previous_run import Earlier
from prowl.fixtures.survey.survey import HealthAnswer, Look, NodeSurvey, NodeView
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Unknown

OK, SICK = HealthAnswer("http://x/health", 200), HealthAnswer("http://x/health", 503)
P2P_OK = replace(OK, of_p2p=True)


def stands(seconds: float, **metrics: float | None) -> tuple[Look, ...]:
    """Looks at a chain that has stood at one height for so long."""
    return tuple(look(NOW - seconds + part * seconds / 4, HEIGHT, **metrics) for part in range(5))


@pytest.mark.parametrize(
    ("before", "metric", "rpc", "latest", "expected"),
    [
        (99, 100, 100, 100, HELD),
        (99, 99, 100, 100, HELD),
        (99, 100, 99, 102, HELD),
        (99, 98, 100, 100, HELD),
        (99, 97, 100, 100, BROKEN),
        (99, 101, 100, 100, BROKEN),
        (99, 100, 105, 100, BROKEN),
        (99, 105, 105, 105, HELD),
        (99, None, 100, 100, UNKNOWN),
        (99, 0, 100, 100, BROKEN),
        (99, -1, 100, 100, UNKNOWN),
        (99, 100, None, 100, UNKNOWN),
        (None, 100, 100, 100, UNKNOWN),
    ],
)
def test_height(before: int | None, metric: float | None, rpc: int | None, latest: int, expected: str) -> None:
    looks = (look(NOW - 1, before), look(NOW, rpc, coc_block_height=metric))
    seen = survey(node(looks=looks, blocks=chain(high=latest)))
    assert verdict(truth.test_height_is_true, seen)[0] == expected


def test_a_height_without_a_block_is_unknown() -> None:
    said, claim = verdict(truth.test_height_is_true, survey(node(blocks={}, blocks_problem="no block was answered")))
    assert (said, claim.observed) == (UNKNOWN, "no block was answered")


@pytest.mark.parametrize(
    ("heights", "expected"),
    [((96, 97), HELD), ((95, 97), HELD), ((95, 96), BROKEN), ((96, 96), HELD), ((97, 90), HELD), ((97,), UNKNOWN)],
)
def test_lag(heights: tuple[int, ...], expected: str) -> None:
    """The others are at 99 and 100, a moment before."""
    looks = [look(NOW + 0.5 - place, height) for place, height in enumerate(reversed(heights))]
    assert verdict(truth.test_at_the_tip, survey(node(looks=looks[::-1])))[0] == expected


def test_a_liar_makes_no_other_lag() -> None:
    liar = node("node-2", looks=(look(NOW - 1, 1000), look(NOW, 1000)))
    assert verdict(truth.test_at_the_tip, survey(liar))[0] == HELD
    assert verdict(truth.test_height_is_true, survey(liar), "node-2")[0] == BROKEN


def test_nobody_to_compare_with_is_unknown() -> None:
    mute = [node(f"node-{number}", blocks={}, blocks_problem="gone") for number in (2, 3, 4)]
    assert verdict(truth.test_at_the_tip, survey(*mute))[0] == UNKNOWN
    assert verdict(truth.test_at_the_tip, survey(*mute[1:]))[0] == HELD


@pytest.mark.parametrize(("pause", "expected"), [(13, HELD), (14, BROKEN)])
def test_pace(pause: int, expected: str) -> None:
    blocks = {n: block(n, stamp=NOW - HEIGHT + n - (pause - 1 if n < 96 else 0)) for n in range(91, HEIGHT + 1)}
    seen = survey(*(node(f"node-{number}", blocks=blocks) for number in range(1, 5)))
    said, claim = verdict(truth.test_pace, seen)
    assert (said, f"at most {pause} s, before block 96" in claim.observed) == (expected, True), claim


def test_pace_is_unknown_without_blocks_in_a_row_and_the_genesis_block_has_no_stamp() -> None:
    for blocks in ({}, {100: block(100)}, {98: block(98), 100: block(100)}, {1: block(1, stamp=0), 2: block(2)}):
        seen = survey(*(node(f"node-{number}", blocks=blocks) for number in range(1, 5)))
        assert verdict(truth.test_pace, seen)[0] == UNKNOWN


def forked(**fields: Any) -> NodeSurvey:
    return node("node-3", blocks=chain(**fields))


def test_the_same_chain_and_what_equal_roots_prove() -> None:
    said, claim = verdict(truth.test_same_chain, survey())
    assert (said, "proves nothing new" in claim.observed) == (HELD, True)
    loaded = survey(*(node(f"node-{number}", blocks=chain(transactions=2)) for number in range(1, 5)))
    said, claim = verdict(truth.test_same_chain, loaded)
    assert (said, "after 18 transactions in the last 9 blocks" in claim.observed) == (HELD, True)


@pytest.mark.parametrize("value", [{"fork": "b"}, {"root": "0xother"}])
def test_another_hash_or_root_on_one_node_is_told_with_its_name(value: dict[str, str]) -> None:
    said, claim = verdict(truth.test_same_chain, survey(forked(**value)))
    assert said == BROKEN
    assert "on node-3" in claim.observed
    assert "on node-1, node-2, node-4" in claim.observed


def test_a_fork_outweighs_a_node_that_is_not_seen_and_that_outweighs_equality() -> None:
    blind = node("node-4", blocks={}, blocks_problem="node-4 did not answer")
    assert verdict(truth.test_same_chain, survey(blind))[0] == UNKNOWN
    assert verdict(truth.test_same_chain, survey(blind, forked(fork="b")))[0] == BROKEN
    assert verdict(truth.test_same_chain, survey(common_height=None))[0] == UNKNOWN


@pytest.mark.parametrize(
    ("looks", "state", "health"),
    [
        ((look(NOW - 1, 99), look(NOW, 100)), HELD, HELD),
        (stands(12), BROKEN, BROKEN),
        (stands(11.9), UNKNOWN, UNKNOWN),
        (stands(12, coc_consensus_state=1), HELD, BROKEN),
        (stands(12, coc_consensus_state=-1), HELD, BROKEN),
        (stands(12, coc_consensus_state=None), UNKNOWN, BROKEN),
        ((look(NOW - 13, 99), *stands(11.9)), HELD, HELD),
        ((look(NOW - 13, 99), *stands(12)), BROKEN, BROKEN),
        ((look(NOW - 1, 99), look(NOW, 100, coc_consensus_state=1)), HELD, HELD),
        ((look(NOW - 1, 99), look(NOW, 100, coc_consensus_state=None)), UNKNOWN, HELD),
        ((look(NOW - 1, 100), look(NOW, None)), UNKNOWN, UNKNOWN),
    ],
)
def test_state_and_health_of_a_chain_that_stands(looks: tuple[Look, ...], state: str, health: str) -> None:
    seen = survey(node(looks=looks))
    assert verdict(truth.test_state_is_true, seen)[0] == state
    assert verdict(truth.test_health_is_true, seen)[0] == health


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((SICK,), HELD),
        ((SICK, OK), BROKEN),
        ((HealthAnswer("http://x", None, "refused"),), UNKNOWN),
        ((), UNKNOWN),
        ((HealthAnswer("http://x", 405), SICK), HELD),
        ((HealthAnswer("http://x", 405), SICK, P2P_OK), HELD),
        ((HealthAnswer("http://x", 405), P2P_OK), BROKEN),
        ((HealthAnswer("http://x", None, "refused"), P2P_OK), UNKNOWN),
        ((HealthAnswer("http://x", 405), HealthAnswer("http://y", None, "refused"), P2P_OK), UNKNOWN),
        ((HealthAnswer("http://x", 405), OK, P2P_OK), BROKEN),
    ],
)
def test_what_a_health_address_may_say_of_a_chain_that_stands(answers: tuple[HealthAnswer, ...], expected: str) -> None:
    assert verdict(truth.test_health_is_true, survey(node(looks=stands(12), health=answers)))[0] == expected


@pytest.mark.parametrize(("behind", "expected"), [(9, HELD), (10, BROKEN)])
def test_a_node_that_catches_up_is_not_ok(behind: int, expected: str) -> None:
    looks = (look(NOW - 0.5, HEIGHT - 2 - behind), look(NOW + 0.5, HEIGHT - behind))
    assert verdict(truth.test_health_is_true, survey(node(looks=looks)))[0] == expected
    assert verdict(truth.test_health_is_true, survey(node(looks=looks, health=(SICK,))))[0] == HELD


def counts(*peers: float | None, dead: int = 0, seconds: float = 6.0, **declared: object) -> tuple[str, str]:
    """The verdict on node-1's counts, spread over so many seconds, where so many of the others are dead."""
    ats = [NOW - seconds + place * seconds / max(len(peers) - 1, 1) for place in range(len(peers))]
    mine = node(looks=[look(at, HEIGHT - len(peers) + n, coc_peers_connected=peers[n]) for n, at in enumerate(ats)])
    others = [
        node(f"node-{4 - number}", looks=[look(at, None if number < dead else HEIGHT) for at in ats])
        for number in range(3)
    ]
    seen = survey(mine, *others, declared=replace(DECLARED, **declared))  # type: ignore[arg-type]
    said, claim = verdict(truth.test_peers_are_true, seen)
    return said, claim.observed


@pytest.mark.parametrize(
    ("peers", "dead", "seconds", "expected"),
    [
        ((3, 3), 0, 1, HELD),
        ((2, 2), 0, 6, BROKEN),
        ((2, 2), 0, 5.9, UNKNOWN),
        ((2, 3), 0, 6, HELD),
        ((3, 2, 2), 0, 8, UNKNOWN),
        ((4, 4), 0, 6, BROKEN),
        ((3, 3), 1, 6, BROKEN),
        ((2, 2), 1, 6, HELD),
        ((0, 0), 0, 6, BROKEN),
        ((0, 0), 3, 6, HELD),
        ((3, None), 0, 6, UNKNOWN),
    ],
)
def test_peers(peers: tuple[float | None, ...], dead: int, seconds: float, expected: str) -> None:
    assert counts(*peers, dead=dead, seconds=seconds)[0] == expected


def test_a_count_may_be_higher_where_the_target_does_not_list_every_validator() -> None:
    more = (*DECLARED.validators, replace(DECLARED.validators[0], address="0xmore"))
    assert counts(4, 4)[0] == BROKEN
    assert counts(4, 4, validators=more)[0] == HELD
    assert counts(2, 2, validators=more)[0] == BROKEN


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("validator",) * 4, HELD),
        (("validator",) * 3 + ("observer",), BROKEN),
        (("validator",) * 3 + ("sync",), BROKEN),
    ],
)
def test_topology(roles: tuple[str, ...], expected: str) -> None:
    declared = replace(DECLARED, validators=DECLARED.validators[: roles.count("validator")])
    seen = survey(*(node(f"node-{number}", role=role) for number, role in enumerate(roles, 1)), declared=declared)
    said, claim = verdict(truth.test_topology, seen)
    assert (said, "can't be met" in claim.observed) == (expected, expected == BROKEN)


@pytest.mark.parametrize(
    ("said", "resident", "expected"),
    [
        (200e6, 200e6, HELD),
        (200e6, 182e6, HELD),
        (200e6, 181e6, BROKEN),
        (200e6, 222e6, HELD),
        (200e6, 223e6, BROKEN),
        (30e6, 34e6, HELD),
        (30e6, 34.1e6, BROKEN),
        (50e6, 59.6e6, BROKEN),
        (20e6, 75e6, BROKEN),
        (0, 75e6, UNKNOWN),
        (None, 75e6, UNKNOWN),
        (200e6, None, UNKNOWN),
    ],
)
def test_memory(said: float | None, resident: float | None, expected: str) -> None:
    running = Running(pid=7, resident_bytes=int(resident) if resident is not None else None)
    looks = (look(NOW - 1, 99, coc_process_memory_bytes=said), look(NOW, 100, coc_process_memory_bytes=said))
    assert verdict(truth.test_memory_is_true, hosts(HostFacts("local", running=running), looks=looks))[0] == expected


def test_memory_is_compared_with_the_nearest_reading_and_growth_is_told() -> None:
    looks = (look(NOW - 9, 91, coc_process_memory_bytes=1e8), look(NOW, 100, coc_process_memory_bytes=2e8))
    facts = HostFacts("local", running=Running(pid=7, resident_bytes=101_000_000))
    said, claim = verdict(truth.test_memory_is_true, hosts(facts, looks=looks))
    assert (said, "+100.0 MB since the first look" in claim.observed) == (HELD, True)


def test_memory_of_a_process_that_is_not_found_is_unknown_with_the_reason() -> None:
    said, claim = verdict(truth.test_memory_is_true, hosts(HostFacts("local", running=Running(problem="no process"))))
    assert (said, claim.observed) == (UNKNOWN, "no process")
    assert verdict(truth.test_memory_is_true, survey())[0] == UNKNOWN


@pytest.mark.parametrize(
    ("before", "memory", "uptime", "expected"),
    [
        (Earlier(NOW - 86_400, 1e9, 3_600.0), 1.49e9, 90_000.0, HELD),
        (Earlier(NOW - 86_400, 1e9, 3_600.0), 1.5e9, 90_000.0, BROKEN),
        (Earlier(NOW - 86_400, 1e9, 3_599.0), 1.5e9, 90_000.0, HELD),
        (Earlier(NOW - 3_600, 1e9, 9_000.0), 1.05e9, 12_600.0, BROKEN),
        (Earlier(NOW - 3_600, 1e9, 9_000.0), 1.039e9, 12_600.0, HELD),
        (Earlier(NOW - 3_600, 1.9e9, 9_000.0), 1e9, 60.0, HELD),
        (Earlier(NOW - 3_600, 1e8, 9_000.0), 1.9e9, 60.0, HELD),
        (Earlier(NOW - 3_600, 1e8, 9_000.0), 2e9, 60.0, BROKEN),
        (Earlier(NOW - 3_600, 1.9e9, 9_000.0), 1e9, 12_600.0, HELD),
        (Earlier(NOW - 3_600, 1e9, 9_000.0), None, 12_600.0, UNKNOWN),
        (Earlier(NOW - 3_600, 1e9, 9_000.0), 1e9, None, UNKNOWN),
        (None, 1e9, 3_700.0, UNKNOWN),
    ],
)
def test_growth(before: Earlier | None, memory: float | None, uptime: float | None, expected: str) -> None:
    looks = (look(NOW, HEIGHT, coc_process_memory_bytes=memory, coc_uptime_seconds=uptime),)
    seen = survey(node(looks=looks), earlier={"node-1": before} if before is not None else {})
    assert verdict(truth.test_memory_does_not_grow, seen)[0] == expected


def test_agreement_needs_somebody() -> None:
    def read(_node: NodeView) -> str | None:
        return None

    view = NetworkView(survey())
    with pytest.raises(Unknown, match="no node was asked"):
        facts.agreed(view, "one", read)
