"""The lines below the verdict: each thing once, and the drift with the manual's sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prowl.reports import terminal
from prowl.reports.causes import Cause, story
from prowl.reports.findings import not_asked_lines, spent
from prowl.reports.run import Report
from prowl.reports.verdicts import Drift, Judgement, NotAsked, Result, Verdict, Waiver

BROKEN, UNKNOWN = Verdict.BROKEN, Verdict.UNKNOWN
WORDS: dict[str, Any] = {"manual": "M", "next": "do it", "again": "prowl run -k daily/peers --node node-1 --target x"}
DRIFT = Drift("http://a:18780/health", "http://a:9100/health")


def result(node: str, **fields: object) -> Result:
    row: dict[str, object] = {
        "manual": "Failure Recovery: curl -sf http://localhost:$port/health",
        "drift": DRIFT,
        **fields,
    }
    verdict = row.pop("verdict", Verdict.HELD)
    return Result("recovery/health-endpoints", verdict, "p", "e", "o", node=node, **row)  # type: ignore[arg-type]


def test_the_drift_is_a_section_with_the_manuals_sentence_once() -> None:
    lines = terminal.drift([result("node-1"), result("node-2"), result("node-3", drift=None)])
    assert lines == [
        "drift: kept, but elsewhere than the manual says",
        "  recovery/health-endpoints: Failure Recovery: curl -sf http://localhost:$port/health",
        "    node-1: the manual says http://a:18780/health; the node: http://a:9100/health",
        "    node-2: the manual says http://a:18780/health; the node: http://a:9100/health",
    ]
    assert terminal.drift([result("node-1", drift=None)]) == []


def test_what_was_not_asked_is_a_line_a_reason() -> None:
    rows = [NotAsked(item, "no access", node) for item in ("daily/disk", "backup/name") for node in ("a", "b")]
    rows += [NotAsked("alerts/syntax", "no rules"), NotAsked("backup/name", "no folder", "c")]
    assert not_asked_lines(rows) == [
        "daily/disk, backup/name on a, b: no access",
        "alerts/syntax: no rules",
        "backup/name on c: no folder",
    ]
    many = [NotAsked("daily/disk", "no access", f"n{number}") for number in range(9)]
    assert not_asked_lines(many) == ["daily/disk on n0, n1, n2, n3, n4, n5 and 3 more: no access"]


def test_the_gate_comes_first_and_only_where_there_is_one() -> None:
    assert terminal.gate_lines(Report({"target": "x"})) == []
    decision = {"go": False, "sentence": "NO-GO", "reasons": ["a", "b"], "waived": ["w"], "looked_at": ["l"]}
    report = Report({"gate": decision})
    assert terminal.gate_lines(report) == ["NO-GO", "  no-go: b", "  waived: w", "  looked at l"]
    assert terminal.gate_lines(report, whole=False) == ["NO-GO", "  no-go: b", "  waived: w"]
    decision["reasons"] = list("abcdef")
    assert terminal.gate_lines(report, whole=False)[4:] == ["  and 2 more reasons for a no-go", "  waived: w"]


def test_on_what_scenarios_spent_their_time_is_a_line_where_many_were_played() -> None:
    figures = {"wait_seconds": 2.0, "hold_seconds": 4.5, "load_seconds": 0.1, "recovered_seconds": 99.0}
    row = Result("recovery/x", Verdict.HELD, "p", "e", "o", scenario="cut", figures=figures, seconds=7.0)
    output = "  5 scenarios took 35 s: hold 22 s, wait 10 s"
    assert (spent([row] * 4), spent([row] * 5)) == ([], [output])
    for height in (None, 24):
        assert output in terminal.screen(Report({"target": "x"}, [row] * 5), 80, height, [])


def many(count: int) -> Report:
    """So many findings, each with long sentences, the last half unknown."""
    rows = [
        Result(f"own/item-{number}", BROKEN if number < count / 2 else UNKNOWN, "p", "e", "seen " * 60, **WORDS)
        for number in range(count)
    ]
    rows += [result(f"node-{number}", advisory=True, verdict=BROKEN) for number in range(99)]
    report = Report({"target": "testnet.toml"}, rows)
    report.not_asked = [NotAsked(f"daily/{number}", f"reason {number}", "node-1") for number in range(50)]
    return report


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 12, 20, 40, 1000])
@pytest.mark.parametrize("height", [24, 10])
@pytest.mark.parametrize("width", [80, 110, 240])
def test_whatever_was_found_fits_the_screen_and_the_worst_is_on_it(count: int, height: int, width: int) -> None:
    lines = terminal.screen(many(count), width, height, ["report: a/report.html", ""])
    taken = sum(max(1, -(-len(line) // width)) for line in lines)
    assert taken + 2 <= height, "the heading, and the line that pytest adds"
    assert lines[0].startswith(("BROKEN: ", "UNKNOWN: ", "HELD: "))
    assert lines[-1] == "report: a/report.html"
    shown = [line for line in lines[1:] if line.startswith(("BROKEN", "UNKNOWN"))]
    more = [line for line in lines if line.startswith("  and ")]
    assert len(shown) + sum(int(line.split()[1]) for line in more) == count
    assert sorted(shown, key=lambda line: line.startswith("UNKNOWN")) == shown, "broken before unknown"
    assert not count or shown[0].startswith("BROKEN own/item-0: seen")
    assert (any(line.startswith("  next   do it") for line in lines)) is (count > 0)


def test_where_there_is_room_a_finding_is_told_whole() -> None:
    report = Report({"target": "x"}, [Result("daily/peers", BROKEN, "three peers", "3", "2", node="node-1", **WORDS)])
    lines = terminal.screen(report, 80, 24, [])
    assert lines[1].splitlines() == [
        "BROKEN daily/peers on node-1: three peers",
        "  manual    M",
        "  expected  3",
        "  observed  2",
        "  next      do it",
        "  again     prowl run -k daily/peers --node node-1 --target x",
    ]


def test_equal_findings_and_what_shares_a_cause_are_said_once_and_each_result_if_asked() -> None:
    words = {**WORDS, "again": "prowl run -k daily/memory --node node-1 --target x"}
    rows = [Result("daily/memory", BROKEN, "p", "e", "3 GB", node=f"node-{n}", **words) for n in (1, 2)]
    rows += [
        Result(item, UNKNOWN, "p", "e", "no answer", node="node-3", cause="node-3 does not answer", **WORDS)
        for item in ("daily/peers", "daily/consensus")
    ]
    rows += [Result("daily/peers", BROKEN, "p", "e", "2", node="node-1", cause="node-3 does not answer", **WORDS)]
    cause = Cause(
        "node-3 does not answer", "node-3: nothing answers", "restart it", "prowl run --node node-3", ("node-3",)
    )
    report = Report({"target": "x"}, rows, causes=[cause])
    assert terminal.screen(report, 200, 24, [])[1:] == [
        "BROKEN node-3: nothing answers -> 1 broken and 2 unknown follow (also daily/peers on node-1)",
        "  next   restart it",
        "  again  prowl run --node node-3",
        "BROKEN daily/memory on node-1, node-2: 3 GB",
        "  next   do it",
        "  again  prowl run -k daily/memory --target x",
    ]
    every = "\n".join(terminal.screen(report, 80, None, ["report: x"]))
    assert every.count("\n  observed  ") == 5
    assert every.endswith("report: x")


def test_of_a_scenario_what_broke_first_in_time_is_said_first() -> None:
    judged = [
        Judgement("agreement", "p", BROKEN, None, 40.0, 50.0, "two hashes at 7"),
        Judgement("signals", "p", BROKEN, "node-2", 12.5, 60.0, "state 0 for 9 s"),
        Judgement("signals", "p", BROKEN, "node-1", 15.0, 60.0, "state 0 for 8 s"),
        Judgement("peers", "p", UNKNOWN, "node-1", 1.0, 60.0, "not seen"),
        Judgement("recovery", "p", BROKEN, None, 5.0, 60.0, "as it must"),
    ]
    output = (
        "agreement broken since 40.0 s: x; signals broken on node-2, node-1 since 12.5 s: y; peers unknown on node-1"
    )
    played = Result("a/b", BROKEN, "p", "e", output, scenario="cut", judgements=tuple(judged))
    assert story(played) == (
        "signals broken on node-2, node-1 since 12.5 s: state 0 for 9 s; "
        "then agreement since 40 s, peers unknown since 1 s"
    )
    assert story(replace(played, judgements=())) == output


def test_advice_is_a_line_for_all_nodes_of_which_the_same_was_seen() -> None:
    def swap(node: str, observed: str, **fields: object) -> Result:
        row: dict[str, object] = {"advisory": True, "node": node, "manual": "M", "next": "add some", **fields}
        return Result("tuning/swap", Verdict.BROKEN, "p", "some swap", observed, **row)  # type: ignore[arg-type]

    rows = [swap("a", "process 7 has none"), swap("b", "process 8 has none"), swap("c", "1 MB", next="")]
    assert terminal.advice(rows) == [
        "  advice: tuning/swap is broken on a, b: the process has none; expected some swap (M); next: add some",
        "  advice: tuning/swap is broken on c: 1 MB; expected some swap (M)",
    ]
    waived = swap("d", "0 MB", waiver=Waiver("known", "2030-01-01"))
    assert terminal.advice([waived, swap("e", "0 MB", advisory=False)]) == []
    assert terminal.waived([waived, swap("e", "0 MB")]) == [
        "  waived until 2030-01-01: tuning/swap on d is broken: 0 MB (known)"
    ]
