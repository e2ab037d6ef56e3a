"""Upgrades by the dozen: good versions pass with every seed, bad ones are stopped at the first node; so says the gate.

``tox -e upgrade``. What was seen of each is printed (``-s``).
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.load import Load
from prowl.chaos.engine.probes import ask, height_of
from prowl.chaos.engine.runner import Outcome
from prowl.chaos.scenarios import upgrade
from prowl.fixtures.clusters import backups
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.protocol import OLD
from prowl.fixtures.clusters.spec import CHAIN_ID, ClusterError, ClusterSpec
from prowl.fixtures.reference.consensus.votes import LEDGER_NAME
from prowl.fixtures.reference.consensus.witness import vouch, witness_path
from prowl.fixtures.reference.defects.versions import VERSIONS
from prowl.fixtures.reference.selftest.node_kit import HTTP
from prowl.fixtures.waiting import wait_until
from prowl.reports.verdicts import Verdict

SCENARIOS = {scenario.name: scenario for scenario in upgrade.SCENARIOS}
GOOD = [version.name for version in VERSIONS.values() if version.good]
BAD = [version.name for version in VERSIONS.values() if not version.good]
SEEDS = (1, 2, 3, 4, 5)
GATE_SEEDS = tuple(range(1, 11))
GATE_SECONDS = 1200.0
# Its store is another one than the old version reads, or holds what the old version calls invalid.
RESTORED = {"cannot-go-back", "invalid-votes"}


def play(name: str, version: str, seed: int, folder: Path, count: int = 4) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    outcome = runner.play(SCENARIOS[name], ClusterSpec(count, next_version=version), folder, seed, said.append)
    print(f"\n{name}, {count} nodes, {version}, seed {seed}: {outcome.verdict}: {outcome.observed}")
    print("\n".join(f"    {line}" for line in outcome.evidence))
    return outcome, said


@pytest.mark.parametrize("count", [4, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_good_version_is_taken_with_every_seed(seed: int, count: int, tmp_path: Path) -> None:
    outcome, _said = play("rolling-upgrade", GOOD[seed % len(GOOD)], seed, tmp_path, count)
    assert outcome.verdict is Verdict.HELD, outcome.observed


@pytest.mark.parametrize(
    "name", [name for name in SCENARIOS if name not in {"rolling-upgrade"} and "containers" not in name]
)
def test_the_other_scenarios_hold(name: str, tmp_path: Path) -> None:
    outcome, _said = play(name, "indexed", 1, tmp_path)
    assert outcome.verdict is Verdict.HELD, outcome.observed


@pytest.mark.parametrize("version", BAD)
def test_a_bad_version_is_stopped_at_the_first_node_and_named(version: str, tmp_path: Path) -> None:
    outcome, said = play("rolling-upgrade", version, 6, tmp_path)
    assert outcome.verdict is Verdict.BROKEN
    touched = {line.split()[1] for line in said if line.startswith("upgrade ")}
    (first,) = touched
    assert outcome.observed.startswith(f"the upgrade is stopped at {first}: ")
    assert VERSIONS[version].shows in outcome.observed.partition(" untouched")[0], outcome.observed
    back = "so its backup was restored" if version in RESTORED else "started as the version of before again"
    assert back in outcome.observed
    confirmed = [line for line in outcome.evidence if line.startswith(f"{first} takes part")]
    assert confirmed, "the rolled back node takes part, and the network goes on with it"


def gate(folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "prowl.chaos.commands.cli", "gate", "--run-dir", "run", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=GATE_SECONDS, check=False)
    report: dict[str, Any] = json.loads((folder / "run/report.json").read_text())["run"]["gate"]
    print(f"\ngate {' '.join(words)}: {done.returncode}: {report['sentence']}")
    return done.returncode, report, done.stdout


@pytest.mark.parametrize("seed", GATE_SEEDS)
def test_the_gate_says_go_with_ten_seeds_of_ten(seed: int, tmp_path: Path) -> None:
    code, decision, output = gate(tmp_path, "--target", "embedded:4", "--next-version", "next", "--seed", str(seed))
    assert (code, decision["go"]) == (0, True), output


@pytest.mark.parametrize("version", BAD)
def test_the_gate_says_no_go_for_a_bad_version_and_why_in_the_first_line(version: str, tmp_path: Path) -> None:
    code, decision, output = gate(tmp_path, "--target", "embedded:4", "--next-version", version, "--seed", "1")
    assert code == 1, output
    assert decision["sentence"].startswith("NO-GO for embedded:4: upgrade/rolling is broken: the upgrade is stopped at")
    assert VERSIONS[version].shows in decision["reasons"][0]


@contextmanager
def network(folder: Path, defects: dict[str, str], more: str = "") -> Iterator[EmbeddedCluster]:
    """Run a network of reference nodes, each with a backup, and write its inventory."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=500, defects=defects), folder / "net") as cluster:
        cluster.start()
        assert wait_until(lambda: (height_of(cluster, "node-1") or 0) > 12, 120.0, 0.5)
        rows = ["[network]", "block_interval_seconds = 0.5", "round_timeout_seconds = 2", "dead_proposer_seconds = 2"]
        for node in cluster.network.nodes:
            out = folder / "backups" / node.name
            backups.backup(cluster.spec, node, out)
            rows += [
                "[[nodes]]",
                f'name = "{node.name}"',
                f'rpc = "{node.rpc}"',
                f'metrics = "{node.metrics}"',
                f'p2p = "{node.p2p}"',
                f'data_dir = "{node.data_dir}"',
                f'backup_dir = "{out}"',
                f'config = "{node.config}"',
                f'address = "{node.address}"',
                'host = "local"',
                "[[validators]]",
                f'address = "{node.address}"',
                f"stake = {node.stake}",
            ]
        (folder / "testnet.toml").write_text("\n".join([*rows, more]))
        yield cluster


