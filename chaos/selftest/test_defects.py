"""Each planted defect makes exactly the check or the invariant fail that is named for it, on exactly its node.

Nodes with different defects share a cluster: what is wrong with one must not show on another.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.scenario import Shape
from prowl.chaos.engine.steps import During, Recover
from prowl.chaos.engine.targets import named
from prowl.chaos.faults.crash import Crash
from prowl.chaos.scenarios import SCENARIOS
from prowl.checks import test_daily, test_recovery, test_truth, test_validators
from prowl.checks.invariants import judge
from prowl.checks.registry import check_of
from prowl.fixtures import deadlines, targets
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.reference.defects.catalogue import DEFECTS
from prowl.fixtures.survey import sweep
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event, Phase
from prowl.reports.findings import NotHeld
from prowl.reports.timeline import TimelineWriter, read

CHECKS = {
    found.item: function
    for module in (test_daily, test_recovery, test_truth, test_validators)
    for function in vars(module).values()
    if (found := check_of(function)) is not None and found.scope == "node" and "earlier" not in found.needs
}
METRICS = {metric for function in CHECKS.values() if (found := check_of(function)) for metric in found.metrics}
# One shows only while its node catches up.
SEEN_IN_A_SURVEY = [defect for defect in DEFECTS.values() if defect.oracle in CHECKS and defect.name != "ready-early"]
LIMIT_SECONDS = 60.0
# What is wrong with a signal is also what is not true of it, and one that is missing can't be true.
ALSO_SEEN = {
    "height-frozen": {"truth/lag", "truth/consensus", "truth/health"},
    "peers-zero": {"truth/peers"},
    "peers-missing": {"truth/peers"},
    "memory-missing": {"truth/memory"},
    **{f"state-{word}": {"truth/consensus"} for word in ("missing", "nan", "doubled")},
}
# A chain that stands still for want of a round change also owes progress once all nodes are back.
FOLLOWS = {"no-round-change": {"progress-after-heal"}}


def failing(survey: Survey, node: str) -> dict[str, str]:
    """Return the items of a node that are not held, with their verdicts."""
    found = {}
    for item, function in CHECKS.items():
        view = NodeView(survey, node)
        try:
            function(view, *([Limits()] if "limits" in function.__annotations__ else []))
        except NotHeld as verdict:
            found[item] = verdict.verdict.value
    return found


def test_each_defect_that_a_survey_shows_fails_its_own_check_only(tmp_path: Path) -> None:
    assert len(SEEN_IN_A_SURVEY) >= 8
    defects = {f"node-{number}": defect for number, defect in enumerate(SEEN_IN_A_SURVEY, 2)}
    spec = ClusterSpec(len(defects) + 1, defects={node: defect.name for node, defect in defects.items()})
    with EmbeddedCluster(spec, tmp_path) as cluster:
        cluster.start()
        target = targets.parse(f"embedded:{spec.count}")
        survey = sweep.survey("defects", cluster.network, targets.disk_of(target), metrics=METRICS)
    assert failing(survey, "node-1") == {}
    found = {defect.name: set(failing(survey, node)) for node, defect in defects.items()}
    assert found == {each.name: {each.oracle} | ALSO_SEEN.get(each.name, set()) for each in defects.values()}
    missing = next(node for node, defect in defects.items() if defect.name == "state-missing")
    assert set(failing(survey, missing).values()) == {"unknown"}, "a missing state is not 0"


def test_each_signal_that_lies_in_a_stall_is_found_on_its_node_only(tmp_path: Path) -> None:
    lying = {"node-1": "state-frozen", "node-2": "peers-frozen", "node-3": "height-lies", "node-4": "health-lies"}
    victims = ("node-6", "node-7", "node-8")
    path = tmp_path / "timeline.jsonl"
    with EmbeddedCluster(ClusterSpec(8, defects=lying), tmp_path) as cluster:
        cluster.start()
        network = cluster.network
        with Observer(network, TimelineWriter(path, runner.header(network, SCENARIOS[0]))) as observer:
            assert wait_until(lambda: observer.blocks_seen >= 5, LIMIT_SECONDS)
            interval = network.block_interval_seconds or 1.0
            observer.write(Event(0.0, "kill", fault=1, phase=Phase.INJECT, kind="kill", down=victims))
            cluster.kill(*victims)
            observer.write(Event(0.0, "proven", fault=1, phase=Phase.EFFECT))
            observer.hold(2 * deadlines.signal_seconds(network))
            observer.write(Event(0.0, "start", fault=1, phase=Phase.HEAL))
            for name in victims:
                cluster.start_node(name)
            # A recovery counts once it has lasted for two rotations of the proposers.
            observer.hold(deadlines.progress_seconds(interval, network) + 2 * len(network.nodes) * interval)
    broken = {(row.invariant, row.node) for row in judge(read(path)) if row.verdict.value != "held"}
    assert broken == {(DEFECTS[name].oracle, node) for node, name in lying.items()}


@pytest.mark.parametrize(
    "defects",
    [
        {"node-2": "votes-twice", "node-3": "never-rejoins"},
        {f"node-{number}": "no-round-change" for number in range(1, 5)},
    ],
    ids=["votes-twice-never-rejoins", "no-round-change"],
)
def test_each_defect_of_conduct_breaks_its_own_invariant_only(tmp_path: Path, defects: dict[str, str]) -> None:
    steps = (During(Crash(), named("node-3")), Recover())
    scenario = replace(SCENARIOS[0], steps=steps, shape=Shape(block_ms=1000))
    outcome = runner.play(scenario, ClusterSpec(4, defects=defects), tmp_path, 1, lambda _line: None)
    assert outcome.verdict.value == "broken", outcome
    rows = judge(read(tmp_path / "timeline.jsonl"))
    broken = {row.invariant for row in rows if row.verdict.value == "broken"}
    expected = {DEFECTS[name].oracle for name in defects.values()}
    assert broken == expected.union(*(FOLLOWS.get(name, set()) for name in defects.values())), outcome
    kept = tmp_path / "evidence"
    assert outcome.evidence[-1].endswith(str(kept)), "the result says where it is"
    assert {path.name for path in kept.iterdir()} >= {
        "cluster-ledger.jsonl",
        "cluster-processes.jsonl",
        "toxiproxy.log",
    }
    for name in ("node-1", "node-3"):
        assert "coc_block_height" in (kept / name / "metrics.txt").read_text()
        assert {path.name for path in (kept / name).iterdir()} >= {"config.json", "node.log", "data"}
