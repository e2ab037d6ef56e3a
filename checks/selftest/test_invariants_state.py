"""State: roots, transfers lost or applied twice, the sum of all accounts; each hit with its nearest miss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks.invariants import Verdict, judge
from prowl.checks.selftest.network import Net
from prowl.reports.timeline import TransferCounts

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
A, B, C = ("0x" + letter * 64 for letter in "abc")
DOWN = "kill n2 n3"
Roots = dict[tuple[str, float], str | None]


def network(roots: Roots | None, *rows: TransferCounts, bft: bool = True, change: bool = True, fault: str = "") -> Net:
    """A network with state roots (another for each block, or always one), some of them wrong."""

    def root(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if roots is None or "err" in shown:
            return shown
        true = f"0x{shown['latest'][0] if change else 7:064x}"
        found = roots.get((node, t), true)
        return shown if found is None else {**shown, "root": found}

    net = Net(bft=bft)
    net.tampers.append(root)
    net.run(30)
    if fault:
        net.do(fault)
    net.run(10)
    net.transfers = list(rows)
    return net


def accepted(*names: str, t: float = 5.0) -> TransferCounts:
    return TransferCounts(t, accepted=names)


def included(*blocks: tuple[str, int], t: float = 20.0, final: bool = False) -> TransferCounts:
    return TransferCounts(t, included=blocks, final=final)


def supply(*sums: int) -> TransferCounts:
    return TransferCounts(20.0, supply=tuple(enumerate(sums, 5)))


def stalled(seconds: float, *rows: TransferCounts) -> Net:
    """A network that stands still for so long at its end."""
    net = network(None, *rows, TransferCounts(40.0 + seconds - 0.5, final=True))
    net.stand(seconds)
    return net


def rivals(*names: str, final: bool = True) -> TransferCounts:
    return TransferCounts(39.5, rivals=(names,), final=final)


END = TransferCounts(39.5, final=True)
CASES: tuple[tuple[str, Net, Verdict | None], ...] = (
    ("nothing shown", network(None), None),
    ("equal roots that change", network({}), HELD),
    ("another root in one sample of one node", network({("n2", 20.0): A}), BROKEN),
    ("of another case", network({("n2", 20.0): f"0X{11:064X}"}), HELD),
    ("no root in one sample", network({("n2", 20.0): None}), HELD),
    ("a root that is none", network({("n2", 20.0): "0x" + "0" * 64}), HELD),
    ("roots that never change, without a load", network({}, change=False), None),
    ("roots that never change under load", network({}, accepted(A), included((A, 5)), change=False), UNKNOWN),
    ("all is found", network(None, accepted(A, B), included((A, 5), (B, 6))), HELD),
    ("one is not found", network(None, accepted(A, B), included((A, 5)), END), BROKEN),
    ("and nobody asked at the end", network(None, accepted(A, B), included((A, 5))), UNKNOWN),
    ("and no quorum was up at the end", network(None, accepted(A, B), included((A, 5)), END, fault=DOWN), UNKNOWN),
    ("and the chain stood still at the end", stalled(110.0, accepted(A, B), included((A, 5))), UNKNOWN),
    ("and it stood no longer than it may", stalled(60.0, accepted(A, B), included((A, 5))), BROKEN),
    ("found in the last row", network(None, accepted(A), included((A, 5), t=39.5, final=True)), HELD),
    ("one that nobody accepted is found", network(None, accepted(A), included((A, 5), (C, 6)), END), HELD),
    ("in two blocks", network(None, accepted(A), included((A, 5), (A, 6))), BROKEN),
    ("twice in one block", network(None, accepted(A), included((A, 5), (A, 5))), HELD),
    ("in another block later", network(None, accepted(A), included((A, 5)), included((A, 6))), BROKEN),
    ("as it may be without BFT", network(None, accepted(A), included((A, 5)), included((A, 6)), bft=False), HELD),
    ("but not at once", network(None, accepted(A), included((A, 5), (A, 6)), bft=False), BROKEN),
    ("the same sum", network(None, supply(100, 100, 100)), HELD),
    ("another sum", network(None, supply(100, 100, 101)), BROKEN),
    ("less at first", network(None, supply(99, 100)), BROKEN),
    ("one sum", network(None, supply(100)), HELD),
    ("of two rivals one is found", network(None, accepted(A), included((A, 5), (B, 6)), rivals(B, C)), HELD),
    ("both are", network(None, accepted(A), included((A, 5), (B, 6), (C, 6)), rivals(B, C)), BROKEN),
    ("neither is", network(None, accepted(A), included((A, 5)), rivals(B, C)), BROKEN),
    ("and nobody asked", network(None, accepted(A), included((A, 5)), rivals(B, C, final=False), END), UNKNOWN),
    ("the worst counts", network({("n2", 20.0): A}, accepted(A), END), BROKEN),
)


@pytest.mark.parametrize(("net", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_the_state_is_one_and_whole(net: Net, expected: Verdict | None) -> None:
    rows = [row for row in judge(replace(net.timeline(), transfers=tuple(net.transfers))) if row.invariant == "state"]
    assert [row.verdict for row in rows] == ([] if expected is None else [expected]), rows
    assert all(row.begin <= row.end for row in rows)


def words(net: Net) -> str:
    (row,) = (row for row in judge(replace(net.timeline(), transfers=tuple(net.transfers))) if row.invariant == "state")
    return row.observed


def test_it_says_what_was_seen() -> None:
    assert words(network({("n2", 20.0): A})) == (
        f"at height 11 the state root is 0x{'0' * 8}... on n0 at 20.0 s, and 0xaaaaaaaa... on n2 at 20.0 s"
    )
    assert words(network({})) == "the state roots of n0, n1, n2, n3 are equal at 20 blocks (20 different ones)"
    assert "1 of 2 accepted transactions are in no block, first 0xbbbbbbbb..." in words(
        network(None, accepted(A, B), included((A, 5)), END)
    )
    assert words(network(None, supply(100, 101))) == (
        "all accounts together hold 100 wei at height 5, and 101 at height 6"
    )
    both = words(network({}, accepted(A), included((A, 5)), supply(1, 1)))
    assert both.count(";") == 2, "all that held is told"
