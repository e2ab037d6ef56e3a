"""Recovery time: a longer outage may not be a reason for a longer recovery; each limit and one beside it."""

from __future__ import annotations

import pytest

from prowl.checks.invariants import Verdict, recovery_time
from prowl.checks.invariants.history import seen_of
from prowl.checks.invariants.network_state import world_of
from prowl.checks.invariants.recovery_time import look
from prowl.checks.selftest.network import Net

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
PAUSE = 20.0 + 65.0


def outages(*pairs: tuple[float, float], key: bool = True, bft: bool = True, calm: float = 40.0) -> Net:
    """For each pair a cut for so long, and a chain that stands for so much longer after its heal."""
    net = Net(4, bft=bft).run(calm)
    for away, late in pairs:
        net.do("partition n0 n1 | n2 n3")
        net.run(away)
        net.do("heal")
        net.stand(late)
        net.run(20)
    return net


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((), None), (((60.0, 0.5),), None),
        (((30.0, 1.0), (60.0, 1.0)), HELD), (((30.0, 1.0), (59.5, 200.0)), None),
        (((30.0, 1.0), (60.0, PAUSE)), HELD), (((30.0, 1.0), (60.0, PAUSE + 2)), BROKEN),
        (((60.0, PAUSE + 2), (30.0, 1.0)), BROKEN), (((30.0, PAUSE + 2), (60.0, 1.0)), HELD),
        (((30.0, 10.0), (60.0, PAUSE + 8)), HELD), (((30.0, 10.0), (60.0, PAUSE + 12)), BROKEN),
        (((30.0, 10.0), (60.0, 10.0), (120.0, PAUSE + 12)), BROKEN),
        (((10.0, 60.0), (30.0, 1.0), (60.0, PAUSE + 2)), BROKEN),
    ],
)  # fmt: skip
def test_recovery_takes_no_longer_because_the_outage_did(
    pairs: tuple[tuple[float, float], ...], expected: Verdict | None
) -> None:
    rows = look(outages(*pairs).timeline())
    assert [row.verdict for row in rows] == ([] if expected is None else [expected]), rows


def test_without_a_quorum_to_lose_there_is_no_occasion() -> None:
    assert look(outages((30.0, 1.0), (60.0, 200.0), bft=False).timeline()) == []
    net = Net(4).run(40)
    for seconds in (30.0, 90.0):
        net.do("kill n3")
        net.run(seconds)
        net.do("start n3")
        net.run(30)
    assert look(net.timeline()) == []


@pytest.mark.parametrize(("late", "expected"), [(65.0, HELD), (67.0, UNKNOWN)])
def test_without_an_interval_what_is_longer_than_the_least_allowance_is_unknown(late: float, expected: Verdict) -> None:
    net = Net(4, interval=1000.0).run(1)
    for away, until in ((30.0, 1.0), (60.0, late)):
        net.do("partition n0 n1 | n2 n3")
        net.run(away)
        net.do("heal")
        net.stand(until)
        net.next_block = net.t
        net.run(5)
    (row,) = look(net.timeline())
    assert row.verdict is expected, row


def test_outages_without_a_block_between_them_are_one() -> None:
    net = outages((30.0, 1.0))
    net.do("partition n0 n1 | n2 n3")
    net.run(60)
    net.do("heal")
    net.stand(2)
    net.do("partition n0 n1 | n2 n3")
    net.run(10)
    assert look(net.timeline()) == []
    net.do("heal")
    net.stand(100)
    net.run(10)
    assert look(net.timeline())[0].verdict is BROKEN


def test_it_says_what_it_compared() -> None:
    (row,) = look(outages((30.0, 1.0), (60.0, PAUSE + 2)).timeline())
    assert row.observed.startswith(
        "a block came 1.0 s after an outage of 30.0 s, and 87.0 s after one of 60.0 s; 85 s more"
    )
    assert (row.begin, row.end) == (91.0, 238.0)


@pytest.mark.parametrize(("late", "seconds"), [(0.0, [30.0, 20.0]), (0.5, [60.0])])
def test_a_block_at_the_moment_of_the_next_loss_ends_an_outage_and_a_later_one_does_not(
    late: float, seconds: list[float]
) -> None:
    net = Net(4).run(40)
    net.do("partition n0 n1 | n2 n3")
    net.run(30)
    net.do("heal")
    net.stand(10)
    net.do("partition n0 n1 | n2 n3")
    net.run(late)
    net.extend("n0 n1 n2 n3")
    net.run(20 - late)
    net.do("heal")
    timeline = net.run(20).timeline()
    assert [each.seconds for each in recovery_time.outages(world_of(timeline), seen_of(timeline))] == seconds
