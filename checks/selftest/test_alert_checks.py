"""The manual's five alerts pass; each with one thing changed is found by the name of what was changed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from prowl.checks import alerts, alerts_command, test_alerts
from prowl.checks.selftest.survey_kit import BROKEN, HELD, UNKNOWN, survey
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.alerts.rules import RuleFileError, duration_seconds, parse
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Claim, NotHeld

MANUAL = files("prowl.fixtures.alerts").joinpath("alerts.yml").read_text(encoding="utf-8")
CHECKS: dict[str, Callable[[NetworkView, RuleFiles], None]] = {
    "node-down": test_alerts.test_node_down,
    "consensus-degraded": test_alerts.test_consensus_degraded,
    "high-memory": test_alerts.test_high_memory,
    "no-new-blocks": test_alerts.test_no_new_blocks,
    "low-peers": test_alerts.test_low_peers,
}
LIVE = ("coc_block_height", "coc_consensus_state", "coc_peers_connected", "coc_process_memory_bytes")
HAS_PROMTOOL = pytest.mark.skipif(promtool.find() is None, reason=promtool.MISSING)


def said(
    check: Callable[[NetworkView, RuleFiles], None], text: str, series: tuple[str, ...] = LIVE, path: str = "rules.yml"
) -> tuple[str, Claim]:
    view = NetworkView(survey(series=series))
    try:
        rules = RuleFiles.of((Path(path),), parse(text, path))
    except RuleFileError as error:
        rules = RuleFiles((Path(path),), problem=str(error))
    try:
        check(view, rules)
    except NotHeld as error:
        return error.verdict.value, error.claim
    assert view.claim is not None
    return HELD, view.claim


def verdicts(text: str) -> dict[str, str]:
    """The alerts that are not held, with what was seen."""
    found = {item: said(check, text) for item, check in CHECKS.items()}
    return {item: claim.observed for item, (verdict, claim) in found.items() if verdict != HELD}


def test_the_manuals_five_pass() -> None:
    assert verdicts(MANUAL) == {}
    assert said(test_alerts.test_metrics_exist, MANUAL)[0] == HELD


CHANGES = [
    ("node-down", "up == 0", "up == 1", "threshold 1 instead of 0"),
    ("node-down", "for: 2m", "for: 1m", "duration 1m instead of 2m"),
    ("node-down", "up == 0", "upp == 0", "metric upp instead of up"),
    ("node-down", "up == 0", 'up{instance="node-1"} == 0', 'selection {instance="node-1"} instead of none'),
    ("node-down", "up == 0\n        for: 2m\n        labels:\n          severity: critical",
     "up == 0\n        for: 2m\n        labels:\n          severity: warning", "severity warning instead of critical"),
    ("consensus-degraded", "coc_consensus_state > 0", "coc_consensus_state > 1", "threshold 1 instead of 0"),
    ("consensus-degraded", "coc_consensus_state > 0", "coc_consensus_state != 0", "comparison != instead of >"),
    ("consensus-degraded", "coc_consensus_state > 0", "coc_consensus_stat > 0", "metric coc_consensus_stat instead"),
    ("consensus-degraded", "state > 0\n        for: 5m", "state > 0\n        for: 6m", "duration 6m instead of 5m"),
    ("consensus-degraded", "coc_consensus_state > 0", "coc_consensus_state > 0\n        keep_firing_for: 1m", "keeps"),
    ("consensus-degraded", "state > 0\n        for: 5m\n        labels:\n          severity: warning",
     "state > 0\n        for: 5m\n        labels:\n          severity: critical", "severity critical instead of"),
    ("high-memory", "2e9", "2147483648", "threshold 2147483648 instead of 2000000000"),
    ("high-memory", "for: 10m", "for: 1m", "duration 1m instead of 10m"),
    ("high-memory", "memory_bytes > 2e9", "memory > 2e9", "metric coc_process_memory instead of"),
    ("high-memory", "for: 10m\n        labels:\n          severity: warning", "for: 10m", "severity missing"),
    ("no-new-blocks", "delta(", "resets(", "function resets instead of delta"),
    ("no-new-blocks", "[5m]) == 0", "[10m]) == 0", "range 10m instead of 5m"),
    ("no-new-blocks", "[5m]) == 0", "[5m]) == 0\n        for: 3m", "duration 3m instead of 0s"),
    ("no-new-blocks", "[5m]) == 0", "[5m]) < 1", "threshold 1 instead of 0"),
    ("no-new-blocks", "coc_block_height", "coc_block_hight", "metric coc_block_hight instead of coc_block_height"),
    ("no-new-blocks", "[5m]) == 0\n        labels:\n          severity: critical",
     "[5m]) == 0\n        labels:\n          severity: page", "severity page instead of critical"),
    ("low-peers", "connected < 2", "connected < 3", "threshold 3 instead of 2"),
    ("low-peers", "connected < 2", "connected <= 2", "comparison <= instead of <"),
    ("low-peers", "connected < 2\n        for: 5m", "connected < 2\n        for: 3m", "duration 3m instead of 5m"),
    ("low-peers", "coc_peers_connected", "coc_wire_connections", "metric coc_wire_connections instead of"),
    ("low-peers", "connected < 2\n        for: 5m\n        labels:\n          severity: warning",
     "connected < 2\n        for: 5m\n        labels:\n          team: net", "severity missing instead of warning"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "before", "after", "sentence"), CHANGES, ids=[f"{c[0]}-{c[3][:30]}" for c in CHANGES])
def test_one_change_is_found_by_name_and_in_that_alert_only(item: str, before: str, after: str, sentence: str) -> None:
    assert MANUAL.count(before) == 1
    found = verdicts(MANUAL.replace(before, after))
    assert list(found) == [item]
    assert sentence in found[item]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2e9", "2000000000"),
        ("2e9", "2.0E9"),
        ("for: 10m", "for: 600s"),
        ("for: 2m", 'for: "1m60s"'),
        ("up == 0", "0 == up"),
        ("up == 0", "(up==0)"),
        ("coc_peers_connected < 2", "2 > coc_peers_connected"),
        ("coc_peers_connected < 2", "(coc_peers_connected) < 2"),
        ("coc_peers_connected < 2", "coc_peers_connected{} < 2"),
        ("coc_peers_connected < 2", "coc_peers_connected <= 1"),
        ("up == 0", 'up{job="coc-node"} == 0'),
        ("[5m]", "[300s]"),
        ("alert: Low Peers", "alert: 🔥 Low Peers"),
        ("alert: Low Peers", "alert: PeerCountLow"),
        ("alert: Node Down", "alert: InstanceIsGone"),
        ("expr: up == 0", "expr: |\n          up\n            == 0"),
        ("groups:\n", "groups:\n  - name: other\n    rules:\n      - record: a\n        expr: sum(up)\n"
         "      - alert: Fork\n        expr: max(coc_block_height) - min(coc_block_height) > 3\n"),
    ],
)  # fmt: skip
def test_another_wording_or_name_is_no_difference(before: str, after: str) -> None:
    assert before in MANUAL
    assert verdicts(MANUAL.replace(before, after)) == {}


def test_an_alert_that_is_not_there_is_told_with_what_is() -> None:
    without = MANUAL[: MANUAL.index("      - alert: Low Peers")]
    found = verdicts(without)
    assert list(found) == ["low-peers"]
    assert "none of the 4 alerts is meant for it (Node Down, Consensus Degraded" in found["low-peers"]


OTHERWISE = "coc_peers_connected < bool 2 == 1"


def test_of_several_rules_for_one_alert_the_right_one_counts() -> None:
    early = MANUAL[MANUAL.index("      - alert: Node Down") : MANUAL.index("      - alert: Consensus")]
    early = early.replace("for: 2m", "for: 1m").replace("critical", "warning").replace("Node Down", "Node Down Early")
    assert verdicts(MANUAL.replace("    rules:\n", f"    rules:\n{early}")) == {}
    found = verdicts(MANUAL.replace("    rules:\n", f"    rules:\n{early}").replace("for: 2m", "for: 3m"))
    assert list(found) == ["node-down"]


def test_another_form_is_unknown_without_promtool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promtool, "find", lambda: None)
    verdict, claim = said(CHECKS["low-peers"], MANUAL.replace("coc_peers_connected < 2", OTHERWISE))
    assert (verdict, "promtool is not installed" in claim.observed) == (UNKNOWN, True)
    assert verdicts(MANUAL) == {}, "what compares needs no promtool"
    assert said(test_alerts.test_firing, MANUAL)[0] == UNKNOWN
    assert said(test_alerts.test_syntax, MANUAL)[0] == UNKNOWN


@HAS_PROMTOOL
@pytest.mark.parametrize(("expr", "expected"), [(OTHERWISE, HELD), (OTHERWISE.replace("2", "3"), BROKEN)])
def test_another_form_is_judged_by_what_it_does(expr: str, expected: str) -> None:
    assert said(CHECKS["low-peers"], MANUAL.replace("coc_peers_connected < 2", expr))[0] == expected


@HAS_PROMTOOL
def test_the_manuals_five_fire_and_clear_in_promtool() -> None:
    verdict, claim = said(test_alerts.test_firing, MANUAL)
    assert verdict == HELD, claim


@HAS_PROMTOOL
@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("for: 2m", "for: 1m", "Node Down: in promtool's unit test, up 0 on one node: fires at 720 s"),
        (
            "for: 10m",
            "for: 11m",
            "High Memory: in promtool's unit test, coc_process_memory_bytes 2000000001 on one node",
        ),
        ("2e9", "1.9e9", "well (coc_process_memory_bytes 2000000000) on all nodes: fires"),
        ("2e9", "2.1e9", "does not fire"),
        ("connected < 2", "connected <= 2", "well (coc_peers_connected 2) on all nodes: fires"),
        ("coc_consensus_state > 0", "coc_consensus_state != 0", "well (coc_consensus_state -1) on all nodes: fires"),
        ("delta(", "idelta(", "the height stands still on one node: fires at 885 s"),
        ("[5m]", "[6m]", "the height stands still on one node: does not fire at 915 s"),
        ("[5m]", "[4m]", "the height stands still on one node: fires at 885 s"),
    ],
)
def test_a_changed_rule_fires_otherwise(before: str, after: str, sentence: str) -> None:
    assert MANUAL.count(before) == 1
    verdict, claim = said(test_alerts.test_firing, MANUAL.replace(before, after))
    assert (verdict, sentence in claim.observed) == (BROKEN, True), claim


@HAS_PROMTOOL
@pytest.mark.parametrize(("after", "expected"), [("up == 0", HELD), ("up ===  0", BROKEN), ("sum(up", BROKEN)])
def test_syntax(tmp_path: Path, after: str, expected: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(MANUAL.replace("up == 0", after))
    assert said(test_alerts.test_syntax, MANUAL, path=str(path))[0] == expected


def test_metrics_that_no_page_has_are_named_with_their_alert() -> None:
    made = "  - name: made\n    rules:\n      - record: coc_all\n        expr: sum(coc_peers_connected)\n"
    made += "      - alert: All\n        expr: coc_all < 1\n"
    assert said(test_alerts.test_metrics_exist, MANUAL + made)[0] == HELD, "what a recording makes is there"
    verdict, claim = said(test_alerts.test_metrics_exist, MANUAL + made.replace("sum(coc_peers", "sum(coc_pears"))
    assert (verdict, "coc_pears_connected (in All)" in claim.observed) == (BROKEN, True)
    slow = (
        "  - name: more\n    rules:\n      - alert: Slow\n        expr: coc_block_time_seconds > 6 and node_load1 > 2\n"
    )
    verdict, claim = said(test_alerts.test_metrics_exist, MANUAL + slow)
    assert (verdict, claim.observed) == (BROKEN, "not there: coc_block_time_seconds (in Slow)")
    verdict, claim = said(test_alerts.test_metrics_exist, MANUAL + slow, (*LIVE, "coc_block_time_seconds"))
    assert (verdict, "not looked for: node_load1" in claim.observed) == (HELD, True)
    assert said(test_alerts.test_metrics_exist, MANUAL, ())[0] == UNKNOWN


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("0", 0),
        ("0s", 0),
        ("90s", 90),
        ("5", None),
        ("", None),
        ("5 m", None),
        ("m", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("groups: [", "not YAML"),
        ("a: 1", "no list 'groups'"),
        ("- 1", "no list 'groups'"),
        ("groups:\n- name: x\nfro: 3", "it has fro"),
        ("groups:\n- name: x\n  interval: soon\n  rules: []", "its interval is no duration"),
        ("groups:\n- name: x\n  limit: many\n  rules: []", "its limit is no whole number"),
        ("groups:\n- name: x\n  rules:\n  - alert: A\n    for: 5m", "the alert A has no expr"),
        ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up\n    for: 5 minutes", "duration"),
        ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: up\n    labels: [a]", "labels"),
        ("groups:\n- name: x\n  rules: 7", "rules is a list"),
        ("groups:\n- name: x\n  rules:\n  - uid: a\n    title: Node Down\n    data: []", "export of Grafana"),
        ("groups:\n- name: x\n  rules:\n  - expr: up", "neither alert nor record"),
    ],
)
def test_a_file_that_is_no_rule_file_is_unknown_with_the_reason(text: str, reason: str) -> None:
    for check in (*CHECKS.values(), test_alerts.test_metrics_exist):
        verdict, claim = said(check, text)
        assert (verdict, reason in claim.observed) == (UNKNOWN, True), claim


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("groups: 1")
    (tmp_path / "b.yml").write_bytes(b"\xff")
    problem = RuleFiles.read([tmp_path / "a.yml", tmp_path / "b.yml", tmp_path / "c.yml"]).problem
    for word in ("a.yml", "not UTF-8", "c.yml can't be read: No such file"):
        assert word in problem


BESIDE = [
    ("", ""),
    ("groups:\n", ""),
    ("groups: []\n", ""),
    ("{}\n", ""),
    ("# nothing yet\n", ""),
    ("groups:\n- name: x\n  rules:\n", ""),
    ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: vector(1)\n    for:\n    labels:\n", ""),
    ("groups:\n- name: x\n  interval:\n  rules:\n  - alert: A\n    expr: vector(1)\n---\n", ""),
    ("groups:\n- name: x\n  rules:\n  - alert: A\t\n    expr: vector(1)\t# why\n", ""),
    ('groups:\n- name: x\n  rules:\n  - alert: "🔥"\n    expr: vector(1)\n', ""),
    ("a: 1\n", "it has a"),
    ("- 1\n", "no list 'groups'"),
    ("\tgroups:\n", "not YAML"),
    ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: vector(1\n", "Prometheus would not load"),
    ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: vector(1)\n    fro: 2m\n", "Prometheus would not load"),
    ("groups:\n- name: x\n  rules:\n  - alert: A\n    expr: vector(1)\n    for: ''\n", "duration"),
]


@HAS_PROMTOOL
@pytest.mark.parametrize(("text", "problem"), BESIDE)
def test_a_file_beside_a_good_one_takes_nothing_with_it(tmp_path: Path, text: str, problem: str) -> None:
    """Prometheus's word on syntax counts, and each file is read by itself."""
    (tmp_path / "good.yml").write_text(MANUAL)
    (tmp_path / "other.yml").write_text(text, encoding="utf-8")
    read = RuleFiles.read([tmp_path / "other.yml", tmp_path / "good.yml"])
    assert (bool(read.problem), problem in read.problem) == (bool(problem), True), read.problem
    assert bool(promtool.check_rules([tmp_path / "other.yml"])) == bool(problem)
    for promised in alerts.FIVE:
        assert alerts.judge(read, promised).verdict.value == HELD