WAIVED = """
[[waivers]]
item = "{item}"
reason = "as it is meant to be in this test"
expires = "{expires}"
"""
SICK = {
    "a node is down": ({}, "gate/answers on node-2 is unknown"),
    "a state is degraded": ({"node-2": "state-degraded"}, "daily/consensus on node-2 is broken"),
    "a metric is missing": ({"node-2": "state-missing"}, "daily/consensus on node-2 is unknown"),
    "a node counts no peers": ({"node-2": "peers-zero"}, "daily/peers on node-2 is broken"),
    "a node shows other state roots": ({"node-2": "root-wrong"}, "truth/same-chain"),
}


@pytest.mark.parametrize("sickness", SICK)
def test_the_gate_says_no_go_for_a_sick_network_and_why_in_the_first_line(sickness: str, tmp_path: Path) -> None:
    defects, reason = SICK[sickness]
    with network(tmp_path, defects) as cluster:
        if not defects:
            cluster.kill("node-2")
        code, decision, output = gate(tmp_path, "--target", "testnet.toml")
    assert code == 1, output
    assert decision["sentence"].startswith(f"NO-GO for testnet.toml: {reason}"), decision["reasons"]


def test_the_gate_says_go_for_a_healthy_inventory_and_a_good_version(tmp_path: Path) -> None:
    # Four nodes on one address run without limits by address, which a real network must not.
    with network(tmp_path, {}, WAIVED.format(item="tuning/unsafe-switches", expires="2031-01-01")):
        code, decision, output = gate(tmp_path, "--target", "testnet.toml", "--next-version", "indexed", "--strict")
        assert (code, decision["go"]) == (0, True), output
        assert "in the target's shape: 4 validators, equal stakes, " in output


@pytest.mark.parametrize(("expires", "code"), [("2031-01-01", 0), ("2020-01-01", 1)])
def test_a_waiver_counts_until_its_day(expires: str, code: int, tmp_path: Path) -> None:
    with network(tmp_path, {"node-2": "state-missing"}, WAIVED.format(item="daily/consensus", expires=expires)):
        found, decision, output = gate(tmp_path, "--target", "testnet.toml")
    assert "daily/consensus on node-2" in " ".join([decision["sentence"], *decision["waived"]]), output
    assert found == code or "truth/consensus" in decision["reasons"][0], decision["reasons"]


