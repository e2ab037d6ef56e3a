"""What is kept of a scenario that is not held, without secrets and within its size; and which old runs are deleted."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from prowl.chaos.engine import evidence, prune
from prowl.chaos.engine.evidence import keep, keep_ledger, keep_pages, shed
from prowl.fixtures.cleanup.guard import claim, living
from prowl.fixtures.cleanup.ledger import Ledger
from prowl.fixtures.cleanup.reaper import clear
from prowl.fixtures.cleanup.undo import Netns, Remove
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.selftest.stub import PAGE, StubNode
from prowl.reports.redaction import clean

KEY = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"rpcAuthToken": "s3cret", "a": 1}', '{"rpcAuthToken": "(redacted)", "a": 1}'),
        ('{"privateKey":"0xabc"}', '{"privateKey":"(redacted)"}'),
        (r'"{\"nodeKey\": \"0xabc\", \"b\": 2}"', r'"{\"nodeKey\": \"(redacted)\", \"b\": 2}"'),
        ("COC_NODE_KEY=0xabc npm start", "COC_NODE_KEY=(redacted) npm start"),
        ("db password = 'hunter2' x", "db password = '(redacted)' x"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer (redacted)"),
        ('{"rpcAuthToken": null}', '{"rpcAuthToken": null}'),
        ('{"maxTokens": 5, "hash": "0xabcd"}', '{"maxTokens": 5, "hash": "0xabcd"}'),
        ("block 7 finalized, keys 3", "block 7 finalized, keys 3"),
    ],
)
def test_secrets_are_taken_out_and_nothing_else(text: str, left: str) -> None:
    assert clean(text) == left


@pytest.fixture
def cluster(tmp_path: Path) -> EmbeddedCluster:
    """The folder of a cluster of two that is stopped."""
    made = EmbeddedCluster(ClusterSpec(2), tmp_path / "cluster")
    for number, name in enumerate(made.spec.names):
        store = made.folder_of(name) / "data" / "leveldb-chain"
        store.mkdir(parents=True)
        (store / "000003.log").write_bytes(b"\x00\xff" * 500)
        (store / "CURRENT").write_text("MANIFEST-000001\n")
        (made.folder_of(name) / "data" / "node-key").write_text(KEY)
        (made.folder_of(name) / "config.json").write_text(json.dumps({"nodeId": "0x1", "rpcAuthToken": "s3cret"}))
        made.log_of(name).write_text(f"started with {made.secrets[number]}\nlast line\n")
        (made.folder_of(name) / "link").symlink_to("/etc")
    (made.folder / "processes.jsonl").write_text("{}\n")
    (made.folder / "toxiproxy.log").write_text("")
    made.ledger.owe("kill node-1").healed()
    return made


def test_all_of_it_is_kept_beside_the_timeline_without_a_secret(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    (line,) = keep(cluster, tmp_path / "scenario")
    place = tmp_path / "scenario" / "evidence"
    assert str(place) in line
    assert {path.name for path in place.iterdir()} >= {"ledger.jsonl", "processes.jsonl", "toxiproxy.log", "node-1"}
    for name in cluster.spec.names:
        assert (place / name / "node.log").read_text() == "started with 0x(redacted)\nlast line\n"
        assert json.loads((place / name / "config.json").read_text())["rpcAuthToken"] == "(redacted)"
        store = place / name / "data" / "leveldb-chain"
        assert (store / "000003.log").read_bytes() == b"\x00\xff" * 500, "a store's log is no text"
        assert (store / "CURRENT").exists()
        assert (place / name / "data" / "node-key").read_text() == "(redacted)"
    assert not (cluster.folder_of("node-1") / "data").exists(), "there is one of it, not two"
    everything = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    for secret in (*cluster.secrets, KEY, "s3cret"):
        assert secret.removeprefix("0x").encode() not in everything
    assert not (place / "node-1" / "link").exists()


def test_what_is_too_large_is_bounded_and_told(
    cluster: EmbeddedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "DATA_BYTES", 2000)
    monkeypatch.setattr(evidence, "LOG_BYTES", 10)
    with (cluster.folder_of("node-1") / "data" / "big").open("wb") as file:
        file.truncate(5_000_000)
    lines = keep(cluster, tmp_path / "scenario")
    assert lines[1] == "not kept, for it is too large: the data of node-1 (5 MB)"
    place = tmp_path / "scenario" / "evidence"
    assert not (place / "node-1" / "data").exists()
    assert (place / "node-2" / "data").exists()
    assert (place / "node-1" / "node.log").read_text() == "last line\n"


def test_a_metrics_page_or_why_there_is_none(tmp_path: Path) -> None:
    with StubNode("node-1") as up:
        with StubNode("node-2") as down:
            pass
        nodes = SimpleNamespace(network=SimpleNamespace(nodes=(up.node, down.node)))
        keep_pages(cast(Any, nodes), tmp_path)
    assert (tmp_path / "evidence" / "node-1" / "metrics.txt").read_text() == PAGE.format(height=up.height)
    assert "no answer from http://127.0.0.1:" in (tmp_path / "evidence" / "node-2" / "metrics.txt").read_text()


def test_the_copy_of_a_ledger_is_healed_by_nobody_for_its_cluster_may_run_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "clusters" / "cluster-1")
    ledger.folder.mkdir(parents=True)
    ledger.owe("a namespace", (), [Netns(f"prowl-{ledger.tag}-node-1")])
    keep_ledger(cast(Any, SimpleNamespace(ledger=ledger)), tmp_path / "scenarios" / "crash")
    ledger.folder.joinpath("ledger.jsonl").unlink()
    assert clear(tmp_path, "the test") == []


def test_a_held_scenario_keeps_the_ledger_and_its_cluster_no_data(cluster: EmbeddedCluster, tmp_path: Path) -> None:
    keep_ledger(cluster, tmp_path / "scenario")
    assert [path.name for path in (tmp_path / "scenario").iterdir()] == ["cluster-ledger.jsonl"]
    shed(cluster.folder)
    for name in cluster.spec.names:
        assert cluster.log_of(name).exists()
        assert not (cluster.folder_of(name) / "data").exists()
    assert (cluster.folder / "ledger.jsonl").exists()
    assert Path("/etc/passwd").exists()


def runs(folder: Path, count: int) -> list[Path]:
    made = [folder / f"20260101-{number:06}-7" for number in range(count)]
    for path in made:
        path.mkdir(parents=True)
        (path / "report.json").write_text("x" * 100)
    return made


def test_the_oldest_runs_beyond_the_rule_are_deleted(tmp_path: Path) -> None:
    made = runs(tmp_path, prune.MOST_RUNS + 3)
    (line,) = prune.prune(tmp_path, made[-1])
    assert line.startswith(
        "3 old runs were deleted (the newest 20 that were held and 20 that were not are kept, as long"
        " as they fit into 5 GB)"
    )
    assert sorted(tmp_path.iterdir()) == made[3:]
    assert prune.prune(tmp_path, made[-1]) == []


def test_a_run_that_was_not_held_outlives_those_that_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "MOST_RUNS", 3)
    made = runs(tmp_path, 9)
    for number, path in enumerate(made):
        verdict = "broken" if number < 2 else "held"
        (path / "report.json").write_text(f'{{\n"results": [\n],\n"verdict": "{verdict}",\n"causes": []\n}}\n')
    prune.prune(tmp_path, made[-1])
    assert sorted(tmp_path.iterdir()) == [made[0], made[1], *made[-4:]]
    size = sum(path.lstat().st_size for path in made[0].rglob("*"))
    monkeypatch.setattr(prune, "MOST_BYTES", 3 * size + 2)
    prune.prune(tmp_path, made[-1])
    assert sorted(tmp_path.iterdir()) == [made[0], made[1], made[-1]], (
        "where room is short, those that were held go first"
    )


def test_what_does_not_fit_is_deleted_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = runs(tmp_path, 4)
    size = sum(path.lstat().st_size for path in made[0].rglob("*"))
    monkeypatch.setattr(prune, "MOST_BYTES", 2 * size)
    prune.prune(tmp_path, made[-1])
    assert sorted(tmp_path.iterdir()) == made[2:]
    monkeypatch.setattr(prune, "MOST_BYTES", 0)
    prune.prune(tmp_path, made[-1])
    assert sorted(tmp_path.iterdir()) == made[3:], "its own is never deleted"


def test_a_run_that_is_alive_or_owes_something_is_never_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runs(tmp_path, 5)
    monkeypatch.setattr(prune, "MOST_RUNS", 1)
    claim(made[0])
    owners = living(made[0])
    Ledger(made[1] / "cluster").owe("x", undo=(Remove(str(made[1] / "cluster" / "y")),))
    (made[1] / "cluster" / "owners.jsonl").unlink()
    healed = Ledger(made[2] / "cluster").owe("x")
    healed.healed()
    (made[2] / "cluster" / "owners.jsonl").unlink()
    (made[3] / "ledger.jsonl").write_text('{"schema": 99, "row": "intent", "id": "1"}\n')
    prune.prune(tmp_path, made[-1])
    assert sorted(tmp_path.iterdir()) == [made[0], made[1], made[3], made[4]]
    assert living(made[0]) == owners != [], "this process, or the one that it is a worker of"
