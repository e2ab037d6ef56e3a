"""What machines read of a run: the schema, the summary of a CI job, the metrics, and JUnit's file."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import stat
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from prowl.reports import junit, markdown, textfile
from prowl.reports.gate import Gate
from prowl.reports.run import SCHEMA, Report
from prowl.reports.schema import schema
from prowl.reports.verdicts import Drift, Judgement, NotAsked, Result, Verdict, Waiver

RECORDINGS = files("prowl.reports.selftest") / "recordings"
OLD = json.loads((RECORDINGS / "report-schema-1.json").read_text(encoding="utf-8"))
EVIL = '<b>|`*_[x](y)"\\\n{}'
FIGURES = {"recovered_seconds": 3.25}
PROMTOOL = shutil.which("promtool")


def result(verdict: Verdict = Verdict.BROKEN, **more: Any) -> Result:
    values = {"item": "daily/peers", "promise": "three peers", "expected": "3", "observed": "2", "node": "node-1"}
    return Result(verdict=verdict, **{**values, "next": "compare heights", **more})


def report(*results: Result, **more: Any) -> Report:
    run = {"id": "1-7", "seed": 7, "commit": "abc", "target": "testnet.toml", "cluster": "embedded:4", "versions": {}}
    run |= {"started": 1_000.0, "seconds": 5.5, "again": "prowl run --seed 7", "exit_code": 1}
    return Report({**run, **more}, list(results))


def rich() -> Report:
    judged = (Judgement("peers", "p", Verdict.HELD, None, 0.5, 9.25, "seen"),)
    whole = report(
        result(drift=Drift("a", "b")),
        result(node="node-2"),
        result(Verdict.UNKNOWN, item="truth/lag", node=None, observed=EVIL, cause="node-3 does not answer"),
        result(item="daily/memory", waiver=Waiver("known", "2099-01-01")),
        result(item="tuning/swap", advisory=True),
        result(
            item="recovery/x",
            node=None,
            scenario="cut",
            judgements=judged,
            figures={"recovered_seconds": 3.25, "time_scale": 10.0},
            seconds=9,
        ),
        gate=Gate(False, "NO-GO for x: a", ("a", "b")).as_json(),
        notes=["a waiver ran out"],
    )
    whole.not_asked = [NotAsked("daily/disk", "no access", f"node-{number}") for number in (1, 2)]
    whole.pictures = [{"name": "cut", "path": "scenarios/cut/timeline.jsonl", "bytes": 7}]
    return whole


def saved(whole: Report, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(whole.save(folder).read_text(encoding="utf-8"))
    return found


def test_the_schema_is_one_and_takes_reports_of_today_and_of_schema_1(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    for body in (saved(rich(), tmp_path), saved(report(), tmp_path), OLD):
        jsonschema.validate(body, schema())
    assert OLD["schema"] == 1 < SCHEMA


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), SCHEMA + 1),
        (("verdict",), "green"),
        (("results", 0, "verdict"), None),
        (("results", 5, "judgements", 0, "from"), "0"),
        (("results", 0, "drift"), {"manual": "a"}),
        (("results", 5, "figures", "recovered_seconds"), "3"),
        (("run", "seed"), "7"),
        (("not_asked", 0, "reason"), 1),
    ],
)
def test_the_schema_refuses_what_is_none(tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    body = copy.deepcopy(saved(rich(), tmp_path))
    part = body
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema())


def test_the_summary_says_the_verdict_first_and_one_row_for_equal_findings() -> None:
    text = markdown.render(rich())
    assert text.startswith("## 🔴 BROKEN: ")
    assert "**NO-GO for x: a**" in text
    assert "| 🔴 broken | **daily/peers** on node-1, node-2<br>three peers | 2 | compare heights |" in text
    assert text.index("daily/peers") < text.index("truth/lag"), "broken before unknown"
    assert text.index("truth/lag") < text.index("⚪ waived"), "and what counts before what is waived"
    assert "waived until 2099-01-01: known" in text
    assert "| cut | 🔴 broken | 3.2 s | 10 | 9.0 s |" in text
    assert "<details><summary>Not asked (1)</summary>\n\n- daily/disk on node-1, node-2: no access" in text
    assert "- tuning/swap on node-1: 2; next: compare heights" in text
    assert "Again: `prowl run --seed 7`" in text


def test_the_summary_has_nothing_of_what_others_wrote_as_markdown() -> None:
    assert '&lt;b&gt;\\|\\`\\*\\_\\[x\\](y)"\\\\ {}' in markdown.render(rich())


def test_a_summary_that_ci_would_drop_is_cut_and_says_so() -> None:
    rows = [result(item=f"own/{number}", observed="ä" * 2000) for number in range(2_000)]
    text = markdown.render(report(*rows))
    assert len(text.encode()) <= markdown.MOST_BYTES < 1024 * 1024
    assert text.endswith(markdown.CUT)
    assert "**own/0**" in text
    whole = markdown.render(report(*rows[:100]))
    assert markdown.CUT not in whole
    assert "**own/99**" in whole


def test_the_metrics_of_a_run() -> None:
    lines = textfile.render(rich()).splitlines()
    label = 'target="testnet.toml"'
    assert f"prowl_run_exit_code{{{label}}} 1.0" in lines
    assert f"prowl_run_ended_timestamp_seconds{{{label}}} 1005.5" in lines
    assert f'prowl_results{{state="broken",{label}}} 3.0' in lines
    assert f'prowl_results{{state="not_asked",{label}}} 2.0' in lines
    assert f'prowl_item_verdict{{item="daily/peers",{label}}} 2.0' in lines
    assert f'prowl_item_verdict{{item="daily/memory",{label}}} 0.0' in lines, "it is waived"
    assert f'prowl_scenario_verdict{{item="recovery/x",scenario="cut",{label}}} 2.0' in lines
    assert f'prowl_scenario_seconds{{item="recovery/x",scenario="cut",{label},what="recovered"}} 3.25' in lines
    assert not any("time_scale" in line for line in lines), "it is no time"
    assert f"prowl_gate_go{{{label}}} 0.0" in lines


def test_a_figure_that_is_missing_has_no_line() -> None:
    lines = textfile.render(Report({"target": "x"})).splitlines()
    assert [line for line in lines if re.match("prowl_(run_(ended|started|duration|exit)|gate|scenario)", line)] == []


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed")
@pytest.mark.parametrize("text", [textfile.render(rich()), textfile.ended_early(EVIL)], ids=["run", "early"])
def test_promtool_has_nothing_to_say_of_the_metrics(text: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_metrics_are_put_into_their_place_and_readable_by_all(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        path = textfile.write(rich(), tmp_path / "prowl.prom")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["prowl.prom"]


def test_a_run_that_ended_early_leaves_one_error(tmp_path: Path) -> None:
    path = tmp_path / "of" / "junit.xml"
    junit.ended_early(path, f"No target: {EVIL}\x00")
    (suite,) = junitparser.JUnitXml.fromfile(str(path))
    assert (suite.tests, suite.errors, suite.failures, suite.skipped) == (1, 1, 0, 0)
    (case,) = suite
    assert (case.classname, case.name) == ("prowl", "the run itself")
    assert case.result[0].message.startswith("No target: <b>|")


@pytest.mark.parametrize(("age", "replaced"), [(-1, True), (1, False)])
@pytest.mark.parametrize("words", [["--junitxml=junit.xml"], ["-q", "--junit-xml", "junit.xml", "--frobnicate"]])
def test_what_a_refused_command_line_names_is_replaced_if_it_is_another_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], age: int, replaced: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "junit.xml"
    path.write_text("old")
    os.utime(path, (1_000 + age, 1_000 + age))
    junit.replace_stale(words, 1_000)
    assert ("the command line was refused" in path.read_text()) is replaced
    junit.replace_stale(["-k", "peers"], 1_000)
    junit.replace_stale(["--junitxml=elsewhere.xml"], 1_000)
    assert not (tmp_path / "elsewhere.xml").exists()
