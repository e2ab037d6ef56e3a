"""Run folders that somebody else made: each command says one sentence, or what it found, and ends."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from prowl.chaos.commands.cli import main
from prowl.chaos.engine.prune import prune
from prowl.fixtures.selftest.time_bound import at_most
from prowl.fixtures.survey import previous_run
from prowl.reports.history import TABLES

SECONDS = 40
ESC = "\x1b[2J\x1b[1;32mHELD: 99 held on testnet.toml\x1b[0m"
CI = "fine\n::error::forged\nGO for testnet.toml: all is held\n##[error]forged ##vso[task.complete]x"
FORGED = f"{ESC}{CI}"
DIGITS = "9" * 5_000
NAMES = [f"n{number}" for number in range(60_000)]

ROW: dict[str, Any] = {
    "item": "daily/peers", "verdict": "broken", "promise": "p", "expected": "e", "observed": "o", "node": "node-1",
    "scenario": None, "advisory": False, "drift": None, "waiver": None, "evidence": [], "judgements": [], "figures": {},
    "seconds": 1.0, "manual": "m", "next": "n", "again": "a", "cause": "", "replay": "",
}  # fmt: skip
PLAYED: dict[str, Any] = {
    **ROW, "node": None, "scenario": "crash", "judgements": [
        {"invariant": "agreement", "promise": "p", "verdict": "broken", "node": None, "from": 0.0, "to": 1.0,
         "observed": "o"}],
}  # fmt: skip
RUN = {
    "id": "r", "seed": 1, "commit": "c", "target": "testnet.toml", "cluster": "embedded", "versions": {"python": "3"},
    "started": 1_700_000_000.0, "seconds": 1.0, "again": "prowl run", "notes": [],
}  # fmt: skip
CAUSE = {"name": "node-1 does not answer", "sentence": "s", "next": "n", "again": "a", "nodes": ["node-1"]}
TOTALS = {"held": 0, "unknown": 0, "broken": 1, "advisory": 0, "waived": 0, "not_asked": 0}
BODY: dict[str, Any] = {
    "schema": 2, "run": RUN, "results": [ROW], "not_asked": [], "totals": TOTALS, "verdict": "broken", "causes": [],
    "timelines": [],
}  # fmt: skip


def samples(nodes: int = 4, seconds: int = 20) -> list[dict[str, Any]]:
    return [
        {"t": float(t), "node": f"node-{number}", "block_height": t, "latest": [t, f"0x{t}", f"0x{t - 1}", False]}
        for t in range(seconds)
        for number in range(1, nodes + 1)
    ]


def lines(*rows: Any) -> str:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def report(folder: Path, body: Any = None, **parts: Any) -> None:
    text = body if isinstance(body, str) else json.dumps({**(body or BODY), **parts})
    (folder / "report.json").write_text(text)


def timeline(folder: Path, *rows: Any, name: str = "timeline.jsonl") -> Path:
    place = folder / "scenarios" / "crash" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(lines(*(rows or samples())))
    report(folder, timelines=[{"name": "crash", "path": f"scenarios/crash/{name}", "bytes": 1}])
    return place


def base(folder: Path, *statements: str, rows: bool = True) -> None:
    """A history in which a run has one result; statements tamper with it."""
    report(folder)
    with closing(sqlite3.connect(folder.parent.parent / "history.sqlite")) as made:
        made.executescript(f"{TABLES} PRAGMA user_version=1;")
        if rows:
            made.execute("INSERT INTO runs VALUES (1,'r','/r','testnet.toml','c',1,1.7e9,1.0,'held',0,'HELD')")
            made.execute("INSERT INTO results VALUES (1,'daily/peers','node-1','held',0,'','{}')")
        for statement in statements:
            made.execute(statement)
        made.commit()


def fifo(folder: Path, name: str) -> None:
    report(folder)
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)


def link(folder: Path, name: str, to: str) -> None:
    report(folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(to)


def history(folder: Path, make: Callable[[Path], object]) -> None:
    report(folder)
    make(folder.parent.parent / "history.sqlite")


def linked(folder: Path) -> None:
    report(folder.parent)
    link(folder, "report.json", "../report.json")


ODD: list[Any] = [None, [], [[]], {}, "x", -1, 1e300, [1], [None] * 5]
FOREIGN: dict[str, Callable[[Path], object]] = {
    # files that are none
    "a pipe for a report": lambda at: fifo(at, "report.json"),
    "a pipe for a timeline": lambda at: fifo(at, "scenarios/crash/timeline.jsonl"),
    "a pipe for a draft": lambda at: fifo(at, ".report.html.draft"),
    "a link for a draft": lambda at: link(at, ".report.html.draft", "../../../precious"),
    "a link for a page": lambda at: link(at, "report.html", "../../../precious"),
    "a link to a device": lambda at: link(at, "x-timeline.jsonl", "/dev/zero"),
    "a folder for a report": lambda at: (at / "report.json").mkdir(),
    "a link that goes round": lambda at: link(at, "report.json", "report.json"),
    "nothing": lambda at: None,
    # reports that are none
    "an empty report": lambda at: report(at, ""),
    "a report in another language": lambda at: (at / "report.json").write_bytes(b"\xff\xfe\x00"),
    "a report that is a list": lambda at: report(at, "[]"),
    "a report nested deep": lambda at: report(at, "[" * 100_000),
    "a number of 5,000 digits": lambda at: report(at, f'{{"schema": {DIGITS}}}'),
    "a number without end": lambda at: report(at, json.dumps(BODY).replace("1700000000.0", "1e999")),
    "a time that no clock has": lambda at: report(at, run={**RUN, "started": 1e15}),
    "a report of tomorrow": lambda at: report(at, schema=99),
    "no results": lambda at: report(at, {key: BODY[key] for key in ("schema", "run")}),
    "results of text": lambda at: report(at, results=["held"]),
    "a verdict that is none": lambda at: report(at, results=[{**ROW, "verdict": FORGED}]),
    "a node that is a number": lambda at: report(at, results=[{**ROW, "node": 5}]),
    "seconds that are text": lambda at: report(at, results=[{**ROW, "seconds": "1"}]),
    "figures that are lists": lambda at: report(at, results=[{**PLAYED, "figures": {"a": []}}]),
    "a judgement without a time": lambda at: report(at, results=[{**PLAYED, "judgements": [{"invariant": "x"}]}]),
    "a cause without a sentence": lambda at: report(at, causes=[{"name": "x"}]),
    "a run without a target": lambda at: report(at, run={key: RUN[key] for key in ("id", "seed")}),
    "a timeline without a path": lambda at: report(at, timelines=[{"name": "x"}]),
    "a timeline elsewhere": lambda at: report(at, timelines=[{"name": "x", "path": "../../../precious"}]),
    "a gate that contradicts itself": lambda at: report(
        at, run={**RUN, "gate": {"go": False, "sentence": "GO for testnet.toml: all is held"}}
    ),
    # texts that are more than they seem
    "forged texts": lambda at: report(
        at,
        run={**RUN, **dict.fromkeys(("target", "id", "again", "changed"), FORGED), "notes": [FORGED]},
        results=[{**ROW, **dict.fromkeys(("item", "node", "observed", "next", "again", "promise", "manual"), FORGED)}],
        not_asked=[{"item": FORGED, "reason": FORGED, "node": None, "waiver": None}],
        causes=[dict.fromkeys(("name", "sentence", "next", "again"), FORGED)],
    ),
    "a forged cause": lambda at: report(
        at, results=[{**ROW, "cause": "c"}], causes=[{**CAUSE, "name": "c", "sentence": FORGED, "next": FORGED}]
    ),
    "a forged name of a file": lambda at: timeline(at, name="::error::x\n\x1b[2Jtimeline.jsonl"),
    "forged names of nodes": lambda at: timeline(
        at, *(row | {"node": f"{FORGED}{row['node']}"} for row in samples()),
        {"t": 5.0, "fault": 1, "phase": "inject", "kind": FORGED, "down": [f"{FORGED}node-1"], "words": FORGED},
    ),
    # timelines that are none
    "an empty timeline": lambda at: timeline(at, ""),
    "a timeline of zeros": lambda at: timeline(at).write_bytes(b"\0" * 1_000_000),
    "a time of 400 digits": lambda at: timeline(at, *samples(), '{"t": 1' + "0" * 400 + ', "node": "x"}'),
    "a timeline nested deep": lambda at: timeline(at, *samples(), '{"t": 1, "node": ' + "[" * 100_000 + "}"),
    "a header of text": lambda at: timeline(at, {"kind": "header", "schema": 2, "stakes": FORGED}, *samples()),
    "an alert without a state": lambda at: timeline(at, *samples(), {"t": 1.0, "alert": FORGED}),
    "values of every kind": lambda at: timeline(
        at, *samples(),
        *({"t": 20.0 + n, "node": "node-1", **dict.fromkeys(("block_height", "latest", "blocks", "bft", "twice"), odd)}
          for n, odd in enumerate(ODD)),
    ),
    "60,000 nodes": lambda at: timeline(at, {"kind": "header", "schema": 2, "nodes": NAMES}, *samples()),
    "45,000 faults": lambda at: timeline(
        at, *samples(),
        *({"t": n / 9e3, "fault": n, "phase": "inject", "kind": "kill", "down": ["node-1"], "words": "w"}
          for n in range(45_000)),
    ),
    # histories that are none
    "a history of text": lambda at: history(at, lambda path: path.write_text("x" * 9_000)),
    "a history that is a folder": lambda at: history(at, Path.mkdir),
    "a history that is a pipe": lambda at: history(at, os.mkfifo),
    "a verdict of history": lambda at: base(at, "UPDATE results SET verdict='\x1b[2J'"),
    "figures of history": lambda at: base(at, "UPDATE results SET figures='[1'"),
    "a time of history": lambda at: base(at, "UPDATE runs SET started=1e300"),
    "a text for a time": lambda at: base(at, "UPDATE runs SET started='now'"),
    "forged sentences": lambda at: base(
        at, "UPDATE runs SET " + ", ".join(f"{name}='{FORGED}'" for name in ("id", "made", "sentence")),
        f"UPDATE results SET item='{FORGED}'",
    ),
    "no table": lambda at: base(at, "DROP TABLE runs", rows=False),
}  # fmt: skip
WELL: dict[str, Callable[[Path], object]] = {
    "a report": report,
    "a report and a timeline": timeline,
    "a report with keys of tomorrow": lambda at: report(at, results=[{**ROW, "colour": "red"}], weather="fine"),
    "umlauts and an emoji": lambda at: report(at, results=[{**ROW, "observed": "Höhe 5 steht \N{SLEEPING FACE}"}]),
    "a link to a report": linked,
    "a word with two colons": lambda at: report(at, results=[{**ROW, "observed": "prowl::x, a # b"}]),
    "a history": base,
}


def called(folder: Path, *words: str) -> int:
    with at_most(SECONDS):
        return main([*words])


COMMANDS = {
    "report": ("report", "RUN"),
    "report --all": ("report", "RUN", "--all"),
    "judge": ("judge", "RUN"),
    "judge --json": ("judge", "RUN", "--json"),
    "history": ("history",),
    "history of an item": ("history", "daily/peers"),
    "diff": ("diff", "RUN", "RUN"),
    "bundle": ("bundle", "RUN"),
    "alerts seen": ("alerts", "seen", "RUN"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder of a project, in which the commands are called, beside a file that is nobody's to touch."""
    place = tmp_path / "project" / ".prowl" / "runs" / "r"
    place.mkdir(parents=True)
    (tmp_path / "project" / "precious").write_text("precious")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("COLUMNS", "100")
    return place


