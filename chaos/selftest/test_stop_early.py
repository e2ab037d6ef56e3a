"""What ends a hold early: two final blocks at a height, and a machine that starves; and what does not."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prowl.chaos.engine import observer as observing
from prowl.chaos.engine import runner
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.scenario import Scenario, Shape
from prowl.chaos.engine.steps import During, Hold, Recover
from prowl.chaos.engine.targets import half
from prowl.chaos.faults.cut import Cut
from prowl.chaos.selftest.test_observer import LIMIT_SECONDS, Chain, served
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Phase
from prowl.reports.timeline import Header, TimelineWriter, read
from prowl.reports.verdicts import Verdict

ROUNDS = 60


class Other(Chain):
    """A node whose block that it calls final is another one, at this height."""

    def __init__(self, final: int, name: str) -> None:
        super().__init__()
        self.final, self.name = final, name

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        answer = super().answer(call)
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] == "finalized":
            answer["result"] |= {"number": hex(self.final), "hash": self.name}
        return answer


@pytest.mark.parametrize(
    ("final", "name", "why"),
    [
        (10, "0xother", "call two blocks final at height 10"),
        (10, "0x10", ""),
        (9, "0xother", ""),  # at a height where nobody else was seen to call one final
    ],
)
def test_two_final_blocks_at_one_height_end_a_hold(tmp_path: Path, final: int, name: str, why: str) -> None:
    with served(Chain()) as first, served(Other(final, name)) as second:
        nodes = (*first.nodes, *(replace(node, name="node-2") for node in second.nodes))
        with Observer(replace(first, nodes=nodes), TimelineWriter(tmp_path / "t.jsonl", Header())) as observer:
            assert wait_until(lambda: all(observer.height(node.name) for node in nodes), LIMIT_SECONDS)
            began = time.monotonic()
            found = observer.hold(LIMIT_SECONDS if why else 0.5, observer.trouble)
    assert found.endswith(why)
    assert bool(found) == bool(why)
    assert time.monotonic() - began < LIMIT_SECONDS


@pytest.mark.parametrize(
    ("lateness", "starves"),
    [((-1.0, 15.0), False), ((-1.0, 15.1), True), ((-31.0, 20.0), False)],
    ids=["half of the window", "more than half", "before the window"],
)
def test_a_machine_that_starves_ends_a_hold(tmp_path: Path, lateness: tuple[float, float], starves: bool) -> None:
    with served(Chain()) as network:
        observer = Observer(network, TimelineWriter(tmp_path / "t.jsonl", Header()))
        ago, seconds = lateness
        observer._lateness.append((observer.now() + ago, seconds))
        assert observing.STARVED_SHARE * observing.STARVED_WINDOW_SECONDS == 15.0
        assert observer.trouble().startswith("the machine starves") == starves


def test_a_planted_double_finalization_ends_a_hold_early_and_is_healed(tmp_path: Path) -> None:
    """Nodes to which half is a quorum, parted in halves: each half finalizes blocks of its own."""
    scenario = Scenario(
        "double-finalization",
        item="recovery/partition",
        why="",
        steps=(During(Cut(), half, (Hold(rounds=ROUNDS),)), Recover()),
        also=("recovery",),
        shape=Shape(nodes=4),
    )
    spec = ClusterSpec(4, defects=dict.fromkeys(ClusterSpec(4).names, "finalizes-below-quorum"))
    outcome = runner.play(scenario, spec, tmp_path, 1, print)
    events = read(tmp_path / "timeline.jsonl").events
    (early,) = [event for event in events if event.words.startswith("a hold was ended early")]
    assert "call two blocks final at height" in early.words
    proven = next(event.t for event in events if event.phase is Phase.EFFECT)
    assert early.t - proven < ROUNDS * spec.documented.round_seconds / 2, "long before its time"
    assert [event.phase for event in events if event.t > early.t and event.fault] == [Phase.HEAL, Phase.HEALED]
    assert outcome.verdict is Verdict.BROKEN
    assert "agreement broken" in outcome.observed
    assert any(line.startswith("a hold was ended early") for line in outcome.evidence)
