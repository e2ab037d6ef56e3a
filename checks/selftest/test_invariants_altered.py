"""Where somebody else changed the proxies nothing is held and nobody accused, but for what no network may ever do."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Judgement, Verdict
from prowl.checks.invariants import invariants as every
from prowl.checks.selftest.network import Net, change
from prowl.reports.timeline import Gap

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
SAFETY = {invariant.name for invariant in every() if invariant.safety}
WHY = "somebody else changed the proxies: n0->n1: its proxy is closed"
Rows = dict[tuple[str, str | None], Judgement]


def rows(net: Net, *gaps: Gap) -> Rows:
    net.gaps += gaps
    return net.judge()


def healthy(**header: Any) -> Net:
    return Net(4, **header).run(100)


def altered(t: float, seconds: float = 0.5) -> Gap:
    return Gap(t, seconds, WHY, proxies=True)


def test_nothing_is_held_but_safety() -> None:
    found = rows(healthy(), altered(50))
    assert {name for name, _node in found} > SAFETY
    assert {row.verdict for (name, _node), row in found.items() if name in SAFETY} == {HELD}
    others = [row for (name, _node), row in found.items() if name not in SAFETY]
    assert {row.verdict for row in others} == {UNKNOWN}
    assert all(row.observed.startswith(f"{WHY} (from 49.5 s on); ") for row in others)


def test_without_finality_by_vote_a_cut_may_make_two_chains() -> None:
    assert {row.verdict for row in rows(healthy(bft=False), altered(50)).values()} == {UNKNOWN}


@pytest.mark.parametrize("at", [50, 60, 99])
def test_who_is_accused_during_or_after_it_may_not_have_done_it(at: float) -> None:
    net = Net()
    net.tampers.append(change("n1", 50, peers_connected=2.0))
    net.run(120)
    assert net.verdict("peers", "n1") is BROKEN, "without it"
    assert rows(net, altered(at))["peers", "n1"].verdict is UNKNOWN


def test_a_fork_is_a_fork_whatever_the_network_does() -> None:
    net = healthy()
    final = change("n3", net.t, fin=[60, "0x" + "b" * 64])
    net.tampers.append(final)
    net.run(50)
    assert rows(net, altered(20))["agreement", None].verdict is BROKEN


@pytest.mark.parametrize(
    "gap",
    [
        Gap(50, 0.5, "the observer was starved"),
        Gap(50, 0.5, "its rate limit refused the observer", "n1"),
        Gap(50, 0.5, WHY),
    ],
)
def test_another_gap_is_no_such_thing(gap: Gap) -> None:
    assert {row.verdict for row in rows(healthy(), gap).values()} == {HELD}


def test_what_was_over_before_it_stays() -> None:
    net = Net()
    net.tampers.append(change("n1", 10, 60, peers_connected=2.0))
    found = rows(net.run(200), altered(190))
    assert found["peers", "n1"].end < 189
    assert found["peers", "n1"].verdict is BROKEN
    assert found["peers", "n0"].verdict is UNKNOWN