@HAS_PROMTOOL
def test_a_file_that_prometheus_would_not_load_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text(MANUAL.replace("for: 2m", "fro: 2m"))
    (judged, *_others) = [alerts.judge(RuleFiles.read([tmp_path / "one.yml"]), each) for each in alerts.FIVE[1:]]
    assert (judged.verdict.value, "field fro not found" in judged.words) == (UNKNOWN, True)


def test_every_alert_of_the_manual_is_promised_once() -> None:
    assert [promised.item for promised in alerts.FIVE] == [f"alerts/{item}" for item in CHECKS]


def test_the_command_compares_files_without_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promtool, "find", lambda: None)
    assert alerts_command.main([]) == 0
    assert capsys.readouterr().out == MANUAL, "the five themselves"
    path = tmp_path / "rules.yml"
    path.write_text(MANUAL)
    assert alerts_command.main([path]) == 0
    assert "not tried: promtool is not installed" in capsys.readouterr().out
    path.write_text(MANUAL.replace("2e9", "3e9"))
    assert alerts_command.main([path]) == 1
    assert "  threshold 3000000000 instead of 2000000000\n" in capsys.readouterr().out
    path.write_text("groups: 7")
    assert alerts_command.main([path]) == 4
    assert "no list 'groups'" in capsys.readouterr().err


@HAS_PROMTOOL
@pytest.mark.parametrize(
    ("before", "after"),
    [("2e9", "3e9"), ("< 2", "<= 1"), ("up == 0", "max(up) == 0"), ("up == 0", "up == 0 unless maintenance"), ("", "")],
)
def test_the_command_and_the_checks_have_one_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str
) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(MANUAL.replace(before, after) if before else MANUAL)
    held = not verdicts(path.read_text())
    assert alerts_command.main([path]) == (0 if held else 1)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("alerts/")]
    assert sum("manual has it" in line or "manual's does" in line for line in lines) == 5 - len(
        verdicts(path.read_text())
    )
