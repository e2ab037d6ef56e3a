"""Literals that can't be: each fault is a sentence, all of them are told at once, and good ones are let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prowl.chaos.engine import targets
from prowl.chaos.engine.operations import Restart
from prowl.chaos.engine.refusals import faults_of, not_asked, obstacle
from prowl.chaos.engine.registry import ScenarioError, all_scenarios, demanded
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import Allowance, Do, During, Each, Hold, Recover
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.clusters.protocol import HasProcesses
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.manual import catalogue as manual

GOOD = Scenario(
    "own-crash",
    item="recovery/consensus-stall",
    why="a node dies",
    steps=(During(Crash(), targets.one), Recover()),
    also=("progress-with-quorum", "recovery"),
)


def crash(target: targets.Words, *steps: Hold) -> tuple[During, ...]:
    return (During(Crash(), target, steps or (Hold(),)),)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, ""),
        ({"also": ("agrement",)}, "there is no invariant 'agrement'; did you mean 'agreement'?"),
        ({"also": ("xyz",)}, "there is no invariant 'xyz'; there are agreement, "),
        ({"breaks": ("agrement",), "also": ()}, "did you mean 'agreement'?"),
        ({"also": ("agreement", "recovery")}, "agreement judges every scenario and need not be named"),
        ({"also": ("equivocation", "recovery")}, "equivocation judges every scenario"),
        ({"also": ()}, "it names no liveness"),
        ({"also": (), "breaks": ("agreement",)}, ""),
        ({"item": "recovery/consensus-stal"}, "did you mean 'recovery/consensus-stall'?"),
        ({"name": "Own Crash"}, "a name is made of lower-case letters"),
        ({"name": "own-crash-2"}, ""),
        ({"steps": (Hold(),)}, "nothing is done in it"),
        ({"steps": crash(targets.one, Hold(40))}, "one of its values is of another kind"),  # type: ignore[arg-type]
        ({"steps": crash(targets.one, Hold(intervals=40))}, ""),
        ({"steps": (During(Crash(), targets.one, Hold()),)}, "one of its values is of another kind"),  # type: ignore[arg-type]
        ({"steps": (Do(Restart()), Hold())}, ""),
        ({"steps": crash(targets.named("node-9"))}, "No node is called 'node-9'; there are node-1, "),
        ({"steps": crash(targets.named("node-5")), "shape": Shape(nodes=5)}, ""),
        ({"steps": crash(targets.named("node-5")), "shape": Shape(nodes=4)}, "No node is called 'node-5'"),
        ({"steps": crash(targets.minority), "shape": Shape(nodes=3)}, "holds less than a third of the stake"),
        ({"steps": crash(targets.minority), "shape": Shape(nodes=3, stakes=(5, 1, 5))}, ""),
        ({"steps": crash(targets.proposer_next)}, ""),
        ({"steps": (During(Cut(cut.ring), targets.one),)}, "cuts no edge"),
        ({"steps": (During(Cut(cut.split), targets.all_nodes),)}, "A partition has two or more groups"),
        ({"steps": (Each(targets.all_nodes, crash),)}, ""),
        ({"steps": (Each(targets.one, lambda _node: crash(targets.named("x"))),)}, "No node is called 'x'"),
        ({"shape": Shape(nodes=0)}, ""),  # 0 is none said
        ({"shape": Shape(nodes=101)}, "A cluster has 1 to 100 nodes"),
        ({"shape": Shape(nodes=4, stakes=(1, 2))}, "its network can't be"),
        ({"steps": crash(targets.one, Hold(intervals=2))}, "a pause may last"),
        ({"steps": crash(targets.one, Hold(intervals=2)), "also": ("recovery",)}, ""),
        ({"steps": crash(targets.one, Hold(intervals=2), Hold())}, ""),
        ({"steps": crash(targets.one, Hold(Allowance.SIGNALS))}, ""),  # longer than a pause there
        ({"steps": crash(targets.one, Hold(intervals=-1))}, "a hold has no length"),
    ],
)
def test_a_literal(change: dict[str, object], sentence: str) -> None:
    found = faults_of([replace(GOOD, **change)], manual.catalogue())  # type: ignore[arg-type]
    assert len(found) == bool(sentence), found
    assert sentence in "".join(found)


def test_all_faults_of_all_literals_are_told_at_once() -> None:
    wrong = replace(GOOD, item="nowhere/at-all", also=("agrement", "recovry"))
    part = replace(GOOD, name="crash")
    assert "'crash': its name is a part of 'own-crash'" in faults_of([part, GOOD], manual.catalogue())[0]
    with pytest.raises(ScenarioError) as caught:
        all_scenarios([wrong, GOOD, replace(GOOD, name="minority-crash")])
    output = str(caught.value).splitlines()
    assert len(output) == 6, output
    assert "'nowhere/at-all'" in output[1]
    assert output[4].startswith("  scenario 'own-crash': the name is taken")
    assert output[5].startswith("  scenario 'minority-crash': the name is taken")


def test_prowls_own_are_good() -> None:
    assert all_scenarios(()) == SCENARIOS
    assert all_scenarios([GOOD])[-1] is GOOD


@pytest.mark.parametrize(("value", "good"), [((GOOD,), True), ([GOOD], True), (GOOD, True), (3, False), (["x"], False)])
def test_what_is_no_scenario_is_refused(value: object, good: bool) -> None:
    if good:
        assert demanded(value, "here") == [GOOD]
    else:
        with pytest.raises(ScenarioError, match=r"here: .* is no Scenario"):
            demanded(value, "here")


class Nowhere(Crash):
    """A fault that this machine can't do."""

    def unavailable(self, spec: ClusterSpec) -> str | None:
        return "no such thing here"


