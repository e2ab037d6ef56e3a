"""Rule files that never end: small ones that repeat themselves, large ones, patterns without an end, and pipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prowl.checks import alerts
from prowl.fixtures.alerts import files as alert_files
from prowl.fixtures.alerts import promtool, rules
from prowl.fixtures.alerts.expression import ExpressionError, Matcher
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.alerts.fleet import strings_of
from prowl.fixtures.alerts.rules import RuleFileError, parse
from prowl.fixtures.selftest.time_bound import at_most
from prowl.reports.verdicts import Verdict

SECONDS = 60
LEVELS = 9
RULE = "{alert: A, expr: up}"


def bomb(row: str, levels: int = LEVELS) -> str:
    """Rows of which each repeats the one before it nine times."""
    lists = ["[x,x,x,x,x,x,x,x,x]", *(f"[{','.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels))]
    return "\n".join(row.format(level=level, value=f"&a{level} {value}") for level, value in enumerate(lists)) + "\n"


def in_a_rule(row: str) -> str:
    return "groups:\n- name: g\n  rules:\n" + bomb(row)


OF_A_RULE = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    {key}:\n"
BOMBS = {
    "labels": OF_A_RULE.format(key="labels") + bomb("      l{level}: {value}"),
    "annotations": OF_A_RULE.format(key="annotations") + bomb("      l{level}: {value}"),
    "titles": in_a_rule("  - {{data: [1], title: {value}}}"),
    "durations": in_a_rule("  - {{alert: A, expr: up, for: {value}}}"),
    "expressions": in_a_rule("  - {{alert: A, expr: {value}}}"),
    "names": in_a_rule("  - {{alert: {value}, expr: up}}"),
    "intervals": "groups:\n" + bomb("- {{name: g, interval: {value}}}"),
    "names of groups": "groups:\n" + bomb("- {{rules: 5, name: {value}}}"),
    "other keys": bomb("k{level}: {value}") + "groups: []\n",
    "merges": "a0: &a0 {k: 1}\n" + "".join(
        f"a{level}: &a{level} {{<<: [{','.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, LEVELS)
    ),
    "itself": "groups: &a [*a]\n",
    "a rule of itself": "groups:\n- name: g\n  rules: &r\n  - {alert: A, expr: up, labels: {a: *r}}\n",
    "an alias for nothing": "groups: *gone\n",
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_a_file_that_repeats_itself_is_refused_at_once(what: str) -> None:
    assert len(BOMBS[what]) < 1_000
    with (
        at_most(SECONDS),
        pytest.raises(RuleFileError, match=r"more than 100,000 parts|is not YAML: the alias") as caught,
    ):
        parse(BOMBS[what], "rules.yml")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"groups:\n- name: g\n  rules: [&r {RULE}, *r, *r]\n", 3),
        ("x-labels: &l {a: b}\n", None),
        ("groups:\n- name: g\n  rules:\n  - &r {alert: A, expr: up, labels: &l {a: b}}\n  - {<<: *r, alert: B}\n", 2),
        (bomb("# {level} {value}") + f"groups:\n- name: g\n  rules: [{RULE}]\n", 1),
        (f"groups:\n- name: g\n  rules: [{RULE}]\n---\n" + bomb("k{level}: {value}"), 1),  # only the first is read
        (f"groups:\n- name: g\n  rules: [{','.join([RULE] * 3_000)}]\n", 3_000),
        ("groups: &g\n", 0),
    ],
)
def test_a_file_that_repeats_a_little_is_read(text: str, count: int | None) -> None:
    if count is None:
        with pytest.raises(RuleFileError, match="it is no rule file"):
            parse(text, "rules.yml")
        return
    assert len(parse(text, "rules.yml")) == count


def test_a_duration_of_many_digits_is_none() -> None:
    assert rules.duration_seconds("9" * 5_000 + "y") is None
    assert rules.duration_seconds("9" * 15 + "ms") == pytest.approx(1e12)


@pytest.mark.parametrize(
    ("pattern", "value", "takes"),
    [
        ("([0-9.:]+)+x", "1" * 200, False),
        ("(a+)+b", "a" * 200, False),
        ("(a|a)*b", "a" * 200, False),
        ("(.*)*(.*)*(.*)*node", "1" * 200, False),
        ("a*a*a*a*a*a*a*a*a*b", "a" * 200, False),
        ("(x+x+)+y", "x" * 200, False),
        ("([0-9.:]+)+x", "1" * 190 + "x", True),
        ("10\\\\.0\\\\.0\\\\.[1-4]:9100".replace("\\\\", "\\"), "10.0.0.3:9100", True),
        ("node-[1-3]|sync", "node-4", False),
        ("(?i:NODE).*", "node-é", True),
    ],
)
def test_a_pattern_is_matched_in_time_that_goes_by_the_text(pattern: str, value: str, takes: bool) -> None:
    with at_most(SECONDS):
        assert Matcher("instance", "=~", pattern).takes(value) == takes
        assert Matcher("instance", "!~", pattern).takes(value) != takes
        assert all(Matcher("instance", "=~", pattern).takes(text) for text in strings_of(pattern))


@pytest.mark.parametrize("pattern", ["(", "a{2000}", "(?=a)", "(a)\\1", "[z-a]", "*"])
def test_a_pattern_that_prometheus_does_not_take_is_a_sentence(pattern: str) -> None:
    with pytest.raises(ExpressionError, match="can't be read"):
        Matcher("instance", "=~", pattern).takes("a")


@pytest.fixture
def _without_promtool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promtool, "find", lambda: None)


def written(folder: Path, rows: list[str]) -> Path:
    path = folder / "rules.yml"
    path.write_text("groups:\n- name: g\n  rules:\n" + "".join(f"  - {row}\n" for row in rows))
    return path


AS_THE_MANUAL = "for: 2m, labels: {severity: critical}}"
CHAIN = [f"{{record: 'r:{number}', expr: 'r:{number + 1}'}}" for number in range(5_000)]
BY_CHAIN = f"{{alert: NodeDown, expr: 'r:0 == 0', {AS_THE_MANUAL}"
TOO_MANY, TOO_DEEP = "more than 100,000 parts", "more than 100 recordings"


@pytest.mark.usefixtures("_without_promtool")
@pytest.mark.parametrize(
    ("rows", "verdict", "says"),
    [
        ([f"{{alert: LowPeers{number}, expr: 'x{number}<2'}}" for number in range(40_000)], Verdict.UNKNOWN, TOO_MANY),
        ([f"{{alert: A{number}, expr: up}}" for number in range(45_000)], Verdict.UNKNOWN, TOO_MANY),
        ([f"{{record: 'r:{number}', expr: up}}" for number in range(30_000)], Verdict.UNKNOWN, TOO_MANY),
        ([*CHAIN, BY_CHAIN], Verdict.UNKNOWN, TOO_DEEP),
        ([*["{record: 'r:0', expr: up}"] * 5_000, BY_CHAIN], Verdict.UNKNOWN, TOO_DEEP),
        (
            [f"{{alert: NodeDown, expr: 'up == 0', {AS_THE_MANUAL}"]
            + [f"{{alert: B{number}, expr: 'x{number}<2'}}" for number in range(3_000)],
            Verdict.HELD,
            "as the manual",
        ),
        ([*CHAIN[:50], "{record: 'r:50', expr: up}", BY_CHAIN], Verdict.UNKNOWN, "not tried"),
    ],
    ids=["like-named", "45000", "recordings", "chain", "one-name", "well", "short-chain"],
)
def test_many_rules_are_judged_or_refused_in_time(rows: list[str], verdict: Verdict, says: str, tmp_path: Path) -> None:
    with at_most(SECONDS):
        found = RuleFiles.read([written(tmp_path, rows)])
        judged = alerts.judge(found, alerts.FIVE[0])
    assert (judged.verdict, says in judged.words) == (verdict, True), judged.words


@pytest.mark.usefixtures("_without_promtool")
def test_files_together_have_so_many_rules_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_files, "MOST_RULES", 5)
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(written(tmp_path / name, [RULE] * 3))
    found = RuleFiles.read(paths)
    assert (len(found.rules), f"{paths[1]} is left out" in found.problem) == (3, True)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with at_most(SECONDS), pytest.raises(RuleFileError, match="can't be read: I"):
        rules.read(path)
