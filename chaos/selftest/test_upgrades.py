"""A rolling upgrade is told beforehand, stops at a version that does not start, and rolls that node back."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from prowl.chaos.engine import confirmation, runner, upgrades
from prowl.chaos.engine.complaints import Mark
from prowl.chaos.engine.likeness import like
from prowl.chaos.engine.plan import lines
from prowl.chaos.engine.refusals import faults_of, not_asked
from prowl.chaos.engine.stage import Played, StepError
from prowl.chaos.engine.steps import Recover
from prowl.chaos.engine.upgrades import Rolling, foretold
from prowl.chaos.scenarios import upgrade
from prowl.checks.selftest.survey_kit import node, survey
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.hosts.facts import ConfigFile, HostFacts
from prowl.fixtures.manual import catalogue
from prowl.fixtures.network import Network, Validator
from prowl.reports.redaction import HIDDEN
from prowl.reports.verdicts import Verdict

SCENARIOS = {scenario.name: scenario for scenario in upgrade.SCENARIOS}
ROLLING = SCENARIOS["rolling-upgrade"]


def test_the_literals_can_be_and_the_gate_plays_one() -> None:
    assert faults_of(upgrade.SCENARIOS, catalogue.catalogue()) == []
    assert [scenario.name for scenario in upgrade.SCENARIOS if scenario.gate] == ["rolling-upgrade"]
    only = SCENARIOS["containers-upgraded-in-turn"]
    assert "about a cluster of containers" in not_asked(only, ClusterSpec(4))


def test_the_plan_names_the_order_and_what_is_confirmed() -> None:
    first, second = ("\n".join(lines({"seed": seed}, [], [ROLLING], ClusterSpec(4))) for seed in ("7", "8"))
    assert "roll      in-drawn-order: " in first
    assert "restart with the version of before" in first
    assert "blocks for a rotation with so many others killed that its vote is needed" in first
    assert "NOTE" not in first
    assert first != second


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ClusterSpec(4), ""),
        (ClusterSpec(3), "without each of these 3 validators there is no quorum"),
        (ClusterSpec(4, stakes={"node-2": 3 * 10**18}), "without node-2 of these 4 validators"),
        (ClusterSpec(7), ""),
    ],
)
def test_where_a_restart_must_halt_the_chain_that_is_said_beforehand(spec: ClusterSpec, words: str) -> None:
    assert foretold(spec).startswith(words) if words else foretold(spec) == ""
    assert ("NOTE" in "\n".join(lines({"seed": "1"}, [], [ROLLING], spec))) is bool(words)


LINE = {"level": "info", "message": "BFT finalized block", "data": {"height": 3}}
REASON = {"level": "info", "message": "peer does not answer", "data": {"reason": "HTTP 404"}}
LOUD = {"level": "warn", "message": "proposal refused", "data": {"reason": "its state root differs"}}
COMPLAINTS: dict[str, tuple[list[Any], str]] = {
    "nothing": ([LINE], ""),
    "a reason in passing": ([LINE, REASON], "peer does not answer: HTTP 404"),
    "a warning goes before it": ([REASON, REASON, LOUD, LINE], "proposal refused: its state root differs"),
    "the last words go before all": ([LOUD, "The store has format 2."], "The store has format 2."),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_a_finding_quotes_what_a_log_complains_of(case: str, tmp_path: Path) -> None:
    rows, expected = COMPLAINTS[case]

    class Paper:
        spec = ClusterSpec(1)

        def log_of(self, name: str) -> Path:
            return tmp_path / name

        def node(self, _name: str) -> object:
            return type("Node", (), {"address": "0xabc"})()

    cluster = Paper()
    log = cluster.log_of("node-1")
    log.write_text("what was said before\n")
    mark = Mark.of(cluster)  # type: ignore[arg-type]
    with log.open("a") as more:
        more.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    said = mark.complaints(cluster, "node-1")  # type: ignore[arg-type]
    assert said == (f'its log: "{expected}"' if expected else "")


def test_a_gates_cluster_has_the_shape_of_its_target() -> None:
    values = {"nodeId": "0x1", "maxTxPerBlock": 99, "rpcAuthToken": "x", "minGasPriceWei": HIDDEN, "rpcPort": 1}
    storage = {"storage": {"cacheSize": 5, "leveldbDir": "/var/lib"}}
    host = HostFacts("local", config=ConfigFile("/etc/coc.json", {**values, **storage}))
    validators = tuple(Validator(f"0x{number}", stake) for number, stake in enumerate((5, 1, 1, 1)))
    network = Network((), 1.0, 2.0, 2.0, 2.0, 0.0, owned=False, validators=validators)
    spec, output = like(ClusterSpec(4), network, survey(node("node-1", host=host)))
    assert spec.stakes == {"node-1": 5, "node-2": 1, "node-3": 1, "node-4": 1}
    assert spec.settings == {"maxTxPerBlock": 99, "storage": {"cacheSize": 5}}
    assert output == "4 validators, the inventory's stakes, 2 configuration keys of node-1"
    assert like(ClusterSpec(4), None, survey(node("node-1"))) == (
        ClusterSpec(4),
        "4 validators, no configuration of it could be read",
    )


def test_a_version_that_does_not_read_the_store_is_stopped_at_the_first_node_and_rolled_back(tmp_path: Path) -> None:
    said: list[str] = []
    spec = ClusterSpec(4, next_version="cannot-read-old-store")
    outcome = runner.play(ROLLING, spec, tmp_path, 3, said.append)
    assert outcome.verdict is Verdict.BROKEN
    (first,) = {line.split()[1] for line in said if line.startswith("upgrade ")}
    assert outcome.observed.startswith(f"the upgrade is stopped at {first}: {first} ended at its start"), outcome
    assert "was written by another version of the node" in outcome.observed
    assert "it can be, and is, started as the version of before again" in outcome.observed
    assert outcome.observed.count("untouched") == 1
    verdicts = {(row.invariant, row.node): row.verdict for row in outcome.judgements}
    assert verdicts["confirmation", first] is Verdict.BROKEN
    others = [key for key, verdict in verdicts.items() if key[0] == "confirmation" and verdict is not Verdict.HELD]
    assert others == [("confirmation", first)]


@pytest.mark.parametrize(("recovers", "touched"), [(True, 4), (False, 2)])
def test_no_further_node_is_upgraded_where_the_network_does_not_come_back_in_the_middle(
    recovers: bool, touched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    played, changed = Played(), []
    stage = Mock(**{"cluster.spec": ClusterSpec(4), "play.played": played})
    stage.resolve.return_value = ("node-4", "node-2", "node-1", "node-3")
    middle = (Recover(),)

    def play_all(_stage: object, steps: tuple[object, ...]) -> None:
        if steps == middle:
            played.recovered = recovers
        else:
            changed.append(steps)

    monkeypatch.setattr(upgrades, "play_all", play_all)
    with nullcontext() if recovers else pytest.raises(StepError, match=r"middle: .*; node-1, node-3 untouched"):
        Rolling(middle=middle).play(stage)
    assert len(changed) == touched


@pytest.mark.parametrize(
    ("before", "grown", "others", "leak"),
    [
        (20e6, 4_000_001, 0, True),
        (20e6, 4_000_000, 0, False),
        (210e6, 21_000_001, -26e6, True),
        (210e6, 21_000_000, -26e6, False),  # where a collector ran in the others, theirs count as no growth
        (20e6, 10_000_001, 3e6, True),
        (20e6, 10_000_000, 3e6, False),
    ],
)
def test_a_process_leaks_if_it_grows_by_more_than_its_collector_and_the_others_explain(
    before: float, grown: float, others: float, leak: bool
) -> None:
    assert upgrades.leaks(before, grown, others) == leak


@pytest.mark.parametrize(
    ("quiet_seconds", "sentence"), [(20.1, "sees no block from anybody for 20 s (height 7)"), (20.0, "")]
)
def test_where_nobody_makes_blocks_the_node_that_is_waited_for_is_not_blamed(
    quiet_seconds: float, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "pause_seconds", lambda *_: 15.0)
    stage = Mock(**{"observer.tips": [(3.0, 6), (4.0, 7)], "network.start_grace_seconds": 5.0})
    stage.observer.now.return_value = 4.0 + quiet_seconds
    assert confirmation.standstill(stage) == sentence


ODD, EVEN = "0xodd", "0xeven"


@pytest.mark.parametrize(
    ("proposers", "memory", "trouble"),
    [
        ((ODD, EVEN), (100e6, 100e6), ""),
        ((ODD, EVEN), (100e6, 120e6), "loses memory"),
        ((ODD, EVEN), (100e6, None), "shows no process_memory_bytes"),
        ((ODD, EVEN), (None, 100e6), "shows no process_memory_bytes"),
        ((EVEN, EVEN), (100e6, 100e6), "can't be compared: it made none of the 10 blocks whose coming was seen"),
        ((ODD, ODD), (100e6, 100e6), "can't be compared: the others made none of the 10 blocks"),
    ],
)
def test_a_soak_takes_nothing_that_was_not_seen_for_well(
    proposers: tuple[str, str],
    memory: tuple[float | None, float | None],
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Mock(**{"network.nodes": [1, 2], "play.interval_seconds": 1.0, "observer.tip": 0})
    stage.observer.now.return_value = 0.0
    stage.observer.tips = [(float(height), height) for height in range(11)]
    stage.observer.proposals_since.return_value = {height: proposers[height % 2] for height in range(1, 11)}
    stage.cluster.node.return_value.address = ODD
    stage.observer.newest = {"node-1": {upgrades.MEMORY: memory[0]}, "node-2": {upgrades.MEMORY: 100e6}}

    def blocks_come(*_: object) -> float:
        stage.observer.newest["node-1"] = {upgrades.MEMORY: memory[1]}
        stage.observer.tip = 10
        return 10.0

    monkeypatch.setattr(upgrades, "blocks_come", blocks_come)
    observations: list[str] = []
    found = upgrades.soaked(stage, "node-1", 5, observations)
    assert (trouble in found, found == "") == (True, not trouble)
    assert bool(observations) is (trouble in {"", "loses memory"})
