"""Advice about tuning, each beside its nearest miss; and the switches, which are no advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import test_tuning as tuning
from prowl.checks.registry import check_of
from prowl.checks.selftest.survey_kit import BROKEN, DECLARED, HELD, UNKNOWN, hosts, node, survey, verdict
from prowl.fixtures.hosts.facts import ConfigFile, HostFacts, Running, Swap

ALL = (tuning.test_cache, tuning.test_p2p, tuning.test_descriptors, tuning.test_swap, tuning.test_unsafe_switches)
GOOD: dict[str, Any] = {
    "storage": {"cacheSize": 2000, "backend": "leveldb"},
    "p2pMaxPeers": 100,
    "p2pRateLimitMaxRequests": 500,
}


def configured(check: Callable[..., None], values: Mapping[str, Any]) -> str:
    return verdict(check, hosts(HostFacts("local", config=ConfigFile("/etc/coc.json", values))))[0]


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ({"cacheSize": 2000, "backend": "leveldb"}, HELD),
        ({"cacheSize": 4000}, HELD),
        ({"cacheSize": 500}, HELD),
        ({"cacheSize": 1999}, BROKEN),
        ({"cacheSize": 501}, BROKEN),
        ({"cacheSize": 2000, "backend": "memory"}, BROKEN),
        ({"cacheSize": "2000"}, BROKEN),
        ({"cacheSize": True}, BROKEN),
        ({}, BROKEN),
        (None, BROKEN),
        ([2000], BROKEN),
    ],
)
def test_cache(storage: object, expected: str) -> None:
    assert configured(tuning.test_cache, {**GOOD, "storage": storage}) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, HELD),
        ({"p2pMaxPeers": 99}, BROKEN),
        ({"p2pRateLimitMaxRequests": 499}, BROKEN),
        ({"p2pMaxPeers": None}, BROKEN),
        ({"p2pMaxPeers": 1000}, HELD),
    ],
)
def test_p2p(values: dict[str, Any], expected: str) -> None:
    assert configured(tuning.test_p2p, {**GOOD, **values}) == expected


@pytest.mark.parametrize(
    ("files", "expected"), [(65_535, HELD), (65_534, BROKEN), (1024, BROKEN), (-1, HELD), (None, UNKNOWN)]
)
def test_descriptors(files: int | None, expected: str) -> None:
    assert (
        verdict(tuning.test_descriptors, hosts(HostFacts("local", running=Running(7, open_files=files))))[0] == expected
    )


@pytest.mark.parametrize(("total", "expected"), [(1, HELD), (0, BROKEN), (None, UNKNOWN)])
def test_swap(total: int | None, expected: str) -> None:
    swap = Swap(total, "" if total is not None else "can't be read")
    assert verdict(tuning.test_swap, hosts(HostFacts("local", swap=swap)))[0] == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, HELD),
        ({"COC_DATA_DIR": "/var/lib/coc"}, HELD),
        ({"COC_DEV_RELAXED_QUORUM": "1"}, BROKEN),
        ({"COC_DEV_RELAXED_QUORUM": "0"}, HELD),
        ({"COC_DEV_RELAXED_QUORUM": ""}, HELD),
        ({"COC_UNSAFE_ADVERSARIAL_SPEC_ROOT": "0xabc"}, BROKEN),
        ({"COC_RPC_RATE_LIMIT_DISABLED": "1"}, BROKEN),
    ],
)
def test_switches(environment: dict[str, str], expected: str) -> None:
    facts = HostFacts("local", running=Running(7, environment=environment))
    assert verdict(tuning.test_unsafe_switches, hosts(facts))[0] == expected


def test_a_cluster_of_the_runs_own_may_have_its_limiters_off_and_nothing_else() -> None:
    own = replace(DECLARED, owned=True)
    for name, expected in (("COC_RPC_RATE_LIMIT_DISABLED", HELD), ("COC_DEV_RELAXED_QUORUM", BROKEN)):
        facts = HostFacts("local", running=Running(7, environment={name: "1"}))
        assert verdict(tuning.test_unsafe_switches, survey(node(host=facts), declared=own))[0] == expected


def test_what_could_not_be_seen_is_unknown() -> None:
    blind = HostFacts("local", running=Running(problem="gone"), config=ConfigFile("/x", {}, "gone"), swap=Swap())
    locked = HostFacts("local", running=Running(7, environment_problem="not by this user"))
    assert {verdict(check, hosts(blind))[0] for check in ALL} == {UNKNOWN}
    assert {verdict(check, survey())[0] for check in ALL} == {UNKNOWN}
    assert verdict(tuning.test_unsafe_switches, hosts(locked))[0] == UNKNOWN


def test_tuning_is_advice_and_switches_are_not() -> None:
    advisory = {check.__name__ for check in ALL if (found := check_of(check)) is not None and found.advisory}
    assert advisory == {check.__name__ for check in ALL} - {"test_unsafe_switches"}
