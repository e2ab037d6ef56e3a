"""Causes: each situation beside its nearest miss, and what may not be explained away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prowl.checks.causes import diagnose
from prowl.checks.reasons import TargetWords
from prowl.checks.selftest.survey_kit import HEIGHT, NOW, answers, block, chain, look, node, survey
from prowl.fixtures.survey.survey import Look, NodeSurvey, Survey
from prowl.reports.verdicts import Result, Verdict

BROKEN, UNKNOWN, HELD = Verdict.BROKEN, Verdict.UNKNOWN, Verdict.HELD
KEYS = {"/nowhere/backups": "backup_dir", "/b/1": "backup_dir", "/b/2": "backup_dir", "http://p:9090": "prometheus"}
ASKED = TargetWords("testnet.toml", "prowl run", "--target testnet.toml", KEYS)


def refused(name: str, what: str = "", why: str = "Connection refused") -> str:
    return f"no answer from http://{name}:1{what}: {why}"


def silent(name: str, why: str = "Connection refused") -> NodeSurvey:
    looks = [Look(NOW + at, None, refused(name, why=why), {}, refused(name, "/metrics", why)) for at in (-1, 0)]
    return node(name, looks, blocks={}, answers={}, health=())


def row(item: str, whose: str | None, verdict: Verdict, observed: str = "seen") -> Result:
    return Result(item, verdict, "p", "e", observed, node=whose, next="do it")


def standing(name: str, seconds: float, peers: float = 3) -> NodeSurvey:
    return node(
        name, [look(NOW - seconds, HEIGHT, coc_peers_connected=peers), look(NOW, HEIGHT, coc_peers_connected=peers)]
    )


def stranger(name: str) -> NodeSurvey:
    return node(name, answers=answers(eth_chainId="0x1267"))


def no_page(name: str, problem: str) -> NodeSurvey:
    return node(name, [Look(NOW - 1, HEIGHT - 1, "", {}, problem), Look(NOW, HEIGHT, "", {}, problem)])


def no_rpc(name: str, problem: str) -> NodeSurvey:
    looks = [replace(look(NOW + at, None, coc_peers_connected=3), height_problem=problem) for at in (-1, 0)]
    return node(name, looks)


def lonely(name: str, peers: float) -> NodeSurvey:
    return node(name, [look(NOW - 1, HEIGHT - 1), look(NOW, HEIGHT, coc_peers_connected=peers)])


FOUR = ("node-1", "node-2", "node-3", "node-4")
TYPICAL = (
    row("daily/memory", "node-3", UNKNOWN, refused("node-3", "/metrics")),
    row("daily/peers", "node-1", BROKEN, "2 at 12:00:00Z"),
    row("daily/block-height", "node-1", BROKEN, "87 at 12:00:00Z"),
    row("truth/same-chain", None, UNKNOWN, f"node-3: {refused('node-3')}"),
    row("daily/memory", "node-1", BROKEN, "3 GB"),
    row("backup/cron", "node-3", BROKEN, "no job makes backups"),
    row("backup/manual", "node-3", UNKNOWN, "/backups can't be read: permission"),
)
DEAD = "node-3 does not answer"
BOTH = "node-3, node-4 does not answer"


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ((silent("node-3"),), (DEAD, DEAD, "", DEAD, "", "", "")),
        ((silent("node-3"), silent("node-4")), (BOTH, BOTH, BOTH, BOTH, "", "", "")),
        ((), ("",) * 7),
    ],
    ids=["one-dead", "quorum-lost", "all-well"],
)
def test_what_follows_from_a_node_that_does_not_answer(nodes: tuple[NodeSurvey, ...], named: tuple[str, ...]) -> None:
    rows, causes = diagnose(TYPICAL, survey(*nodes), ASKED)
    assert tuple(each.cause for each in rows) == named
    assert [each.verdict for each in rows] == [each.verdict for each in TYPICAL], "a verdict never changes"
    assert [cause.name for cause in causes] == sorted({name for name in named if name})


def test_the_cause_says_which_addresses_since_when_and_what_to_do() -> None:
    (cause,) = diagnose(TYPICAL, survey(silent("node-3")), ASKED)[1]
    assert cause.sentence.startswith("node-3: nothing answers since ")
    assert cause.sentence.endswith("Z or earlier (RPC node-3:1, metrics node-3:1 refused)")
    assert cause.next == "restart node-3 (Failure Recovery > Consensus Stall)"
    assert cause.again == "prowl run --node node-3 --target testnet.toml"
    assert cause.nodes == ("node-3",)
    (lost,) = diagnose(TYPICAL, survey(silent("node-3"), silent("node-4")), ASKED)[1]
    assert "2 of 4 validators are no quorum" in lost.sentence
    assert lost.again == "prowl run --target testnet.toml"


CASES: tuple[tuple[str, Survey, Result, str, str], ...] = (
    (
        "no-network",
        survey(*(silent(name, "Network is unreachable") for name in FOUR)),
        row("daily/peers", "node-1", UNKNOWN, refused("node-1", why="Network is unreachable")),
        "this machine has no network",
        "repair this machine's network",
    ),
    (
        "all-refused",
        survey(*(silent(name) for name in FOUR)),
        row("daily/peers", "node-1", UNKNOWN, refused("node-1", "/metrics")),
        "node-1, node-2, node-3, node-4 does not answer",
        "check the addresses in testnet.toml",
    ),
    (
        "no-metrics",
        survey(no_page("node-2", refused("node-2", "/metrics"))),
        row("daily/memory", "node-2", UNKNOWN, refused("node-2", "/metrics")),
        "node-2's metrics page does not answer",
        "check metrics of node-2 in testnet.toml, the node's COC_METRICS_PORT",
    ),
    (
        "websocket",
        survey(no_rpc("node-2", "http://node-2:1 answered with HTTP 426 and no JSON: b'Upgrade Required'")),
        row("truth/same-chain", None, UNKNOWN, "node-2: http://node-2:1 answered with HTTP 426 and no JSON"),
        "node-2's RPC address is something else's",
        "check rpc of node-2 in testnet.toml",
    ),
    (
        "too-many-calls",
        survey(no_rpc("node-2", "http://node-2:1 answered with HTTP 429 and no JSON: b''")),
        row("truth/lag", "node-2", UNKNOWN, "http://node-2:1 answered with HTTP 429 and no JSON: b''"),
        "node-2 limits this machine's calls",
        "wait a minute",
    ),
    (
        "other-chain",
        survey(stranger("node-2")),
        row("validators/chain-id", None, BROKEN, "4711 on node-2"),
        "node-2 is on another chain",
        "compare chainId",
    ),
    (
        "other-blocks",
        survey(node("node-2", blocks={HEIGHT - 1: block(HEIGHT - 1, fork="b")})),
        row("truth/same-chain", None, BROKEN, "two"),
        "node-2 is on another chain",
        "compare chainId",
    ),
    (
        "two-and-two",
        survey(*(node(name, blocks=chain(fork="b")) for name in FOUR[:2])),
        row("truth/same-chain", None, BROKEN, "two"),
        "",
        "",
    ),
    (
        "cut-off",
        survey(lonely("node-2", 0)),
        row("daily/peers", "node-2", BROKEN, "0"),
        "node-2 is cut off from its peers",
        "temporarily banned",
    ),
    (
        "split",
        survey(*(standing(name, 60, peers=1) for name in FOUR)),
        row("daily/consensus", "node-2", BROKEN, "1"),
        "the network is split",
        "ensure connectivity between all nodes",
    ),
    ("all-peers", survey(lonely("node-2", 3)), row("daily/peers", "node-2", BROKEN, "3"), "", ""),
    (
        "stands",
        survey(*(standing(name, 60) for name in FOUR)),
        row("daily/block-height", "node-2", BROKEN, "100"),
        "the network stands still",
        "restart the affected nodes",
    ),
    (
        "a-pause",
        survey(*(standing(name, 11) for name in FOUR)),
        row("daily/block-height", "node-2", BROKEN, "100"),
        "",
        "",
    ),
    (
        "one-moves",
        survey(*(standing(name, 60) for name in FOUR[:3])),
        row("daily/block-height", "node-2", BROKEN, "100"),
        "",
        "",
    ),
)


@pytest.mark.parametrize(
    ("seen", "result", "name", "step"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_situations_and_their_nearest_misses(seen: Survey, result: Result, name: str, step: str) -> None:
    (found,), causes = diagnose([result], seen, ASKED)
    assert found.cause == name
    assert [cause.next for cause in causes if step not in cause.next] == []
    assert bool(causes) is bool(name)


@pytest.mark.parametrize(
    ("rows", "sentence", "step"),
    [
        (
            [
                row(
                    item,
                    name,
                    UNKNOWN,
                    "/nowhere/backups can't be read: find: '/nowhere/backups': No such file or directory",
                )
                for item in ("backup/name", "backup/manual")
                for name in FOUR[:2]
            ],
            "node-1, node-2: there is no /nowhere/backups",
            "correct backup_dir in testnet.toml, or make the folder",
        ),
        (
            [
                row(item, None, UNKNOWN, "no answer from http://p:9090: refused")
                for item in ("alerts/firing", "alerts/metrics")
            ],
            "prometheus: no answer from http://p:9090: refused",
            "start it, or correct prometheus in testnet.toml",
        ),
        (
            [row(item, "node-1", UNKNOWN, f"cron: Permission denied (at 12:00:0{n}Z)") for n, item in enumerate("ab")],
            "node-1: cron: Permission denied",
            "let the user that Prowl comes as read it",
        ),
        (
            [
                row(item, f"node-{n}", UNKNOWN, f"/b/{n} can't be read: find: No such file or directory")
                for item in ("backup/name", "backup/manual")
                for n in (1, 2)
            ],
            "node-1, node-2: there is no /b/1, /b/2",
            "correct backup_dir in testnet.toml, or make the folder",
        ),
        (
            [
                row(item, "node-1", verdict, "/nowhere/backups does not exist, so there is no backup")
                for item, verdict in (
                    ("backup/every-six-hours", BROKEN),
                    ("backup/name", UNKNOWN),
                    ("backup/space", UNKNOWN),
                )
            ],
            "node-1: there is no /nowhere/backups",
            "correct backup_dir in testnet.toml, or make the folder",
        ),
        ([row("a", name, UNKNOWN, "odd") for name in FOUR], "", ""),
        ([row("a", "node-1", UNKNOWN, "odd"), row("b", "node-1", BROKEN, "odd")], "", ""),
    ],
    ids=["no-folder", "no-prometheus", "no-right", "a-folder-each", "no-backup", "one-item", "one-broken"],
)
def test_the_same_words_of_several_items_are_one_cause(rows: list[Result], sentence: str, step: str) -> None:
    found, causes = diagnose(rows, survey(), ASKED)
    assert [cause.sentence for cause in causes] == ([sentence] if sentence else [])
    assert {bool(each.cause) for each in found} == {bool(sentence)}
    assert all(cause.next.startswith(step) for cause in causes)


def test_what_is_held_and_a_scenario_have_no_cause() -> None:
    scenario = replace(row("recovery/x", None, BROKEN, "node-3"), scenario="cut")
    rows, causes = diagnose([row("daily/peers", "node-3", HELD), scenario], survey(silent("node-3")), ASKED)
    assert [each.cause for each in rows] == ["", ""]
    assert causes == []


def test_without_a_survey_only_words_tell() -> None:
    assert diagnose(TYPICAL, None, ASKED)[1] == []
