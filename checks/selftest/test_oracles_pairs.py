"""What must hold of all checks of a survey at once, tried on every pair of changes to a healthy one.

Another sickness makes nothing well. What is taken from sight is held by nobody. The order of nodes is nothing, and
Prowl's own clock is nothing but to the checks of clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from prowl.checks import (
    test_backup,
    test_daily,
    test_gate,
    test_recovery,
    test_truth,
    test_tuning,
    test_validators,
)
from prowl.checks.registry import check_of
from prowl.checks.selftest.survey_kit import (
    DECLARED,
    HEIGHT,
    HELD,
    NOW,
    answers,
    block,
    chain,
    look,
    node,
    survey,
    verdict,
)
from prowl.checks.selftest.test_backup_checks import host as backup_host
from prowl.checks.selftest.test_backup_checks import sound
from prowl.fixtures.clients.metrics_page import Metric
from prowl.fixtures.hosts.facts import Archive, ClockOffset, ConfigFile, Cron, DiskUse, HostFacts, Running, Swap
from prowl.fixtures.network import Validator
from prowl.fixtures.survey.survey import Answer, BlockSeen, HealthAnswer, Look, NodeSurvey, Survey

MODULES = (test_backup, test_daily, test_gate, test_recovery, test_truth, test_tuning, test_validators)
CHECKS = {
    found.item: (function, found.scope)
    for module in MODULES
    for function in vars(module).values()
    if (found := check_of(function)) is not None and "earlier" not in found.needs
}
ADDRESSES = [f"0x{number:040x}" for number in range(1, 5)]
SICK = "node-2"
DISK = DiskUse(50, 100, "x")
Change = Callable[[Survey], Survey]


def healthy() -> Survey:
    """Four nodes whose every item is held."""
    config = {
        "validators": ADDRESSES,
        "storage": {"cacheSize": 2000},
        "p2pMaxPeers": 100,
        "p2pRateLimitMaxRequests": 500,
    }
    facts = replace(
        backup_host(sound(0)),
        running=Running(7, open_files=65_535, resident_bytes=200_000_000),
        config=ConfigFile("/etc/coc.json", config),
        swap=Swap(10**9),
    )
    blocks = {**chain(), HEIGHT: block(HEIGHT), HEIGHT - 10: block(HEIGHT - 10)}
    looks = [look(NOW - 8 + 2 * n, HEIGHT - 8 + 2 * n) for n in range(5)]
    ok = (HealthAnswer("http://x/health", 200),)
    found: dict[str, Any] = {"host": facts, "disk": DISK, "looks": looks, "health": ok}
    found["blocks"] = {**blocks, HEIGHT: replace(block(HEIGHT), timestamp=int(NOW) - 1)}
    return survey(*(node(f"node-{n}", answers=answers(), **found) for n in range(1, 5)), shared_heights=(HEIGHT - 1,))


def of_node(name: str = SICK, **fields: Any) -> Change:
    return lambda seen: replace(seen, nodes={**seen.nodes, name: replace(seen.nodes[name], **fields)})


def of_looks(change: Callable[[Look], Look], name: str = SICK, newest: bool = False) -> Change:
    def changed(seen: Survey) -> Survey:
        looks = seen.nodes[name].looks
        kept = looks[:-1] if newest else ()
        return of_node(name, looks=(*kept, *(change(each) for each in looks[len(kept) :])))(seen)

    return changed


def of_metric(name: str, value: float | None, newest: bool = False) -> Change:
    reading = Metric(value, "" if value is not None else f"{name} is missing")
    return of_looks(lambda each: replace(each, metrics={**each.metrics, name: reading}), newest=newest)


def of_host(**fields: Any) -> Change:
    def changed(seen: Survey) -> Survey:
        host = seen.nodes[SICK].host
        assert host is not None
        return of_node(host=replace(host, **fields))(seen)

    return changed


def of_running(**fields: Any) -> Change:
    def changed(seen: Survey) -> Survey:
        host = seen.nodes[SICK].host
        assert host is not None
        assert host.running is not None
        return of_host(running=replace(host.running, **fields))(seen)

    return changed


def of_answer(method: str, result: Any) -> Change:
    def changed(seen: Survey) -> Survey:
        answer = Answer(NOW, result, "" if result is not None else "no answer")
        return of_node(answers={**seen.nodes[SICK].answers, method: answer})(seen)

    return changed


def of_blocks(change: Callable[[BlockSeen], BlockSeen]) -> Change:
    return lambda seen: of_node(blocks={number: change(each) for number, each in seen.nodes[SICK].blocks.items()})(seen)


def standing(seen: Survey) -> Survey:
    """The node's height stands for longer than a pause may last; the others' goes on."""
    times = {each.at: NOW - 16 + 4 * number for number, each in enumerate(seen.nodes[SICK].looks)}
    return of_looks(lambda each: replace(each, at=times[each.at], height=HEIGHT - 16))(seen)


METRICS = ("coc_block_height", "coc_consensus_state", "coc_peers_connected", "coc_process_memory_bytes",
           "coc_bft_equivocations_total", "coc_tx_pool_pending")  # fmt: skip
SICKNESSES: Mapping[str, Change] = {
    "stands": standing,
    "is behind": of_looks(lambda each: replace(each, height=(each.height or 0) - 12)),
    "is degraded": of_metric("coc_consensus_state", 1),
    "has lost peers": of_metric("coc_peers_connected", 1),
    "counts too many": of_metric("coc_peers_connected", 9),
    "has no memory left": of_metric("coc_process_memory_bytes", 3e9),
    "sees double votes": of_metric("coc_bft_equivocations_total", 1, newest=True),
    "has a backlog": of_metric("coc_tx_pool_pending", 900),
    "lies about its height": of_metric("coc_block_height", 7),
    "is on a fork": of_blocks(lambda each: replace(each, hash=each.hash + "f")),
    "has another state": of_blocks(lambda each: replace(each, state_root="0xother")),
    "has a full disk": of_node(disk=DiskUse(90, 100, "x")),
    "has no health": of_node(health=(HealthAnswer("http://x/health", 503),)),
    "has another version": of_answer("web3_clientVersion", "COC/0.1"),
    "has another chain id": of_answer("eth_chainId", "0x1"),
    "names others": of_answer("coc_getValidators", [{"address": each} for each in ADDRESSES[:3]]),
    "has a switch on": of_running(environment={"COC_DEV_RELAXED_QUORUM": "1"}),
    "has few descriptors": of_running(open_files=1024),
    "lies about its memory": of_running(resident_bytes=10**9),
    "has other stakes": of_host(config=ConfigFile("/etc/coc.json", {"validators": ADDRESSES[:3]})),
    "has no cron": of_host(cron=Cron(())),
    "has a torn backup": of_host(newest_archive=Archive("coc-backup", False, (), "unexpected end of file")),
    "has no room": of_host(backup_disk=DiskUse(100 * 10**9, 100 * 10**9, "x")),
    "has no swap": of_host(swap=Swap(0)),
    "has a clock of its own": of_host(clock=ClockOffset(60.0, 0.1)),
}
BLIND: Mapping[str, Change] = {
    **{f"without {metric}": of_metric(metric, None) for metric in METRICS},
    **{f"without the newest {metric}": of_metric(metric, None, newest=True) for metric in METRICS},
    **{f"without {method}": of_answer(method, None)
       for method in ("coc_getValidators", "web3_clientVersion", "eth_chainId")},
    "without blocks": of_node(blocks={}, blocks_problem="no answer"),
    "without an interval": lambda seen: replace(seen, block_interval_seconds=None),
    "without a common height": lambda seen: replace(seen, common_height=None, shared_heights=()),
    "without a disk": of_node(disk=None),
    "without health": of_node(health=(HealthAnswer("http://x/health", None, "no answer"),)),
    "without a host": of_node(host=HostFacts("local")),
    "without a process": of_host(running=Running(problem="not found")),
    "without an environment": of_running(environment={}, environment_problem="Permission denied"),
    "without a crontab": of_host(cron=Cron((), "Permission denied")),
    "without a clock": of_host(clock=ClockOffset(problem="no answer")),
    "without a configuration": of_host(config=ConfigFile("/etc/coc.json", {}, "Permission denied")),
    "without an archive": of_host(newest_archive=None),
    "without any look": of_node(looks=()),
    "without its newest answer": of_looks(
        lambda each: Look(each.at, None, "no answer", {}, "no answer"), newest=True
    ),
}  # fmt: skip


# What two sicknesses make of each other's checks: a signal that tells of a sickness is no lie.
TOLD = {
    ("stands", "is degraded"): "truth/consensus",
    ("stands", "has no health"): "truth/health",
    ("is behind", "has no health"): "truth/health",
    ("has lost peers", "counts too many"): "daily/peers",
}
NOT_ASKED = {"validators/stakes", "validators/clocks"}  # of the network: a node whose host is not reached has no part


def keys(seen: Survey) -> list[tuple[str, str | None]]:
    """Every check, on every node or of the network."""
    return [
        (item, name) for item, (_its, scope) in CHECKS.items() for name in (seen.nodes if scope == "node" else (None,))
    ]


def said(seen: Survey, key: tuple[str, str | None]) -> str:
    return verdict(CHECKS[key[0]][0], seen, key[1])[0]


def ailing(seen: Survey) -> set[tuple[str, str | None]]:
    return {key for key in keys(seen) if said(seen, key) != HELD}


def test_all_is_held_of_a_healthy_network() -> None:
    assert ailing(healthy()) == set()


@pytest.mark.parametrize("sickness", SICKNESSES)
def test_a_sickness_is_seen_and_neither_another_nor_a_veil_makes_it_well(sickness: str) -> None:
    sick = SICKNESSES[sickness](healthy())
    ill = ailing(sick)
    assert ill
    for name, change in {**SICKNESSES, **BLIND}.items():
        made_well = {key[0] for key in ill if name != sickness and said(change(sick), key) == HELD}
        allowed = {TOLD.get((sickness, name), "")} | (NOT_ASKED if name == "without a host" else set())
        assert made_well <= allowed, name


@pytest.mark.parametrize("sickness", ["", *SICKNESSES])
def test_neither_the_order_of_nodes_nor_prowls_own_clock_decides(sickness: str) -> None:
    sick = SICKNESSES[sickness](healthy()) if sickness else healthy()
    turned = replace(sick, nodes=dict(reversed(list(sick.nodes.items()))))
    usual = {key: said(sick, key) for key in keys(sick)}
    assert {key: said(turned, key) for key in usual} == usual
    for seconds in (-7200.0, 7200.0):
        other = by_another_clock(sick, seconds)
        differ = {key[0] for key, value in usual.items() if said(other, key) != value}
        assert differ <= {"gate/head-age", "validators/stamps"}, "these compare stamps with Prowl's own clock"
    assert differ == {"gate/head-age"} or sickness, "two hours ahead, every head is old"


def by_another_clock(seen: Survey, seconds: float) -> Survey:
    """The same survey, taken by a machine whose clock is so much ahead."""

    def of(node_seen: NodeSurvey) -> NodeSurvey:
        host = node_seen.host
        assert host is not None
        assert host.clock is not None
        clock = replace(host.clock, offset_seconds=(host.clock.offset_seconds or 0.0) - seconds)
        looks = tuple(replace(each, at=each.at + seconds) for each in node_seen.looks)
        blocks = {number: replace(each, seen_at=each.seen_at + seconds) for number, each in node_seen.blocks.items()}
        return replace(node_seen, looks=looks, blocks=blocks, host=replace(host, clock=clock))

    nodes = {name: of(each) for name, each in seen.nodes.items()}
    return replace(seen, started=seen.started + seconds, nodes=nodes)


@pytest.mark.parametrize("looks", [3, 5, 40])
def test_a_healthy_network_stays_so_however_long_it_is_looked_at(looks: int) -> None:
    longer = [look(NOW - 2 * looks + 2 + 2 * n, HEIGHT - looks + 1 + n) for n in range(looks)]
    seen = healthy()
    nodes = {name: replace(each, looks=tuple(longer)) for name, each in seen.nodes.items()}
    assert ailing(replace(seen, nodes=nodes)) == set()


def of_shape(validators: int, others: int, listed: int | None = None, **declared: Any) -> Survey:
    """A healthy network of so many validators and other nodes; an inventory that lists the first so many of all."""
    names = [f"0x{number:040x}" for number in range(1, validators + 1)]
    rounds = range(HEIGHT - 2 * validators, HEIGHT + 1)
    blocks = {number: block(number, proposer=names[(number - 1) % validators]) for number in rounds}
    every = validators + others
    config = ConfigFile("/etc/coc.json", {"validators": names})
    nodes = {}
    for number in range(1, (listed or every) + 1):
        name = f"node-{number}"
        looks = [look(NOW - 2 + n, HEIGHT - 2 + n, coc_peers_connected=every - 1) for n in range(3)]
        found: dict[str, Any] = {
            "looks": looks,
            "blocks": blocks,
            "host": replace(backup_host(sound(0)), config=config),
        }
        found["answers"] = answers(
            coc_getValidators=[{"id": each, "address": each} for each in names],
            coc_getPeers=[{"id": f"0x{other:040x}"} for other in range(1, every + 1) if other != number],
        )
        nodes[name] = node(name, role="validator" if number <= validators else "observer", disk=DISK, **found)
    expects = replace(DECLARED, validators=(), addresses={}, **declared)
    return replace(survey(declared=expects), nodes=nodes)


ADVICE = {"truth/memory", *(item for item in CHECKS if item.startswith("tuning/"))}  # no process is in these


@pytest.mark.parametrize("declare", [False, True])
@pytest.mark.parametrize(("validators", "others"), [(1, 1), (3, 0), (3, 1), (4, 0), (4, 2), (7, 0), (7, 3), (20, 0)])
def test_healthy_networks_of_every_shape_are_held(validators: int, others: int, declare: bool) -> None:
    found = tuple(Validator(f"0x{number:040x}", 10**18) for number in range(1, validators + 1)) if declare else ()
    seen = of_shape(validators, others)
    seen = replace(seen, declared=replace(seen.declared, validators=found))
    few = validators + others <= 3 or validators <= 3
    allowed = ADVICE | ({"truth/topology"} if few else set()) | ({"gate/spare-quorum"} if validators <= 3 else set())
    assert {key for key in ailing(seen) if key[0] not in allowed} == set()


@pytest.mark.parametrize(("validators", "others", "listed"), [(4, 1, 4), (7, 0, 3), (7, 2, 5), (4, 0, 1)])
def test_of_a_part_of_a_healthy_network_nothing_is_broken(validators: int, others: int, listed: int) -> None:
    """What can't be told without the rest is unknown, and that alone."""
    seen = of_shape(validators, others, listed)
    ill = {key[0]: said(seen, key) for key in ailing(seen) if key[0] not in ADVICE}
    needs = {item: found.needs for item, (value, _scope) in CHECKS.items() if (found := check_of(value))}
    asked = {item: value for item, value in ill.items() if listed > 1 or "others" not in needs[item]}
    assert set(asked.values()) <= {"unknown"}
    assert set(asked) <= {"validators/quorum", "gate/spare-quorum", "truth/peers"}
