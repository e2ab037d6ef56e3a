"""Reached: a fault without its occasion proves nothing; each miss beside the nearest hit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.invariants.reached import look
from prowl.checks.selftest.network import Net, Tamper, change, silent
from prowl.reports.events import Event, Phase
from prowl.reports.timeline import Timeline

HELD, UNKNOWN = Verdict.HELD, Verdict.UNKNOWN
ON, EFFECT, OFF = Phase.INJECT, Phase.EFFECT, Phase.HEAL
KILL = Event(20.0, "kill n3", 1, ON, kind="kill", down=("n3",))
CUT = Event(20.0, "cut", 1, ON, kind="cut", cut=(("n0", "n1"), ("n1", "n0")))
SLOW = Event(20.0, "starve", 1, ON, kind="starve", slow=("n3",))
LIE = Event(20.0, "lie", 1, ON, kind="lie", liars=("n3",))
PROOF, END = Event(21.0, "proven", 1, EFFECT), Event(30.0, "over", 1, OFF)
FLAPS = (CUT, PROOF, replace(END, t=22.0), replace(CUT, t=24.0), replace(END, t=26.0))
DOWN = silent("n3", 20.0, 30.0)
EMPTY = Event(20.0, "fill the disk", 1, ON, kind="disk")


def rounds(height: float | None, begin: float = 0.0, end: float = 99.0, node: str = "") -> Tamper:
    """Show a round under way (0: none) on all nodes, or on one."""

    def tamper(t: float, who: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {**shown, "bft_round_height": height} if begin <= t < end and node in ("", who) else shown

    return tamper


def status(height: object) -> Tamper:
    return lambda t, node, shown: {**shown, "bft_round_height": 7.0, "bft": {"height": height, "phase": "prepare"}}


def timeline(events: tuple[Event, ...], tampers: tuple[Tamper, ...], stands: bool, bft: bool) -> Timeline:
    net = Net(4, bft=bft)
    net.tampers += tampers
    net.run(19.5)
    (net.stand if stands else net.run)(20)
    return replace(net.timeline(), events=events)


@pytest.mark.parametrize(
    ("events", "tampers", "stands", "says"),
    [
        ((), (), False, None), ((EMPTY, PROOF, END), (), True, None), ((KILL, PROOF, END), (DOWN,), False, ""),
        ((KILL, PROOF), (DOWN,), True, ""),
        ((KILL, END), (DOWN,), False, "effect of 'kill n3' at 20.0 s was not proven"),
        ((KILL, replace(PROOF, fault=2), END), (DOWN,), False, "was not proven"),
        ((KILL, PROOF, END), (), False, "n3 went on answering under 'kill n3' at 20.0 s"),
        ((KILL, PROOF, END), (silent("n3", 30.5),), False, "went on answering"),
        ((KILL, PROOF, END), (silent("n3", 30.0),), False, ""),
        ((KILL, PROOF, END), (lambda t, node, shown: None if node == "n3" else shown,), False, "nobody looked at n3"),
        ((KILL, replace(PROOF, t=21.1), replace(END, t=21.2)), (silent("n3", 21.3),), False, ""),  # while it ended
        ((KILL, replace(PROOF, t=21.1), replace(END, t=22.2)), (silent("n3", 22.3),), False, "went on answering"),
        ((replace(KILL, fault=-1),), (DOWN,), False, ""),
        ((CUT, PROOF, END), (), False, ""), ((CUT, PROOF, END), (rounds(0.0),), False, ""),
        ((CUT, PROOF, END), (rounds(0.0),), True, "nobody tried to finalize a block under 'cut' at 20.0 s"),
        ((CUT, PROOF, END), (rounds(1.0),), True, ""),
        ((CUT, PROOF, END), (), True, ""),
        ((CUT, PROOF, END), (rounds(0.0), rounds(8.0, 25.0, 25.5, "n2")), True, ""),
        ((CUT, PROOF, END), (rounds(0.0), rounds(8.0, 31.0, 35.0)), True, "nobody tried"),
        # The last block but one was first seen at 16 s, and the last one at 18 s.
        ((replace(CUT, t=18.0), PROOF, END), (rounds(0.0),), True, "nobody tried"),
        ((replace(CUT, t=17.9), PROOF, END), (rounds(0.0),), True, ""),
        ((replace(CUT, t=16.5), replace(PROOF, t=17.0), replace(END, t=18.0)), (rounds(0.0),), True, ""),
        ((replace(CUT, t=16.5), replace(PROOF, t=17.0), replace(END, t=17.9)), (rounds(0.0),), True, "nobody tried"),
        (FLAPS, (rounds(0.0), rounds(8.0, 22.5, 23.0)), True, ""),  # between its turns
        (FLAPS, (rounds(0.0), rounds(8.0, 19.0, 20.0)), True, "nobody tried to finalize a block under 'cut' at 24.0 s"),
        (FLAPS, (rounds(0.0), rounds(8.0, 26.1, 27.0)), True, "nobody tried"),
        ((CUT, PROOF, END), (status(None),), True, "nobody tried"), ((CUT, PROOF, END), (status("0x9"),), True, ""),
        ((SLOW, PROOF, END), (rounds(0.0),), True, "under 'starve'"), ((SLOW, PROOF, END), (rounds(9.0),), True, ""),
        ((LIE, PROOF, END), (rounds(0.0),), True, "under 'lie'"), ((LIE, PROOF, END), (rounds(9.0),), True, ""),
        ((CUT, PROOF, END, replace(CUT, t=32.0, fault=2, words="again")), (rounds(0.0, 31.0), rounds(9.0, 0.0, 31.0)),
         True, "the effect of 'again' at 32.0 s was not proven; nobody tried to finalize a block under 'again'"),
        ((CUT, PROOF, replace(CUT, t=25.0, words="moved"), END), (rounds(0.0, 25.5), rounds(9.0, 0.0, 25.0)), True,
         "under 'moved' at 25.0 s"),
        ((SLOW, replace(KILL, t=29.9), replace(PROOF, t=30.0), replace(END, t=33.0)),
         (rounds(0.0), silent("n3", 29.9, 33.0)), True, ""),  # on its way there
        ((SLOW, replace(KILL, t=30.0), replace(PROOF, t=30.1), replace(END, t=33.0)),
         (rounds(0.0), silent("n3", 30.0, 33.0)), True, "under 'starve'"),
        ((SLOW, replace(PROOF, t=21.0), replace(END, t=21.9)), (rounds(0.0),), True, "under 'starve'"),
    ],
)  # fmt: skip
def test_a_fault_has_its_occasion(
    events: tuple[Event, ...], tampers: tuple[Tamper, ...], stands: bool, says: str | None
) -> None:
    rows = look(timeline(events, tampers, stands, bft=True))
    assert len(rows) == (says is not None)
    for row in rows:
        assert row.verdict is (UNKNOWN if says else HELD), row
        assert (says or "had their occasion") in row.observed
        assert row.begin == events[0].t <= row.end <= 39.0


def other(begin: float, end: float, block: str | None = "0x" + "f" * 64) -> Tamper:
    """Show another block on n3 between two times."""

    def tamper(t: float, node: str, shown: dict[str, Any]) -> dict[str, Any]:
        if not (node == "n3" or block is None) or not begin <= t < end:
            return shown
        return {**shown, "latest": [shown["latest"][0], block, *shown["latest"][2:]]}

    return tamper


@pytest.mark.parametrize(
    ("fault", "tampers", "says"),
    [
        (CUT, (), "no two blocks at one height came of 'cut' at 20.0 s"),
        (CUT, (other(25.0, 26.0),), ""),
        (CUT, (other(33.0, 34.0),), ""),  # seen once the cut is over
        (CUT, (other(15.0, 16.0),), "no two blocks"),  # before it
        (CUT, (other(20.0, 20.4),), "no two blocks"),  # just when it began
        (CUT, (other(21.0, 21.4),), ""),  # beside a block that was there when it began
        (CUT, (other(0.0, 99.0, None),), ""),  # no hash can be seen
        (SLOW, (), ""),
    ],
)
def test_without_bft_nobody_finalizes_and_a_cut_forks(fault: Event, tampers: tuple[Tamper, ...], says: str) -> None:
    (row,) = look(timeline((fault, PROOF, END), (rounds(0.0), *tampers), False, bft=False))
    assert row.verdict is (UNKNOWN if says else HELD), row
    assert says in row.observed


def test_it_says_from_when_to_when() -> None:
    (row,) = look(timeline((KILL, PROOF, END), (DOWN,), False, bft=True))
    assert (row.begin, row.end, row.observed) == (20.0, 30.0, "1 faults had their occasion")
    (row,) = look(timeline((KILL, PROOF), (change("n0", 0), silent("n3", 20.0)), False, bft=True))
    assert row.end == 39.0
