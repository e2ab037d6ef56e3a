"""Go or no-go: nothing but held or waived is go, and the first reason is told first."""

from __future__ import annotations

import pytest

from prowl.reports.gate import Demands, Gate, decide, unfinished
from prowl.reports.verdicts import NotAsked, Result, Verdict, Waiver

ORDER = ("gate/answers", "gate/head-age", "daily/disk")
REST = "; the upgrade itself was not tried"
WAIVER = Waiver("new disk on Monday", "2030-01-01")


def result(item: str, verdict: Verdict = Verdict.HELD, node: str | None = "node-1", **fields: object) -> Result:
    return Result(item, verdict, "promise", "expected", f"saw {verdict}", node=node, **fields)  # type: ignore[arg-type]


def good(*without: str) -> list[Result]:
    return [result(item) for item in ORDER if item not in without]


def gate(results: list[Result], *not_asked: NotAsked, partial: bool = False, nodes: tuple[str, ...] = ()) -> Gate:
    return decide(Demands(ORDER, nodes), results, not_asked, "testnet", partial)


def test_all_held_is_go_and_says_what_it_looked_at() -> None:
    decision = gate([*good(), result("daily/peers", Verdict.BROKEN)])
    assert decision.go
    assert decision.sentence == "GO for testnet: 3 results on 1 nodes are held" + REST
    assert decision.looked_at == tuple(f"{item} on 1 nodes: saw held" for item in ORDER)


@pytest.mark.parametrize("verdict", [Verdict.BROKEN, Verdict.UNKNOWN])
@pytest.mark.parametrize("item", ORDER)
def test_one_that_is_not_held_is_no_go(item: str, verdict: Verdict) -> None:
    decision = gate([*good(item), result(item, verdict, "node-2")])
    assert not decision.go
    assert decision.sentence == f"NO-GO for testnet: {item} on node-2 is {verdict}: saw {verdict}" + REST


def test_the_first_reason_is_the_gates_first_and_not_the_worst() -> None:
    rows = [result("daily/disk", Verdict.BROKEN), result("gate/head-age"), result("gate/answers", Verdict.UNKNOWN)]
    decision = gate(rows)
    assert (
        decision.sentence
        == "NO-GO for testnet: gate/answers on node-1 is unknown: saw unknown (and 1 more reason)" + REST
    )
    assert [reason.split()[0] for reason in decision.reasons] == ["gate/answers", "daily/disk"]


def test_not_asked_is_no_go_unless_waived() -> None:
    missing = NotAsked("daily/disk", "no access", "node-1")
    decision = gate(good("daily/disk"), missing)
    assert decision.sentence == "NO-GO for testnet: daily/disk on node-1 was not asked: no access" + REST
    waived = gate(good("daily/disk"), NotAsked("daily/disk", "no access", "node-1", WAIVER))
    assert waived.go
    assert waived.waived == (
        "daily/disk on node-1 was not asked: no access (waived until 2030-01-01: new disk on Monday)",
    )
    assert waived.sentence.endswith("but for 1 that are waived" + REST)
    assert gate(good(), NotAsked("alerts/syntax", "no promtool")).go, "not of the gate"


def test_a_waived_result_is_go_and_named() -> None:
    decision = gate([*good("daily/disk"), result("daily/disk", Verdict.BROKEN, waiver=WAIVER)])
    assert decision.go
    assert "daily/disk on node-1 is broken: saw broken (waived until 2030-01-01" in decision.waived[0]


def test_what_was_left_out_and_what_was_cut_short_is_no_go() -> None:
    assert gate(good("gate/head-age")).sentence == "NO-GO for testnet: gate/head-age was left out of this run" + REST
    assert gate(good(), partial=True).sentence == "NO-GO for testnet: the run was cut short" + REST
    assert gate([]).sentence == "NO-GO for testnet: gate/answers was left out of this run (and 2 more reasons)" + REST


def test_a_node_or_an_item_that_was_left_out_is_no_go() -> None:
    both = [result(item, node=node) for item in ORDER for node in ("node-1", "node-2")]
    assert gate(both, nodes=("node-1", "node-2")).go
    assert gate([*both[:-1], result("daily/disk", node=None)], nodes=("node-1", "node-2")).go, "seen of the network"
    assert gate(both[:-1], NotAsked("daily/disk", "no access", "node-2", WAIVER), nodes=("node-1", "node-2")).go
    one = gate(both[:-1], nodes=("node-1", "node-2"))
    assert one.sentence == "NO-GO for testnet: daily/disk on node-2 was left out of this run" + REST
    more = gate(both, nodes=("node-1", "node-2", "node-3", "node-4"))
    assert len(more.reasons) == 3
    assert more.reasons[0] == "gate/answers on node-3 (and 1 more) was left out of this run"


def test_what_is_the_same_on_several_nodes_is_said_once() -> None:
    rows = [NotAsked("daily/disk", "no access", node, WAIVER) for node in ("node-1", "node-2")]
    decision = gate(good("daily/disk"), *rows)
    output = "daily/disk on node-1, node-2 was not asked: no access (waived until 2030-01-01: new disk on Monday)"
    assert decision.waived == (output,)
    assert decision.sentence.endswith("but for 2 that are waived" + REST)


def test_a_waiver_survives_the_report() -> None:
    row = NotAsked("daily/disk", "no access", "node-1", WAIVER)
    plain = {"item": "daily/disk", "reason": "no access", "node": "node-1"}
    assert NotAsked.from_json({**plain, "waiver": {"reason": WAIVER.reason, "expires": WAIVER.expires}}) == row
    assert NotAsked.from_json(plain) == NotAsked("daily/disk", "no access", "node-1")


def test_a_gate_that_tries_no_upgrade_is_no_go_if_it_is_strict() -> None:
    strict = Demands(ORDER, (), strict=True)
    assert decide(strict, good(), (), "testnet").reasons == ("the upgrade itself was not tried (--strict)",)
    tried = Demands(ORDER, (), "the upgrade to NEW was tried", strict=True)
    assert decide(tried, good(), (), "testnet").sentence.endswith("are held; the upgrade to NEW was tried")


def test_what_stands_until_there_is_a_decision_is_no_go() -> None:
    decision = unfinished(Demands(ORDER), "testnet")
    assert not decision.go
    assert decision.sentence == "NO-GO for testnet: the gate has not come to its end" + REST
