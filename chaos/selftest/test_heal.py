"""``prowl heal`` clears what a dead run left, by name or all of them, tells it, and leaves a live one alone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from prowl.chaos.commands.cli import main
from prowl.chaos.engine.prune import needed
from prowl.fixtures.cleanup.folders import LEDGER, OWNERS, REGISTER
from prowl.fixtures.cleanup.identity import BOSS_VARIABLE, RUN_VARIABLE, Identity
from prowl.fixtures.cleanup.json_lines import append
from prowl.fixtures.cleanup.ledger import Ledger
from prowl.fixtures.cleanup.undo import Kill, Remove, as_row
from prowl.fixtures.selftest.odd_rows import ODD_FILES, ODD_LINES
from prowl.fixtures.selftest.owner_kit import LIMIT, Owner
from prowl.fixtures.waiting import wait_until


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(".prowl/runs")


@pytest.fixture
def owner(runs: Path) -> Iterator[Owner]:
    made = Owner(runs / "one" / "cluster")
    yield made
    made.end()


def die(owner: Owner) -> None:
    """Kill an owner and, before, its watchdog."""
    watchdog = owner.watchdog
    assert watchdog is not None
    watchdog.signal(signal.SIGKILL)
    owner.popen.kill()
    owner.popen.communicate()
    assert wait_until(lambda: owner.watchdog is None, LIMIT)


@pytest.mark.parametrize("words", [["heal"], ["heal", ".prowl/runs/one"]])
def test_a_dead_run_is_cleared_and_told_once(
    owner: Owner, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    die(owner)
    assert owner.sleeper.running()
    assert main(words) == 0
    output = capsys.readouterr().out
    assert f"one: sleeper (pid {owner.sleeper.pid}) ended" in output
    assert "one: a file that must not stay: " in output
    assert owner.cleared()
    assert main(words) == 0
    assert "Nothing is to heal" in capsys.readouterr().out


def test_a_live_run_is_left_alone(owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heal"]) == 0
    assert f"one is alive (pid {owner.popen.pid})" in capsys.readouterr().out
    assert main(["heal", ".prowl/runs/one"]) == 4
    assert f"one is alive (pid {owner.popen.pid})" in capsys.readouterr().err
    assert owner.sleeper.running()
    assert (owner.folder / "made").exists()


def test_one_dead_run_among_live_ones_is_the_only_one_cleared(owner: Owner, runs: Path) -> None:
    dead = Owner(runs / "two" / "cluster")
    try:
        die(dead)
        assert main(["heal"]) == 0
        assert dead.cleared()
        assert owner.sleeper.running()
    finally:
        dead.end()


def test_what_cannot_be_undone_is_told_each_time(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Ledger(runs / "one").owe("stranger", undo=(Remove("/etc/passwd"),))
    (runs / "one" / "owners.jsonl").unlink()
    for _time in range(2):
        assert main(["heal"]) == 1
        assert "one: stranger: NOT UNDONE: /etc/passwd is not this run's" in capsys.readouterr().out
    shutil.rmtree(runs)


def test_no_such_run_is_wrong_usage(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heal", "nowhere"]) == 4
    assert "no run folder nowhere" in capsys.readouterr().err


def odd(runs: Path, name: str, make: Callable[[Path], object]) -> None:
    """Make a run folder of which one file is odd."""
    (runs / "0-odd" / "cluster").mkdir(parents=True)
    make(runs / "0-odd" / "cluster" / name)


@pytest.mark.parametrize("kind", ODD_LINES)
@pytest.mark.parametrize("name", [OWNERS, REGISTER, LEDGER])
def test_an_odd_line_stops_neither_the_healing_of_others_nor_a_new_run(runs: Path, name: str, kind: str) -> None:
    odd(runs, name, lambda path: path.write_bytes(ODD_LINES[kind]))
    Ledger(runs / "1-dead").owe("made", undo=(Remove(str((runs / "1-dead" / "made").resolve())),))
    (runs / "1-dead" / "made").touch()
    (runs / "1-dead" / OWNERS).unlink()
    assert main(["heal"]) == 0
    assert not (runs / "1-dead" / "made").exists()
    assert not needed(runs / "0-odd")


@pytest.mark.parametrize("kind", ODD_FILES)
@pytest.mark.parametrize("name", [OWNERS, REGISTER, LEDGER])
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_healed(
    runs: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd(runs, name, ODD_FILES[kind])
    Ledger(runs / "1-dead").owe("made", undo=(Remove(str((runs / "1-dead" / "made").resolve())),))
    (runs / "1-dead" / "made").touch()
    (runs / "1-dead" / OWNERS).unlink()
    skipped = kind == "a link to itself" and name != OWNERS  # it is not there
    assert main(["heal"]) == (0 if skipped else 1)
    output = capsys.readouterr().out
    assert skipped or re.search(rf"0-odd: NOT UNDONE: .*{name} can't be read|can't be read in .*{name}", output)
    assert not (runs / "1-dead" / "made").exists()
    assert needed(runs / "0-odd") is not skipped, "nobody knows what is left of it"


ROWS = [
    {"kind": "kill", "name": "x", "pid": "1", "started": 1, "boot": "b"},
    {"kind": "kill", "name": "x", "pid": 10**30, "started": 1, "boot": "b"},
    {"kind": "remove", "path": 5},
    {"kind": "remove", "path": "/tmp/\0"},
    {"kind": "restore", "path": [], "copy": {}},
    {"kind": "mount", "path": None},
    "mount",
    7,
    None,
    {"kind": ["kill"]},
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_step_that_is_none_is_told_and_the_others_are_taken(
    runs: Path, row: object, capsys: pytest.CaptureFixture[str]
) -> None:
    made = (runs / "one" / "made").resolve()
    Ledger(runs / "one").owe("made", undo=(Remove(str(made)),))
    made.touch()
    intent = {"schema": 1, "row": "intent", "id": "odd", "words": "odd", "undo": [row]}
    append(runs / "one" / LEDGER, intent)
    (runs / "one" / OWNERS).unlink()
    assert main(["heal"]) == 1
    assert "one: odd: NOT UNDONE: This version can't undo" in capsys.readouterr().out
    assert not made.exists()


@pytest.mark.parametrize(
    "changes", [{"undo": 5}, {"undo": None}, {"undo": {}}, {"nodes": 5}, {"nodes": [[]]}, {"id": []}]
)
def test_a_debt_that_names_no_steps_owes_none(runs: Path, changes: dict[str, object]) -> None:
    append(runs / "one" / LEDGER, {"schema": 1, "row": "intent", "id": "x", "words": "x", "nodes": [], **changes})
    append(runs / "one" / LEDGER, {"row": "owes", "id": "x", **changes})
    assert main(["heal"]) == 0


PAUSE = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.mark.parametrize("where", ["ledger", "register", "owners"])
@pytest.mark.parametrize(
    ("variables", "ended"),
    [
        ({}, False),
        ({RUN_VARIABLE: "{home}x"}, False),
        ({RUN_VARIABLE: "{home}/.."}, False),
        ({RUN_VARIABLE: ""}, False),
        ({"OTHER": "{home}"}, False),
        ({BOSS_VARIABLE: "{boss} "}, False),
        ({RUN_VARIABLE: "{home}", BOSS_VARIABLE: "{boss}"}, True),
    ],
)
def test_a_process_that_no_run_started_is_left_alone_though_it_is_rightly_named(
    runs: Path, where: str, variables: dict[str, str], ended: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    home = (runs / "one").resolve()
    boss = Identity(2**22, 1, "another")
    values = {name: value.format(home=home, boss=boss.words) for name, value in variables.items()}
    with subprocess.Popen(PAUSE, env={**os.environ, **values}) as stranger:
        identity = Identity.of(stranger.pid)
        assert identity is not None
        rows: dict[str, tuple[str, dict[str, object]]] = {
            "ledger": (
                LEDGER,
                {
                    "schema": 1,
                    "row": "intent",
                    "id": "1",
                    "words": "x",
                    "undo": [as_row(Kill("x", **asdict(identity)))],
                },
            ),
            "register": (REGISTER, {"name": "x", **asdict(identity)}),
            "owners": (OWNERS, {"schema": 1, "owner": asdict(identity), "boss": asdict(boss)}),
        }
        append(home / rows[where][0], rows[where][1])
        try:
            code = main(["heal"])
            assert wait_until(lambda: stranger.poll() is not None, LIMIT if ended else 0.0) is (True if ended else None)
        finally:
            stranger.kill()
    output = capsys.readouterr().out
    assert code == (0 if ended or where == "owners" else 1)
    assert (f"{stranger.pid} (x) is not this run's" in output) is (not ended and where != "owners")
