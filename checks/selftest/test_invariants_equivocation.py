"""Equivocation, and what a fault makes a node say: each hit with its nearest miss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, change, silent
from prowl.reports.events import Event, Phase

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
OTHER = "0x" + "b" * 64


def finalized(net: Net, node: str, at: float, name: str) -> None:
    """Let a node claim another hash for the height that it calls finalized, in one sample."""

    def tamper(t: float, who: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "fin": [shown["fin"][0], name]} if who == node and t == at else shown

    net.tampers.append(tamper)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (0.0, 0.0, HELD),
        (0.0, 1.0, BROKEN),
        (3.0, 3.0, HELD),
        (3.0, 4.0, BROKEN),
        ("x", "x", UNKNOWN),
        (None, None, None),
    ],
)
def test_a_counter_of_double_votes_must_not_rise(first: Any, then: Any, expected: Verdict | None) -> None:
    net = Net()
    for node in net.nodes:
        value = then if node == "n2" else first
        net.tampers.append(change(node, 0, 20, bft_equivocations_total=first))
        net.tampers.append(change(node, 20, bft_equivocations_total=value))
    assert net.run(40).verdict("equivocation") is expected


@pytest.mark.parametrize(("after", "expected"), [(0.0, HELD), (1.0, BROKEN)])
def test_a_counter_begins_again_with_its_node(after: float, expected: Verdict) -> None:
    net = Net()
    net.tampers.append(change("n2", 0, 40, bft_equivocations_total=2.0))
    net.run(20)
    net.do("kill n2")
    net.run(10)
    net.do("start n2")
    net.tampers[0] = change("n2", 0, 30, bft_equivocations_total=2.0)
    net.tampers.append(change("n2", 30, bft_equivocations_total=after))
    assert net.run(30).verdict("equivocation") is expected


LIE = Event(20.0, "votes twice", 1, Phase.INJECT, kind="votes-twice", liars=("n3",))
OVER = Event(25.0, "honest again", 1, Phase.HEAL)
ADDRESSES = {"n2": "0xB2", "n3": "0xB3"}


@pytest.mark.parametrize(
    ("events", "twice", "expected"),
    [
        ((), None, BROKEN), ((), ["0xb3"], BROKEN),
        ((LIE,), ["0xb3"], HELD), ((LIE,), ["0xB3", "0xb3"], HELD), ((LIE, OVER), ["0xb3"], HELD),
        ((LIE,), ["0xb2"], BROKEN), ((LIE,), ["0xb2", "0xb3"], BROKEN), ((LIE,), ["0xb1"], BROKEN),
        ((LIE,), None, UNKNOWN), ((LIE,), [], UNKNOWN), ((LIE,), "0xb3", UNKNOWN),
        ((replace(LIE, t=30.5),), ["0xb3"], BROKEN), ((replace(LIE, t=30.0),), ["0xb3"], HELD),
        ((replace(LIE, liars=()),), ["0xb3"], BROKEN), ((replace(LIE, liars=("n2", "n3")),), ["0xb2"], HELD),
    ],
)  # fmt: skip
def test_double_votes_of_whom_a_fault_makes_lie_are_its_own_effect(
    events: tuple[Event, ...], twice: Any, expected: Verdict
) -> None:
    net = Net(addresses=ADDRESSES)
    net.events = list(events)
    net.tampers.append(change("n0", 30.0, bft_equivocations_total=1.0))
    net.tampers.append(change("n0", 30.0, 30.5, twice=twice))
    row = net.run(40).judge()["equivocation", None]
    assert row.verdict is expected, row.observed
    assert ("n0 counts 1 double votes at 30.0 s" in row.observed) is (expected is not HELD)
    assert ("0xb3" in row.observed) >= (expected is HELD and twice != ["0xb2"])


def test_of_two_rises_the_one_that_no_fault_explains_counts() -> None:
    net = Net(addresses=ADDRESSES)
    net.events = [LIE]
    net.tampers += [change("n0", t, bft_equivocations_total=count) for t, count in ((30.0, 1.0), (34.0, 2.0))]
    net.tampers += [change("n0", 30.0, 30.5, twice=["0xb3"]), change("n0", 34.0, 34.5, twice=["0xb2"])]
    row = net.run(40).judge()["equivocation", None]
    assert (row.verdict, row.begin, row.end) == (BROKEN, 33.5, 34.0)
    net.tampers[-1] = change("n0", 34.0, 34.5, twice=["0xb3"])
    net.samples.clear()
    net.t = 0.0
    assert net.run(40).verdict("equivocation") is HELD


def test_a_counter_that_one_node_does_not_show_as_a_number_is_unknown() -> None:
    net = Net()
    net.tampers.append(change("n1", 0, bft_equivocations_total="x"))
    row = net.run(40).judge()["equivocation", None]
    assert row.verdict is UNKNOWN
    assert row.observed.endswith("is no number on n1")


@pytest.mark.parametrize(("liars", "expected"), [(("n3",), HELD), (("n2",), BROKEN), ((), BROKEN)])
def test_what_a_node_says_while_a_fault_makes_it_lie_is_no_finding(liars: tuple[str, ...], expected: Verdict) -> None:
    net = Net()
    net.events = [replace(LIE, liars=liars), OVER]
    finalized(net, "n3", 22.0, OTHER)
    net.run(40)
    assert net.verdict("agreement") is expected
    assert net.verdict("signals", "n3") is HELD
    late = Net()
    late.events = [replace(LIE, liars=liars), OVER]
    finalized(late, "n3", 30.0, OTHER)  # the fault is over, so these are its own words
    assert late.run(40).verdict("agreement") is BROKEN


@pytest.mark.parametrize(("at", "expected"), [(28.0, HELD), (33.0, BROKEN)])
def test_a_liar_may_lie_until_it_is_back_from_the_restart_that_ends_it(at: float, expected: Verdict) -> None:
    net = Net()
    net.events = [LIE, replace(OVER, restarted=("n3",))]
    net.tampers.append(silent("n3", 29.0, 32.0))
    finalized(net, "n3", at, OTHER)
    assert net.run(40).verdict("agreement") is expected