def test_a_gate_that_is_ended_in_the_middle_is_no_go_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "prowl.chaos.commands.cli", "gate", "--run-dir", "run", "--target", "embedded:4"]
    for number in (signal.SIGTERM, signal.SIGKILL):
        folder = tmp_path / number.name
        folder.mkdir()
        with (folder / "out").open("w") as out:
            run = subprocess.Popen([*command, "--next-version", "next"], cwd=folder, stdout=out, stderr=out)
        begun = wait_until(lambda: "kill node-" in (folder / "out").read_text(), GATE_SECONDS, 0.5)  # noqa: B023
        assert begun, (folder / "out").read_text()
        run.send_signal(number)
        code = run.wait(120)
        decision = json.loads((folder / "run/report.json").read_text())["run"]["gate"]
        print(f"\nended by {number.name}: {code}: {decision['sentence']}")
        assert code != 0
        assert decision["sentence"].startswith("NO-GO for embedded:4: ")
        assert wait_until(lambda: not _of(folder), 60.0, 0.5), _of(folder)  # noqa: B023


def _of(folder: Path) -> list[str]:
    """Return the processes that work below a folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(folder) in words and process.info["pid"] != psutil.Process().pid:
            found.append(words[:200])
    return found


def test_a_gate_that_does_not_end_in_time_is_no_go(tmp_path: Path) -> None:
    began = time.monotonic()
    code, decision, output = gate(tmp_path, "--target", "embedded:4", "--next-version", "next", "--within", "0.7")
    assert code == 1, output
    assert "time limit" in decision["sentence"]
    assert time.monotonic() - began < 180.0


THREE = ("node-1", "node-2", "node-3")
HONEST = "node-4"


def test_three_of_four_that_decide_wrongly_are_not_followed_and_come_back_only_by_the_operators_word(
    tmp_path: Path,
) -> None:
    """Three validators are a quorum, whatever they compute. What they signed stays signed: no restore undoes it."""
    with EmbeddedCluster(ClusterSpec(4, block_ms=500), tmp_path) as cluster:
        cluster.start()
        assert wait_until(lambda: (height_of(cluster, HONEST) or 0) > 8, 120.0, 0.5)
        archives = {name: backups.backup(cluster.spec, cluster.node(name), tmp_path / "b" / name) for name in THREE}
        cluster.terminate(*THREE)
        for name in THREE:
            cluster.start_node(name, version="other-root")
        with Load(cluster.network, random.Random(1)):
            alone = wait_until(lambda: _ahead(cluster) >= 8 and height_of(cluster, HONEST), 240.0, 0.5)
        assert alone, "three of four go on, and the fourth does not follow"
        assert HTTP.get(f"{cluster.node(HONEST).rpc}/health").status_code == 503

        # The manual's restore, with the version of before: their witnesses know of the votes for the other block.
        cluster.terminate(*THREE)
        for name in THREE:
            backups.restore(cluster.spec, archives[name], cluster.node(name))
            with suppress(ClusterError):  # one that finds itself bound to the other block ends with a sentence
                cluster.start_node(name, version=OLD)
        assert not wait_until(lambda: (height_of(cluster, HONEST) or 0) > alone, 30.0, 0.5), "safe, and at a stand"

        # The operator's word that the other chain is void: all stop, and say what they did not sign on this one.
        for name in cluster.spec.names:
            if cluster.is_running(name):
                cluster.terminate(name)
            data = cluster.data_of(name)
            for path in (witness_path(data), data / LEDGER_NAME):
                path.unlink(missing_ok=True)
            vouch(data, CHAIN_ID, cluster.key(name).address, alone)
        for name in cluster.spec.names:
            cluster.start_node(name)
        assert wait_until(
            lambda: all((height_of(cluster, each) or 0) > alone + 8 for each in cluster.spec.names), 180.0
        )
        nodes = cluster.network.nodes
        assert len({ask(node.rpc, "eth_getBlockByNumber", hex(alone + 4), False)["hash"] for node in nodes}) == 1


def _ahead(cluster: EmbeddedCluster) -> int:
    heights = [height_of(cluster, name) or 0 for name in THREE]
    return min(heights) - (height_of(cluster, HONEST) or min(heights))