class Lacking(Crash):
    """A fault that the kind of cluster can't be asked for."""

    needs = (HasProcesses,)


@pytest.mark.parametrize(
    ("scenario", "spec", "asked", "sentence"),
    [
        (GOOD, ClusterSpec(4), True, ""),
        (replace(GOOD, steps=crash(targets.minority)), ClusterSpec(3), True, "holds less than a third"),
        (replace(GOOD, steps=(During(Nowhere(), targets.one),)), ClusterSpec(4), True, "no such thing here"),
        (replace(GOOD, steps=(During(Lacking(), targets.one),)), ClusterSpec(4), True, ""),
    ],
)
def test_what_only_this_run_lacks_is_no_fault_of_the_literal(
    scenario: Scenario, spec: ClusterSpec, asked: bool, sentence: str
) -> None:
    assert faults_of([scenario], manual.catalogue()) == []
    assert bool(not_asked(scenario, spec)) is not asked
    assert sentence in obstacle(scenario, spec)
    assert bool(obstacle(scenario, spec)) is bool(sentence)


@pytest.mark.parametrize(("kind", "asked"), [("processes", True), ("containers", False)])
def test_a_second_process_past_the_proxies_is_asked_only_of_nodes_that_reach_each_other_so(
    kind: str, asked: bool
) -> None:
    reason = not_asked(
        next(each for each in SCENARIOS if each.name == "more-liars-than-a-third"), ClusterSpec(4, kind=kind)
    )
    assert (reason == "") is asked
    assert asked or "through their proxies only" in reason


@pytest.mark.parametrize(
    ("netns", "shape", "block_ms"),
    [
        (False, Shape(), 250),
        (True, Shape(), 1000),
        (True, Shape(block_ms=2000), 2000),
        (False, Shape(block_ms=400), 400),
    ],
)
def test_blocks_come_slower_where_limits_by_address_are_on(netns: bool, shape: Shape, block_ms: int) -> None:
    assert shape.spec(ClusterSpec(4, netns=netns)).block_ms == block_ms
