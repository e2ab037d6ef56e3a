"""One chain: one sample of another block is a finding; each hit with its nearest miss."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, Tamper

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
OTHER = "0x" + "b" * 64


def shows(node: str, at: float, name: str | None = OTHER, key: str = "latest", until: float | None = None) -> Tamper:
    """Let a node show another hash for a block; None takes it away."""

    def tamper(t: float, who: str, shown: dict[str, Any]) -> dict[str, Any]:
        if who != node or not at <= t < (at + 0.5 if until is None else until):
            return shown
        if key == "blocks":
            height, _, parent, _ = shown["latest"]
            return {**shown, "blocks": [[height, name, parent, "0x1", 5]]}
        return {**shown, key: [shown[key][0], name, *shown[key][2:]]}

    return tamper


def only(*nodes: str) -> Tamper:
    """Let no other node show a block."""
    return lambda t, node, shown: shown if node in nodes else {"block_height": 5.0}


@pytest.mark.parametrize(
    ("tampers", "header", "expected"),
    [
        ([], {}, HELD),
        ([shows("n2", 30.0)], {}, BROKEN),
        ([shows("n2", 30.0)], {"bft": False}, HELD),
        ([shows("n2", 30.0, key="blocks")], {}, BROKEN),
        ([shows("n2", 30.0, key="fin")], {}, BROKEN),
        ([shows("n2", 30.0, None)], {}, HELD),
        ([shows("n2", 30.0, "0x" + "0" * 64)], {}, HELD),
        ([shows(node, 30.0, until=32.0) for node in ("n0", "n1", "n2")], {}, BROKEN),
    ],
)  # fmt: skip
def test_no_node_shows_another_block_not_even_once(
    tampers: list[Tamper], header: dict[str, Any], expected: Verdict
) -> None:
    net = Net(**header)
    net.tampers += tampers
    assert net.run(40).verdict("one-chain") is expected


def test_one_node_that_replaces_its_own_block_shows_no_other_than_another_node() -> None:
    """Nobody else shows that height: finality judges it."""
    for nodes, expected in (((), HELD), (("n1",), BROKEN)):
        net = Net()
        net.tampers.append(shows("n0", 30.0))
        net.tampers.append(only("n0", *nodes))
        assert net.run(40).verdict("one-chain") is expected


def test_it_says_who_showed_what_and_whom_it_saw() -> None:
    net = Net()
    net.tampers.append(shows("n2", 30.0))
    row = net.run(40).judge()["one-chain", None]
    assert (row.begin, row.end) == (30.0, 30.0)
    assert row.observed.startswith("height 16 is 0x")
    assert "0xbbbbbbbb... on n2 at 30.0 s" in row.observed
    net = Net()
    net.tampers.append(lambda t, node, shown: {"err": "refused"} if node == "n3" else shown)
    assert "on the 3 of 4 nodes that were seen" in net.run(40).judge()["one-chain", None].observed


def test_without_a_hash_it_is_unknown() -> None:
    net = Net()
    net.tampers.append(lambda t, node, shown: {"block_height": shown["block_height"]})
    assert net.run(40).verdict("one-chain") is UNKNOWN