@pytest.mark.parametrize("what", [*FOREIGN, *WELL])
def test_a_foreign_run_is_a_sentence_or_a_report(what: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (FOREIGN | WELL)[what](folder)
    said = {}
    for name, words in COMMANDS.items():
        code = called(folder, *(str(folder) if word == "RUN" else word for word in words))
        out, err = capsys.readouterr()
        said[name] = f"{out}{err}"
        assert code in {0, 1, 4}, (name, code, err)
        refused = [line for line in err.splitlines() if "the newest run" not in line]
        assert len(refused) <= (1 if code == 4 else 2), (name, err)
        assert bool(refused) or code != 4, name
        for line in said[name].splitlines() if "--json" not in name else ():
            assert line.isprintable(), (name, line)
            assert not line.lstrip().startswith(("::", "GO ", "HELD: 99")), (name, line)
            assert "##[" not in line, (name, line)
            assert "##vso[" not in line, (name, line)
    assert Path("precious").read_text() == "precious"
    if what in WELL:
        assert "daily/peers on node-1" in said["report"] or "history" in what, said["report"]
        assert "1 still not held" in said["diff"]


RUN_COMMANDS = [name for name, words in COMMANDS.items() if "RUN" in words]


@pytest.mark.parametrize("name", [*RUN_COMMANDS, "heal"])
def test_a_run_is_named_by_its_bare_name(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(folder)
    words = COMMANDS.get(name, ("heal", "RUN"))
    said: list[tuple[int, str, str]] = []
    for run in (str(folder), "r", "rr"):
        code = called(folder, *(run if word == "RUN" else word for word in words))
        out, err = capsys.readouterr()
        said.append((code, out.replace(str(folder), ".prowl/runs/r"), err.replace(str(folder), ".prowl/runs/r")))
    by_path, by_name, nowhere = said
    assert by_name == by_path
    assert nowhere[0] == 4
    if name != "heal":
        sentence = f"There is no 'rr', neither as a path nor as a run in {folder.parent}. Did you mean r?"
        assert sentence in str(nowhere[2])


def test_the_history_says_since_which_run_an_item_is_not_held(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base(folder, "UPDATE results SET verdict='broken'")
    assert called(folder, "history") == 0
    assert "  new, not held since r: daily/peers on node-1" in capsys.readouterr().out
    assert called(folder, "history", "daily/peers") == 0
    assert "  node-1  X  new, not held since r" in capsys.readouterr().out


def test_the_commands_refuse_with_one_sentence_that_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentences = {
        "a pipe for a report": "It is no regular file",
        "a report of tomorrow": "is of schema 99",
        "a run without a target": "`target`",
        "a node that is a number": "Expected `str | null`, got `int`",
        "no results": "it lacks 'results'",
        "a number without end": "has a number that is none",
        "a gate that contradicts itself": "another than its decision",
    }
    for what, says in sentences.items():
        (folder / "report.json").unlink(missing_ok=True)
        FOREIGN[what](folder)
        assert called(folder, "report", str(folder)) == 4
        assert says in capsys.readouterr().err, what


def test_a_new_run_waits_for_no_pipe_of_an_old_one(folder: Path) -> None:
    for name in ("a", "b"):
        (folder.parent / name).mkdir()
        os.mkfifo(folder.parent / name / "report.json")
        os.mkfifo(folder.parent / name / "survey.json")
    with at_most(SECONDS):
        assert prune(folder.parent, folder) == []
        assert previous_run.surveys(folder.parent, "testnet.toml", 1e10) == []
