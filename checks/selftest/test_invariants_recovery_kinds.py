"""Recovery: what counts as being in step, as a return, and as the time that is owed."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, Tamper
from prowl.reports.events import Event, Phase

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
TOP, LOOSE = "0x" + "e" * 64, "0x" + "f" * 64


def shows(block: Any, node: str = "n3", begin: float = 165.0) -> Tamper:
    """Let a node show, once it is back, one block for good; ``block`` makes it of the others' chain."""
    kept: list[Any] = []

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if "err" in shown or t < begin:
            return shown
        if name != node:
            kept[:] = shown["latest"]
            return shown
        return {**shown, "latest": block(kept)}

    return tamper


def back(tamper: Tamper | None, seconds: float = 40.0, **header: Any) -> Net:
    net = Net(4, **header).run(100)
    net.do("kill n3")
    net.run(60)
    if tamper is not None:
        net.tampers.append(tamper)
    net.do("start n3")
    return net.run(seconds)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (lambda tip: [tip[0], tip[1], tip[2], False], HELD),
        (lambda tip: [tip[0] + 1, TOP, tip[1], False], HELD),  # the next block, which nobody else shows yet
        (lambda tip: [tip[0] + 1, TOP, LOOSE, False], UNKNOWN),  # on a parent that nobody else shows
        (lambda tip: [tip[0], TOP, tip[2], False], UNKNOWN),  # another block where the others show one
        (lambda tip: [tip[0] - 20, tip[1], tip[2], False], UNKNOWN),
        (lambda tip: [tip[0], None, tip[2], False], UNKNOWN),
    ],
)
def test_in_step_is_the_height_and_the_hash_of_others(block: Any, expected: Verdict) -> None:
    assert back(shows(block)).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(("honest", "expected"), [(False, None), (True, HELD)])
def test_a_liar_owes_a_recovery_once_it_is_honest_again(honest: bool, expected: Verdict | None) -> None:
    net = Net(4).run(100)
    lie: Any = {"fault": 1, "kind": "lie", "restarted": ("n3",)}
    net.events.append(Event(net.t, "restart n3 : lies", phase=Phase.INJECT, liars=("n3",), **lie))
    net.run(150)
    if honest:
        net.events.append(Event(net.t, "restart n3 : honest again", phase=Phase.HEAL, **lie))
    rows = net.run(60).judge()
    assert (rows["recovery", "n3"].verdict if ("recovery", "n3") in rows else None) is expected


def test_without_hashes_the_height_is_enough() -> None:
    for lower, expected in ((0, HELD), (30, UNKNOWN)):

        def bare(t: float, name: str, shown: dict[str, Any], lower: int = lower) -> dict[str, Any]:
            if "err" in shown:
                return shown
            height = shown["block_height"] - (lower if name == "n3" and t > 110 else 0)
            return {"block_height": height, "consensus_state": 0.0, "peers_connected": shown["peers_connected"]}

        net = Net(4)
        net.tampers.append(bare)
        net.run(100)
        net.do("kill n3")
        net.run(60)
        net.do("start n3")
        assert net.run(40).verdict("recovery", "n3") is expected


@pytest.mark.parametrize(
    ("fault", "end", "nodes"),
    [
        ("partition n0 n1 n2 | n3", "heal", {"n3"}),
        ("partition n0 n1 | n2 n3", "heal", {"n0", "n1", "n2", "n3"}),
        ("cut n3>n0", "heal", set()),
        ("cut n3>n0 n3>n1", "heal", {"n3"}),
        ("kill n3", "start n3", {"n3"}), ("pause n3", "unpause n3", {"n3"}), ("a note", "restart n3", {"n3"}),
        ("a note", "start n3", {"n3"}), ("a note", "unpause n3", set()), ("a note", "another", set()),
    ],
)  # fmt: skip
def test_who_comes_back(fault: str, end: str, nodes: set[str]) -> None:
    net = Net(4).run(100)
    net.do(fault)
    net.run(40)
    net.do(end)
    net.run(40)
    assert {node for name, node in net.judge() if name == "recovery"} == nodes
