"""The run's record: its folder, its repeat command, and the report that is saved, read again, or refused."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from prowl.reports import run
from prowl.reports.run import SCHEMA, Report, Run, RunError
from prowl.reports.verdicts import Drift, Judgement, NotAsked, Result, Totals, Verdict, Waiver


def result(verdict: Verdict, **more: Any) -> Result:
    return Result("daily/peers", verdict, "a promise", "3", "2", **more)


HELD, UNKNOWN, BROKEN = (result(verdict, node="node-1") for verdict in Verdict)
WAIVED = result(Verdict.BROKEN, waiver=Waiver("known", "2027-01-01"))
JUDGEMENTS = (
    Judgement("agreement", "one hash", Verdict.HELD, None, 0.5, 9.25, "9 heights"),
    Judgement("signals", "no lie", Verdict.BROKEN, "node-1", 1.0, 67.0, "state 0: for 66 s"),
)
ADVISORY = result(Verdict.BROKEN, advisory=True)


def report(*results: Result, **more: Any) -> Report:
    return Report({"target": "embedded", **more}, list(results))


@pytest.mark.parametrize(
    ("results", "verdict", "sentence"),
    [
        ((HELD, HELD), Verdict.HELD, "HELD: 2 held on embedded"),
        ((HELD, UNKNOWN), Verdict.UNKNOWN, "UNKNOWN: 1 held, 1 unknown on embedded"),
        ((HELD, UNKNOWN, BROKEN), Verdict.BROKEN, "BROKEN: 1 held, 1 broken, 1 unknown on embedded"),
        ((HELD, WAIVED), Verdict.HELD, "HELD: 1 held, 1 waived on embedded"),
        ((HELD, ADVISORY), Verdict.HELD, "HELD: 1 held, 1 advisory on embedded"),
        ((WAIVED, BROKEN), Verdict.BROKEN, "BROKEN: 0 held, 1 broken, 1 waived on embedded"),
        ((), Verdict.UNKNOWN, "UNKNOWN: 0 held on embedded"),
    ],
)
def test_the_verdict_in_one_sentence(results: tuple[Result, ...], verdict: Verdict, sentence: str) -> None:
    assert (report(*results).verdict, report(*results).sentence) == (verdict, sentence)


def test_a_partial_run_says_so_first_and_is_never_held() -> None:
    assert report(HELD, partial=True).sentence == "PARTIAL, the run was cut short. UNKNOWN: 1 held on embedded"
    assert report(BROKEN, partial=True).verdict is Verdict.BROKEN
    assert report(HELD, partial=False).verdict is Verdict.HELD


def test_what_was_not_asked_is_counted_and_changes_no_verdict() -> None:
    whole = report(HELD)
    whole.not_asked = [NotAsked("weekly/backups", "no host access")]
    assert whole.sentence == "HELD: 1 held, 1 not asked on embedded"
    assert whole.totals == Totals(held=1, not_asked=1)


def test_a_saved_report_is_read_as_it_was(tmp_path: Path) -> None:
    rich = result(
        Verdict.BROKEN, node="node-1", drift=Drift("RPC port", "19780"), evidence=("a", "b"), seconds=1.5, again="again"
    )
    whole = report(rich, WAIVED, result(Verdict.HELD, scenario="minority-crash", judgements=JUDGEMENTS), seed=7)
    whole.not_asked = [NotAsked("weekly/backups", "no host access", "node-1")]
    whole.pictures = [{"name": "minority-crash", "path": "scenarios/minority-crash/timeline.jsonl"}]
    path = whole.save(tmp_path)
    assert path == tmp_path / "report.json"
    assert Report.load(tmp_path) == Report.load(path) == whole
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"], "no draft is left"


def test_the_file_holds_the_contract(tmp_path: Path) -> None:
    body = json.loads(report(BROKEN, seed=7).save(tmp_path).read_text())
    assert body["schema"] == SCHEMA
    assert body["verdict"] == "broken"
    assert body["totals"]["broken"] == 1
    keys = {"item", "node", "scenario", "verdict", "advisory", "drift", "waiver", "expected", "observed", "evidence"}
    assert keys | {"seconds"} <= set(body["results"][0])
    assert {"run", "not_asked", "totals"} <= set(body)


def test_a_report_that_cannot_be_saved_leaves_the_one_of_before(tmp_path: Path) -> None:
    path = report(HELD).save(tmp_path)
    before = path.read_text()
    with pytest.raises(TypeError):
        report(BROKEN, target=object()).save(tmp_path)
    assert path.read_text() == before


def test_a_richer_report_is_still_read(tmp_path: Path) -> None:
    path = report(HELD).save(tmp_path)
    body = json.loads(path.read_text())
    body["results"][0]["a key of another version"] = 1
    del body["timelines"], body["results"][0]["again"]
    path.write_text(json.dumps(body))
    assert Report.load(tmp_path) == report(HELD)


LINES_OF_SCHEMA_1 = (
    ("agreement: held: 9 heights", ("agreement", Verdict.HELD, None, "9 heights")),
    ("signals on node-1: broken: state 0: for 66 s", ("signals", Verdict.BROKEN, "node-1", "state 0: for 66 s")),
    ("timeline /runs/7/timeline.jsonl", None),
    ("node-1: unknown: ", ("node-1", Verdict.UNKNOWN, None, "")),
    ("node-1: broken", None),
    ("node-1: lost: 5 blocks", None),
    ("the load flowed: 40 transfers: held in blocks", None),
)


@pytest.mark.parametrize(("line", "read"), LINES_OF_SCHEMA_1)
@pytest.mark.parametrize("scenario", ["minority-crash", None])
def test_a_report_of_schema_1_has_its_judgements_among_the_evidence(
    tmp_path: Path, line: str, read: tuple[str, Verdict, str | None, str] | None, scenario: str | None
) -> None:
    path = report(result(Verdict.HELD, scenario=scenario, evidence=("first", line))).save(tmp_path)
    body = json.loads(path.read_text())
    body["schema"] = 1
    del body["results"][0]["judgements"]
    path.write_text(json.dumps(body))
    (found,) = Report.load(tmp_path).results
    judged = [(row.invariant, row.verdict, row.node, row.observed) for row in found.judgements]
    expected = [read] if read and scenario else []
    assert judged == expected
    assert found.evidence == (("first",) if expected else ("first", line))


@pytest.mark.parametrize("schema", [SCHEMA + 1, "1", None, 1.5])
def test_a_newer_schema_is_refused_in_a_sentence(tmp_path: Path, schema: object) -> None:
    path = report(HELD).save(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))
    with pytest.raises(RunError, match=rf"report\.json is of schema {schema}; this version reads up to {SCHEMA}\. Use"):
        Report.load(tmp_path)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '"schema"'])
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    why = "it is not there" if text is None else ""
    with pytest.raises(RunError, match=rf"report\.json is not a report of a run: {why}"):
        Report.load(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ["-k", "peers"],
        ["-k", "peers", "--seed", "1"],
        ["--seed=1", "-k", "peers"],
        ["--seed", "1", "-k", "peers", "--seed", "2", "--seed=3"],
    ],
)
def test_the_repeat_command_has_this_seed_once(words: list[str]) -> None:
    assert run.repeat("pytest", words, 42) == "pytest -k peers --seed 42"


@pytest.mark.parametrize("word", ["a b", "x;y", "$HOME", "it's", "--seeds=1"])
def test_the_repeat_command_can_be_pasted(word: str) -> None:
    assert shlex.split(run.repeat("prowl run", ["-k", word], 7)) == ["prowl", "run", "-k", word, "--seed", "7"]


def test_a_run_begins_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = run.begin(None, 7, "embedded", "embedded", [], "pytest")
    two = run.begin(None, 7, "embedded", "embedded", [], "pytest")
    assert one.folder != two.folder
    assert one.folder.parent == tmp_path / ".prowl" / "runs"
    assert [path.name for path in one.folder.iterdir()] == [run.RESERVE]
    run.free_reserve(one.folder)
    run.free_reserve(one.folder)
    assert list(one.folder.iterdir()) == []
    assert one.again == "pytest --seed 7"
    assert Run.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_a_seed_is_drawn_where_none_is_given(tmp_path: Path) -> None:
    drawn = {run.begin(tmp_path / str(n), None, "embedded", "embedded", [], "pytest").seed for n in range(3)}
    assert len(drawn) > 1
    assert run.begin(tmp_path / "x", 0, "embedded", "embedded", [], "pytest").seed == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(RunError, match=rf"{folder} can't be written: it, or what it lies in, is a file\. Name"):
            run.begin(folder, 1, "embedded", "embedded", [], "pytest")


@pytest.mark.parametrize(
    ("there", "refused"),
    [
        *((name, True) for name in ("survey.json", "scenarios/x", "replays/x", "clusters/alone", "target/node-1")),
        ("survey.json/x", True),
        *((name, False) for name in ("junit.xml", "report.json", "owners.jsonl", "survey.json.old", "survey.lock")),
        ("20260101-000000-7/survey.json", False),
    ],
)
def test_a_folder_in_which_another_run_has_seen_something_is_refused(tmp_path: Path, there: str, refused: bool) -> None:
    (tmp_path / "run" / there).parent.mkdir(parents=True)
    (tmp_path / "run" / there).touch()
    if not refused:
        assert run.begin(tmp_path / "run", 1, "embedded", "embedded", [], "pytest").folder == tmp_path / "run"
        return
    with pytest.raises(RunError, match=rf"another run has seen \({there.partition('/')[0]}\)\. Name"):
        run.begin(tmp_path / "run", 1, "embedded", "embedded", [], "pytest")


def test_a_survey_whose_file_is_gone_is_another_runs_too(tmp_path: Path) -> None:
    (tmp_path / "survey.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"another run has seen \(survey\.json\)"):
        run.begin(tmp_path, 1, "embedded", "embedded", [], "pytest")


def test_two_runs_of_a_folder_and_a_seed_have_marks_of_their_own(tmp_path: Path) -> None:
    one, two = (run.begin(tmp_path, 1, "embedded", "embedded", [], "pytest") for _run in range(2))
    assert one.id == two.id
    assert one.mark != two.mark
    assert Run.from_json(json.loads(json.dumps(one.as_json()))).mark == one.mark, "for the workers of a run"


def test_the_versions_name_what_a_stranger_needs() -> None:
    assert {"python", "system", "pytest", "prowl-testnet"} <= set(run.versions())


@pytest.mark.parametrize(("name", "is_said"), [("prowl-testnet", True), ("a-stranger", False)])
def test_the_commit_is_that_of_prowls_own_checkout_and_of_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_said: bool
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, timeout=30)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "__file__", str(tmp_path / "installed" / "reports" / "run.py"))
    head = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.commit() == (head.stdout.strip() if is_said else "")
