"""The lines below the verdict: each thing once, and the drift with the manual's sentence."""

from __future__ import annotations

from prowl.reports import terminal
from prowl.reports.findings import not_asked_lines
from prowl.reports.run import Report
from prowl.reports.verdicts import Drift, NotAsked, Result, Verdict, Waiver

DRIFT = Drift("http://a:18780/health", "http://a:9100/health")


def result(node: str, **its: object) -> Result:
    row: dict[str, object] = {
        "manual": "Failure Recovery: curl -sf http://localhost:$port/health",
        "drift": DRIFT,
        **its,
    }
    return Result("recovery/health-endpoints", Verdict.HELD, "p", "e", "o", node=node, **row)  # type: ignore[arg-type]


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
    assert terminal.gate_lines(Report({"gate": decision})) == ["NO-GO", "  no-go: b", "  waived: w", "  looked at l"]


def test_the_quiet_option_leaves_the_drift_out() -> None:
    report = Report({"notes": ["a waiver ran out"]}, [result("node-1")])
    assert list(terminal.summary(report, quiet=True)) == ["  note: a waiver ran out"]
    assert len(list(terminal.summary(report))) == 4


def test_advice_is_a_line_for_all_nodes_of_which_the_same_was_seen() -> None:
    def swap(node: str, observed: str, **its: object) -> Result:
        row: dict[str, object] = {"advisory": True, "node": node, "manual": "M", "next": "add some", **its}
        return Result("tuning/swap", Verdict.BROKEN, "p", "some swap", observed, **row)  # type: ignore[arg-type]

    rows = [swap("a", "process 7 has none"), swap("b", "process 8 has none"), swap("c", "1 MB", next="")]
    assert terminal.advice(rows) == [
        "  advice: tuning/swap is broken on a, b: the process has none; expected some swap (M); next: add some",
        "  advice: tuning/swap is broken on c: 1 MB; expected some swap (M)",
    ]
    waived = swap("d", "0 MB", waiver=Waiver("known", "2030-01-01"))
    assert terminal.advice([waived, swap("e", "0 MB", advisory=False)]) == []
    assert next(iter(terminal.summary(Report({}, [waived])))).startswith("BROKEN tuning/swap on d (waived until")
