"""``prowl heal`` clears what a dead run left, by name or all of them, tells it, and leaves a live one alone."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.commands.cli import main
from prowl.fixtures.cleanup.ledger import Ledger
from prowl.fixtures.cleanup.undo import Remove
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
    told = capsys.readouterr().out
    assert f"one: sleeper (pid {owner.sleeper.pid}) ended" in told
    assert "one: a file that must not stay: " in told
    assert owner.cleared()
    assert main(words) == 0
    assert "Nothing is to heal" in capsys.readouterr().out


def test_a_live_run_is_left_alone(owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heal"]) == 0
    assert f"one is alive (pid {owner.popen.pid})" in capsys.readouterr().out
    assert main(["heal", ".prowl/runs/one"]) == 4
    assert f"one is alive (pid {owner.popen.pid})" in capsys.readouterr().out
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
    assert "no run folder nowhere" in capsys.readouterr().out
