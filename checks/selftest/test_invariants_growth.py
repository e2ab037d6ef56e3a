"""Growth: each limit with a case on it and one beside it."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.growth import look
from prowl.checks.selftest.network import Net

HELD, BROKEN = Verdict.HELD, Verdict.BROKEN
MEMORY, FILES, DISK = "process_memory_bytes", "descriptors", "disk_bytes"


def network(name: str, growth: float, blocks: int = 1000, first: int = 1, **more: Any) -> Net:
    """A node n1 whose value rises by so much from the first to the last third of so many blocks; a block a sample."""
    net = Net(1, interval=1.0, every=1.0)

    def tamper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        step = int(t * 3 / (blocks + 1)) / 2  # 0, 0.5, 1
        return {**shown, "latest": [first + int(t), "0x01", "0x02", False], name: 100.0 + growth * step, **more}

    net.tampers.append(tamper)
    return net.run(blocks + 2)  # its last sample is the end


@pytest.mark.parametrize(
    ("name", "growth", "blocks", "expected"),
    [
        (MEMORY, 100e6, 1000, HELD), (MEMORY, 100.1e6, 1000, BROKEN), (MEMORY, -200e6, 1000, HELD),
        (FILES, 50.0, 1000, HELD), (FILES, 51.0, 1000, BROKEN), (DISK, 300e6, 1000, HELD), (DISK, 301e6, 1000, BROKEN),
        (MEMORY, 100e6, 200, HELD), (MEMORY, 101e6, 200, BROKEN), (MEMORY, 101e6, 199, None),
        (MEMORY, 149e6, 1500, HELD), (MEMORY, 151e6, 1500, BROKEN), ("other", 1e9, 1000, None),
    ],
)  # fmt: skip
def test_so_much_is_allowed_per_thousand_blocks(
    name: str, growth: float, blocks: int, expected: Verdict | None
) -> None:
    rows = look(network(name, growth, blocks).timeline())
    assert [row.verdict for row in rows] == ([] if expected is None else [expected]), rows


def test_blocks_are_counted_from_the_first_that_is_seen() -> None:
    assert look(network(MEMORY, 101e6, 200, first=5000).timeline())[0].verdict is BROKEN
    assert "in 200 blocks" in look(network(MEMORY, 101e6, 200, first=5000).timeline())[0].observed


def test_a_start_begins_anew() -> None:
    for text, expected in (("restart n0", HELD), ("a note", BROKEN)):
        net = Net(1, interval=1.0, every=1.0)
        net.boot_seconds = 0.0
        net.tampers.append(lambda t, node, shown: {**shown, FILES: 10.0 if t < 300 else 100.0})
        net.run(300)
        net.do(text)
        assert look(net.run(300).timeline())[0].verdict is expected, text


def test_all_that_held_is_told_or_what_did_not() -> None:
    net = network(MEMORY, 0.0, descriptors=7.0)
    assert look(net.timeline())[0].observed == (
        "process_memory_bytes grew by 0 in 1000 blocks; 1e+08 are allowed; descriptors grew by 0 in 1000 blocks; "
        "50 are allowed"
    )
    net = network(MEMORY, 2e8, descriptors=7.0)
    assert look(net.timeline())[0].observed == "process_memory_bytes grew by 2e+08 in 1000 blocks; 1e+08 are allowed"


def test_a_value_that_is_no_number_or_seen_twice_proves_nothing() -> None:
    net = network(MEMORY, 0.0)
    net.tampers.append(lambda t, node, shown: {**shown, MEMORY: "x" if t > 2 else 1.0})
    net.samples.clear()
    net.t = 0.0
    assert look(net.run(1001).timeline())[0].verdict is HELD
    net.tampers.append(lambda t, node, shown: {**shown, MEMORY: "x" if t > 1 else 1.0})
    net.samples.clear()
    net.t = 0.0
    assert look(net.run(1001).timeline()) == []
