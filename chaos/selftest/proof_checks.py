"""Proofs of checks that take a network: the restore drill, a node that says it is ready early, and the gate.

Long, so not among the selftests: ``tox -e proof -- chaos/selftest/proof_checks.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prowl.checks import test_truth
from prowl.checks.selftest.survey_kit import BROKEN, HELD, verdict
from prowl.checks.selftest.test_drill_checks import said
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec, reference_command
from prowl.fixtures.drill import drill
from prowl.fixtures.proxies.wishes import DOWNSTREAM, Wish
from prowl.fixtures.reference.storage.backup import backup
from prowl.fixtures.survey import sweep
from prowl.fixtures.waiting import wait_until

pytest_plugins = ("pytester",)

LIMIT_SECONDS = 60.0
HOUR = 3600.0
MISSED_BLOCKS = 100
WAIVER = """
[[waivers]]
item = "tuning/unsafe-switches"
reason = "all nodes share one address here"
expires = "2099-01-01"
"""
SLOW_KB = 10
SLOW_SECONDS = 20.0


def height(cluster: EmbeddedCluster, name: str) -> int:
    seen = sweep.survey("height", cluster.network)
    return seen.nodes[name].looks[-1].height or 0


@dataclass
class Backups:
    """A stopped cluster's folder, its first and its later backup, and a node's configuration."""

    folder: Path
    first: Path
    later: Path
    config: dict[str, Any]


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Backups:
    folder = tmp_path_factory.mktemp("cluster")
    with EmbeddedCluster(ClusterSpec(4, block_ms=300), folder) as cluster:
        cluster.start()
        data = cluster.node("node-1").data_dir
        assert data is not None
        first = backup(data, folder / "backups")
        begin = height(cluster, "node-1")
        assert wait_until(lambda: height(cluster, "node-1") >= begin + 10, LIMIT_SECONDS)
        later = backup(data, folder / "backups")
        assert wait_until(lambda: height(cluster, "node-1") >= begin + 20, LIMIT_SECONDS)
        config = json.loads((cluster.folder_of("node-1") / "config.json").read_text())
    return Backups(folder, first, later, config)


def test_a_backup_opens_at_the_height_of_its_name_and_syncs_from_a_stopped_nodes_files(
    backups: Backups, tmp_path: Path
) -> None:
    rest = backups.folder / "node-2" / "data"
    before = sorted(path.name for path in rest.rglob("*"))
    found = drill(tmp_path / "drill", backups.config, reference_command, [backups.later, backups.first], rest)
    assert said(found) == HELD, found
    assert (found.rest_to or 0) >= (found.began_at or 0) + 5
    assert sorted(path.name for path in rest.rglob("*")) == before, "what it synced from is as it was"
    assert not list((tmp_path / "drill").rglob("leveldb-chain")), "what was thrown away is gone"


def test_the_backup_before_syncs_from_the_newest(backups: Backups, tmp_path: Path) -> None:
    found = drill(tmp_path / "drill", backups.config, reference_command, [backups.later, backups.first], None)
    assert said(found) == HELD, found
    alone = drill(tmp_path / "alone", backups.config, reference_command, [backups.later], None)
    assert said(alone) == "unknown"
    assert "one backup only" in alone.rest


def test_a_torn_or_misnamed_backup_is_broken(backups: Backups, tmp_path: Path) -> None:
    torn = tmp_path / backups.later.name
    torn.write_bytes(backups.later.read_bytes()[:-2000])
    found = drill(tmp_path / "torn", backups.config, reference_command, [torn], None)
    assert (said(found), "can't be unpacked" in found.problem) == (BROKEN, True), found
    stem, _, number = backups.later.name.removesuffix(".tar.gz").rpartition("-h")
    wrong = tmp_path / f"{stem}-h{int(number) + 1}.tar.gz"
    shutil.copy(backups.later, wrong)
    found = drill(tmp_path / "wrong", backups.config, reference_command, [wrong, backups.first], None)
    assert said(found) == BROKEN, found


def test_a_node_that_says_it_is_ready_early_is_found(tmp_path: Path) -> None:
    """It is looked at again and again while it catches up, block by block and through slow edges, on what it missed.

    A snapshot is so small that it would be there before the first look is over.
    """
    spec = ClusterSpec(4, block_ms=200, defects={"node-3": "ready-early"}, settings={"enableSnapSync": False})
    with EmbeddedCluster(spec, tmp_path) as cluster:
        cluster.start()
        found = {name: _said_while_catching_up(cluster, name) for name in ("node-3", "node-4")}
    assert BROKEN in found["node-3"], found
    assert BROKEN not in found["node-4"], found
    assert HELD in found["node-4"], found


def _said_while_catching_up(cluster: EmbeddedCluster, name: str) -> list[str]:
    """Return what the check says of a node, look after look, from its start until it is back at the tip."""
    cluster.kill(name)
    missed = height(cluster, "node-1") + MISSED_BLOCKS
    assert wait_until(lambda: height(cluster, "node-1") >= missed, LIMIT_SECONDS)
    edges = [cluster.edges.edge(name, other) for other in cluster.spec.names if other != name]
    for edge in edges:
        cluster.edges.impose(1, [edge], Wish(toxics=(("bandwidth", DOWNSTREAM, {"rate": SLOW_KB}),)))
    cluster.start_node(name)
    said = []

    def back() -> bool:
        seen = sweep.survey("catching up", cluster.network)
        said.append(verdict(test_truth.test_health_is_true, seen, name)[0])
        return verdict(test_truth.test_at_the_tip, seen, name)[0] == HELD

    back()
    wait_until(back, SLOW_SECONDS)
    cluster.edges.restore(edges)
    assert wait_until(back, LIMIT_SECONDS)
    return said


def test_the_gate_is_go_on_reference_nodes_and_no_go_with_each_sickness(pytester: pytest.Pytester) -> None:
    with EmbeddedCluster(ClusterSpec(5), pytester.path / "cluster") as cluster:
        cluster.start()
        rows = ["[network]\nchain_id = 18780\nround_timeout_seconds = 2\ndead_proposer_seconds = 2\n"]
        for node in cluster.network.nodes:
            folder = pytester.path / "backups" / node.name
            assert node.data_dir is not None
            backup(node.data_dir, folder)
            rows.append(
                f'[[nodes]]\nname = "{node.name}"\nrpc = "{node.rpc}"\nmetrics = "{node.metrics}"\np2p = "{node.p2p}"\n'
                f'data_dir = "{node.data_dir}"\nbackup_dir = "{folder}"\nhost = "local"\n'
            )
        # A cluster's nodes share an address, so their limiters are off; to a gate that is an unsafe switch.
        pytester.makefile(".toml", testnet="\n".join(rows))
        words = (sys.executable, "-m", "prowl.chaos.commands.cli", "gate", "--target", "testnet.toml")
        unsafe = pytester.run(*words, timeout=120)
        assert unsafe.ret == 1
        first = _decision(unsafe)
        assert first.startswith("NO-GO for testnet.toml: tuning/unsafe-switches on node-1 is broken: COC_RPC_RATE"), (
            first
        )
        pytester.makefile(".toml", testnet="\n".join([*rows, WAIVER]))
        go = pytester.run(*words, timeout=120)
        assert go.ret == 0, go.stdout.str()
        output = "GO for testnet.toml: 64 results on 5 nodes are held, but for 5 that are waived"
        assert _decision(go) == f"{output}; the upgrade itself was not tried", go.stdout.str()
        assert "COC_RPC_RATE_LIMIT_DISABLED=1" in go.stdout.str()
        (archive,) = (pytester.path / "backups" / "node-2").iterdir()
        whole = archive.read_bytes()
        for sickness, old_seconds, content in (("every-six-hours", 8 * HOUR, whole), ("manual", HOUR, whole[:-2000])):
            archive.write_bytes(content)
            os.utime(archive, (time.time() - old_seconds,) * 2)
            sick = _decision(pytester.run(*words, timeout=120))
            assert sick.startswith(f"NO-GO for testnet.toml: backup/{sickness} on node-2 is broken"), sick
        archive.write_bytes(whole)
        cluster.kill("node-3")
        no_go = pytester.run(*words, timeout=120)
    assert no_go.ret == 1
    first = _decision(no_go)
    assert first.startswith("NO-GO for testnet.toml: gate/answers on node-3 is unknown"), first


def _decision(result: pytest.RunResult) -> str:
    return next(line for line in result.stdout.lines if line.startswith(("GO", "NO-GO")))
