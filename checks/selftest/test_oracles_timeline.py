"""Where the judge of a timeline could lie: what no event tells, what was sampled seldom, what was missed once."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net, change, silent

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
PAUSE, LAG = 20.0 + 65.0, 30.0


def healthy(seconds: float = 100, nodes: int = 4, **fields: Any) -> Net:
    return Net(nodes, **fields).run(seconds)


def died(seconds: float, state: float) -> Net:
    """Two of four stop answering without an event, and the chain stands for so long."""
    net = healthy()
    net.tampers += [silent("n2", net.t), silent("n3", net.t), change("n0", 0, consensus_state=state)]
    return net.stand(seconds)


@pytest.mark.parametrize("state", [0.0, 1.0])
@pytest.mark.parametrize(("seconds", "listed"), [(PAUSE + 3, True), (PAUSE - 3, False)])
def test_nodes_that_die_untold_leave_no_way_to_say_that_all_is_well(seconds: float, listed: bool, state: float) -> None:
    """With a quorum the pause was too long, without one the loss was: whichever it was, 0 is a lie by then."""
    net = died(seconds, state)
    assert net.verdict("signals", "n0") is (BROKEN if listed and state == 0 else HELD)
    assert net.verdict("progress-with-quorum") is (UNKNOWN if listed else HELD), "nobody knows whether one was owed"


def test_a_stall_too_short_for_a_sample_is_no_reason_for_doubt() -> None:
    for seconds, expected in ((31.0, HELD), (60.0, UNKNOWN)):
        net = Net(4, every=3.0).run(99)
        net.do("kill n2 n3")
        net.tampers.append(change("n0", 0, consensus_state=0.0))
        if expected is UNKNOWN:
            net.tampers.append(change("n0", net.t + LAG, consensus_state=None))
        net.t = round(net.t + seconds % 3, 6)
        net.run(seconds - seconds % 3)
        net.do("start n2 n3")
        net.run(30)
        assert net.verdict("signals", "n0") is expected, seconds


@pytest.mark.parametrize(("seconds", "expected"), [(LAG - 2, HELD), (LAG + 4, BROKEN)])
def test_an_answer_missed_now_and_then_clears_no_wrong_count(seconds: float, expected: Verdict) -> None:
    net = healthy()
    net.tampers.append(change("n0", net.t, net.t + seconds, peers_connected=1.0))
    net.tampers += [silent("n0", net.t + 10 * n, net.t + 10 * n + 1) for n in range(1, 4)]
    net.run(60)
    assert net.verdict("peers", "n0") is expected


def test_a_node_that_was_away_begins_anew() -> None:
    net = healthy()
    net.tampers.append(change("n0", net.t, net.t + 60, peers_connected=1.0))
    net.tampers.append(silent("n0", net.t + 20, net.t + 40))
    net.run(90)
    assert net.verdict("peers", "n0") is HELD


@pytest.mark.parametrize("lower", [0, 1])
def test_a_tip_that_is_replaced_and_replaced_again_is_no_progress(lower: int) -> None:
    """Two blocks take turns at one height, or the node goes one back and forth: no block comes."""

    def flips(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if name == "n0" and "err" not in shown and t >= 100 and int(t / 5) % 2:
            height, _tip, parent, _final = shown["latest"]
            other = [height, "0x" + "ab" * 32, parent, False] if not lower else [height - 1, parent, "0x01", False]
            return {**shown, "latest": other, "block_height": float(other[0]), "consensus_state": 0.0}
        return {**shown, "consensus_state": 0.0} if name == "n0" and "err" not in shown else shown

    for seconds, expected in ((PAUSE + 8, BROKEN), (PAUSE - 8, HELD)):
        net = healthy()
        net.tampers.append(flips)
        net.stand(seconds)
        net.run(20)
        assert net.verdict("signals", "n0") is expected, seconds
