"""What a scenario concludes from its timeline and its steps: unknown where it saw nothing, held never by default."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from prowl.chaos.engine.load import Flow
from prowl.chaos.engine.runner import Played, conclude, play
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.clusters.cluster import ClusterSpec
from prowl.reports.timeline import Header, TimelineWriter

CRASH = SCENARIOS[0]
NODES = ("n1", "n2", "n3", "n4")
FLOWED = Flow(9, 9)


def timeline(path: Path, *, crash: bool = True, equivocations: float = 0) -> Path:
    """Write what a good network of four showed: n4 is killed at 20 s and started at 40 s; a block a second."""
    addresses = {node: f"0x{node}" for node in NODES}
    header = Header(nodes=NODES, addresses=addresses, round_timeout_seconds=2, dead_proposer_seconds=2,
                    start_grace_seconds=0, heal_seconds=2)  # fmt: skip
    writer = TimelineWriter(path, header)
    for second in range(100):
        if crash and second in {20, 40}:
            writer.event(second - 0.1, "kill n4" if second == 20 else "start n4")
        down = crash and 20 <= second < 41
        for number, node in enumerate(NODES):
            if down and node == "n4":
                writer.error(second, node, "ConnectionRefusedError")
                continue
            peers = 2 if down else 3
            maker = "n1" if down else NODES[second % 4]
            seen = {"block_height": second, "rpc_height": second, "consensus_state": 0, "peers_connected": peers}
            block = {"latest": [second, f"0x{second}", f"0x{second - 1}", True], "fin": [second, f"0x{second}"]}
            counted = equivocations if number == 0 and second > 50 else 0.0
            more = {"miner": f"0x{maker}", "health": 200, "bft_equivocations_total": counted}
            writer.sample(second + 0.01, node, {**seen, **block, **more})
    writer.event(100, "end")
    writer.close()
    return path


def test_all_is_held(tmp_path: Path) -> None:
    outcome = conclude(CRASH, timeline(tmp_path / "t.jsonl"), Played(flow=FLOWED), 1.0)
    assert outcome.verdict.value == "held", outcome
    assert "9 of 9 transfers" in outcome.observed


@pytest.mark.parametrize("flow", [None, Flow(0, 0), Flow(9, 8)])
def test_a_load_that_did_not_flow_is_unknown(tmp_path: Path, flow: Flow | None) -> None:
    outcome = conclude(CRASH, timeline(tmp_path / "t.jsonl"), Played(flow=flow), 1.0)
    assert outcome.verdict.value == "unknown"
    assert "the load did not flow" in outcome.observed


def test_a_step_that_failed_is_unknown_with_its_sentence(tmp_path: Path) -> None:
    outcome = conclude(CRASH, timeline(tmp_path / "t.jsonl"), Played(failed="no effect", flow=FLOWED), 1.0)
    assert outcome.verdict.value == "unknown"
    assert "no effect" in outcome.observed


def test_an_invariant_that_had_no_occasion_is_unknown(tmp_path: Path) -> None:
    outcome = conclude(CRASH, timeline(tmp_path / "t.jsonl", crash=False), Played(flow=FLOWED), 1.0)
    assert outcome.verdict.value == "unknown"
    assert "progress-after-heal unknown" in outcome.observed


def test_a_broken_invariant_outweighs_a_failed_step(tmp_path: Path) -> None:
    outcome = conclude(CRASH, timeline(tmp_path / "t.jsonl", equivocations=1), Played(failed="cut"), 1.0)
    assert outcome.verdict.value == "broken"
    assert "equivocation broken" in outcome.observed


def test_no_timeline_at_all_is_unknown(tmp_path: Path) -> None:
    outcome = conclude(CRASH, tmp_path / "t.jsonl", Played(failed="the cluster did not start"), 1.0)
    assert outcome.verdict.value == "unknown"


@pytest.mark.parametrize("count", [1, 3])
def test_a_cluster_without_a_minority_is_unknown_with_a_reason(tmp_path: Path, count: int) -> None:
    outcome = play(CRASH, ClusterSpec(count), tmp_path, 1, lambda _line: None)
    assert outcome.verdict.value == "unknown"
    assert f"the {count} nodes" in outcome.observed
    assert not list(tmp_path.rglob("processes.jsonl")), "it is told before anything starts"


def test_a_cluster_that_does_not_start_leaves_its_logs_and_they_are_named(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "print('I fail'); raise SystemExit(3)"]
    spec = ClusterSpec(4, command=lambda _config, _defect: failing)
    outcome = play(CRASH, spec, tmp_path, 1, lambda _line: None)
    assert outcome.verdict.value == "unknown"
    assert "ended at its start with exit code 3" in outcome.observed
    assert outcome.evidence[-1].endswith(str(tmp_path / "evidence"))
    logs = list((tmp_path / "evidence").glob("node-*/node.log"))
    assert any(path.read_text() == "I fail\n" for path in logs)


def test_an_unavailable_fault_is_unknown_and_starts_nothing(tmp_path: Path) -> None:
    class Nowhere(type(CRASH.fault)):  # type: ignore[misc]
        def unavailable(self, cluster: object) -> str:
            return "no such thing here"

    outcome = play(replace(CRASH, fault=Nowhere()), ClusterSpec(4), tmp_path, 1, lambda _line: None)
    assert outcome.verdict.value == "unknown"
    assert "no such thing here" in outcome.observed
    assert not list(tmp_path.rglob("processes.jsonl"))
