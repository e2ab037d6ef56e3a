"""Each cell of the topology table, played on reference nodes: what the chain did meanwhile, and that it came back.

One play a network goes through nearly all classes in one cluster; its timeline is judged like any other.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.selftest.topology_kit import PLAYS, SLOW, WITHOUT_BFT, shape_of
from prowl.checks.invariants.history import seen_of
from prowl.checks.invariants.quorum import Course
from prowl.checks.topology import CLASSES, NETWORKS, FaultClass
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.events import Phase
from prowl.reports.timeline import Timeline, read
from prowl.reports.verdicts import Verdict

Blocks = dict[str, int]


def play(folder: Path, network: str, *classes: FaultClass) -> Blocks:
    """Play these classes one after the other; return how many blocks came while each was on, by its name."""
    scenario = Scenario(
        "every-class",
        item="recovery/consensus-stall",
        why="",
        steps=tuple(step for each in classes for step in PLAYS[each.name]),
        also=("progress-after-heal", "recovery"),
        shape=shape_of(network, classes[0].name),
    )
    outcome = runner.play(scenario, ClusterSpec(4), folder, 1, print)
    print(outcome.observed, *outcome.evidence, sep="\n")
    assert outcome.verdict is Verdict.HELD, outcome.observed
    return dict(zip((each.name for each in classes), blocks(read(folder / "timeline.jsonl")), strict=True))


def blocks(timeline: Timeline) -> list[int]:
    """Return, for each fault in turn, how many blocks came while it was on; one that was on its way is none."""
    proven = {event.fault: event.t for event in timeline.events if event.phase is Phase.EFFECT}
    over = {number: event.t for event in timeline.events for number in event.over}
    heights = [(tip.t, tip.height) for tip in seen_of(timeline).tips]
    found = []
    for number, t in sorted((number, t) for number, t in proven.items() if number is not None):
        since = t + timeline.header.round_timeout_seconds
        before = max((height for at, height in heights if at <= since), default=0)
        after = max((height for at, height in heights if at <= over[number]), default=0)
        found.append(after - before)
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_every_cell_of_a_network(tmp_path: Path, network: str) -> None:
    here = [each for each in CLASSES if each.course(network) is not None]
    alone = [each for each in here if each.name in (SLOW, WITHOUT_BFT)]
    found = play(tmp_path / "all", network, *(each for each in here if each not in alone))
    for each in alone:  # these need a network of another kind
        found |= play(tmp_path / each.name, network, each)
    for each in here:
        print(f"{network}: {each.name}: {each.course(network)}, {found[each.name]} blocks meanwhile")
    for each in here:
        course = each.course(network)
        assert course is Course.EITHER or (found[each.name] > 0) == (course is Course.GOES_ON), each.name
