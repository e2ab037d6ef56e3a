"""A plan is the same for the same seed, byte for byte, says what the run would do, and touches and asks nothing."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from prowl.chaos.engine import targets
from prowl.chaos.engine.operations import Backup, Restore
from prowl.chaos.engine.plan import lines
from prowl.chaos.engine.scenario import Scenario, Shape, Step
from prowl.chaos.engine.stage import chance_of, stakes_of
from prowl.chaos.engine.steps import Do, During, Each, Hold, Recover
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.pause import Pause
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.selftest.stub import StubNode

pytest_plugins = ("pytester",)

CRASH = SCENARIOS[0]
RUN = {"seed": "7", "commit": "abc"}


def told(scenario: Scenario, spec: ClusterSpec = ClusterSpec(4), seed: int = 7) -> str:  # noqa: B008 - frozen
    return "\n".join(lines({**RUN, "seed": str(seed)}, [], [scenario], spec))


def with_steps(*steps: Step) -> Scenario:
    return replace(CRASH, steps=steps)


def test_it_says_whom_how_long_and_what_is_expected() -> None:
    text = told(CRASH)
    (victim,) = targets.minority(stakes_of(ClusterSpec(4)), chance_of(7, CRASH.name, (0,)))
    for line in (
        "seed      7",
        f"  break     kill {victim} (minority: {victim})",
        "    hold      10 block intervals and the allowance of a dead proposer",
        f"  heal      start {victim}",
        f"  expected  {CRASH.expected}",
    ):
        assert line in text.splitlines()


def test_the_same_seed_gives_the_same_plan_and_another_may_give_another() -> None:
    assert told(CRASH) == told(CRASH)
    assert len({told(CRASH, seed=seed).replace(f"seed      {seed}", "") for seed in range(20)}) == 4


def test_no_steps_draw_depends_on_another() -> None:
    one = During(Crash(), targets.one)
    alone, after = told(with_steps(Hold(), one)), told(with_steps(During(Pause(), targets.one), one))
    killed = re.compile(r"break     kill (node-\d)")
    assert killed.findall(alone) == killed.findall(after)


def test_what_depends_on_the_height_stays_a_word() -> None:
    text = told(with_steps(During(Crash(), targets.proposer_next)))
    assert "break     Crash of proposer-next (proposer-next: Who proposes next is known only at a height" in text
    assert "node-" not in text


def test_steps_inside_others_are_told_inside_them() -> None:
    inner = During(Crash(), targets.named("node-3"))
    text = told(with_steps(During(Cut(), targets.named("node-2"), (Hold(rounds=2), inner)), Recover()))
    rows = [line for line in text.splitlines() if line.strip().startswith(("break", "heal", "hold"))]
    assert [len(row) - len(row.lstrip()) for row in rows] == [2, 4, 4, 6, 4, 2]
    assert "hold      2 round time-outs" in rows[1]


def test_each_node_in_turn_and_an_operators_steps_are_told() -> None:
    text = told(with_steps(Each(targets.all_nodes, lambda node: (Do(Backup()), Do(Restore(), node)))))
    for name in ClusterSpec(4).names:
        assert f"    operator  back up {name}\n" in text
        assert f"    operator  restore the newest backup of {name}: {name}\n" in text or name in text


def test_a_scenario_has_the_network_that_it_names() -> None:
    assert "a cluster of 7 nodes" in told(replace(CRASH, shape=Shape(nodes=7)))
    assert (
        "a cluster of 4 nodes that this run starts; each directed edge has a proxy of its own; longest chain"
        in told(replace(CRASH, shape=Shape(bft=False)))
    )


def test_every_kind_of_fault_has_words_without_a_port() -> None:
    for fault in (Pause(), Cut(), Cut(cut.isolate), Cut(cut.one_way), Latency()):
        text = told(with_steps(During(fault, targets.named("node-2"))))
        assert re.search(r"break     (pause|partition|cut|.*latency).*node-2", text), text
    ring = told(with_steps(During(Cut(cut.ring), targets.ring)))
    assert "break     cut node-" in ring


@pytest.mark.parametrize("target", [targets.ring, targets.minority])
def test_who_cannot_be_is_told(target: targets.Words) -> None:
    text = told(with_steps(During(Crash(), target)), ClusterSpec(3))
    assert re.search(r"UNAVAILABLE here.*(needs at least 4|holds less than a third)", text)


def test_what_this_machine_cannot_do_is_told() -> None:
    class Nowhere(Pause):
        def unavailable(self, spec: ClusterSpec) -> str | None:
            return "no such thing here"

    text = told(with_steps(During(Nowhere(), targets.one)))
    assert (
        "UNAVAILABLE here, so its verdict would be unknown: the fault is unavailable here: no such thing here" in text
    )


@pytest.fixture
def stubs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StubNode]]:
    """Nodes that record what they are asked, and an inventory of them."""
    monkeypatch.delenv("PROWL_TARGET", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with ExitStack() as stack:
        nodes = [stack.enter_context(StubNode(f"node-{number}")) for number in range(1, 5)]
        pytester.makefile(".toml", testnet="\n".join(node.toml for node in nodes))
        yield nodes


def prowl(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    return pytester.run(sys.executable, "-m", "prowl.chaos.commands.cli", "run", "--plan", *words, timeout=120)


@pytest.mark.parametrize("target", ["embedded", "testnet.toml"])
def test_a_user_gets_it_twice_the_same_and_nothing_is_touched(
    pytester: pytest.Pytester, stubs: list[StubNode], target: str
) -> None:
    before = {path.name for path in pytester.path.iterdir()}
    words = ("--chaos", "--target", target, "--seed", "7", "--junitxml=junit.xml")
    first, second = prowl(pytester, *words), prowl(pytester, *words)
    assert (first.ret, second.ret) == (0, 0)
    assert first.outlines == second.outlines
    assert first.outlines[0] == "seed      7", "the plan is all that is printed"
    assert any(line.startswith("do it     prowl run --chaos") and line.endswith("--seed 7") for line in first.outlines)
    assert any(line.startswith("  daily/peers on node-1, ") for line in first.outlines)
    assert any(line.startswith("minority-crash") for line in first.outlines)
    after = {path.name for path in pytester.path.iterdir()}
    assert after - {"stdout", "stderr"} == before, "pytester's own two files, and no other"
    assert [node.asked for node in stubs] == [[]] * 4


def test_a_plan_on_an_inventory_makes_no_connection_at_all(pytester: pytest.Pytester) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        pytester.makefile(".toml", testnet=f'[[nodes]]\nname = "node-1"\nrpc = "{url}"\nmetrics = "{url}/metrics"\n')
        result = prowl(pytester, "--target", "testnet.toml", "--chaos")
        assert result.ret == 0
        assert any(line.startswith("minority-crash") for line in result.outlines)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_workers_change_nothing_and_a_choice_is_honoured(pytester: pytest.Pytester, stubs: list[StubNode]) -> None:
    result = prowl(pytester, "--target", "testnet.toml", "-n", "2", "-k", "daily/peers", "--node", "node-2")
    assert result.ret == 0
    assert [line for line in result.outlines if line.startswith("  ")] == [
        line for line in result.outlines if line.startswith("  daily/peers on node-2: ")
    ]
