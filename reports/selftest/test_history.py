"""The history: what it says of each item, what changed, and that nothing but a killed run's own is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from prowl.reports import evidence, history_page
from prowl.reports.causes import Cause
from prowl.reports.changes import changes, difference, key
from prowl.reports.history import MOST_RUNS, HistoryError, RunHistory, Series
from prowl.reports.run import Report, Run
from prowl.reports.timeline import Header, TimelineWriter
from prowl.reports.verdicts import Judgement, Result, Verdict

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
WORDS = {"H": HELD, "U": UNKNOWN, "B": BROKEN}


def result(verdict: Verdict = HELD, item: str = "daily/peers", **more: Any) -> Result:
    values = {"promise": "p", "expected": "e", "observed": "o", "node": "node-1"}
    return Result(item, verdict, **{**values, **more})


def write(kept: RunHistory, *rows: Result, made: str = "abc", number: int = 0) -> int:
    run = Run(Path(f"/runs/{number}"), 7, "testnet.toml", "embedded", "again", 1_000.0 + number)
    at = kept.begin(run, made)
    kept.end(at, Report({"target": "testnet.toml", "seconds": 1.0, "exit_code": 0}, list(rows)))
    return at


def series(verdicts: str, commits: str = "", replays: tuple[str, ...] = ()) -> Series:
    found = [WORDS[letter] for letter in verdicts]
    made = list(commits or "a" * len(found))
    again = [*replays, *[""] * (len(found) - len(replays))]
    return Series("i", "n", list(range(len(found))), made, found, again, [None] * len(found))


@pytest.mark.parametrize(
    ("verdicts", "commits", "replays", "label"),
    [
        ("HHHH", "", (), ""),
        ("HHHB", "aaab", (), "new"),
        ("HHHB", "", (), "new"),  # with one version, too, it is broken once it is, until it is held again
        ("HHBB", "", (), "failing"),
        ("HHBB", "", ("", "", "", "held"), "flaky"),
        ("HHBB", "", ("", "", "held"), "flaky"),
        ("HBHB", "aaab", (), "new"),
        ("HHUH", "", (), ""),
        ("HHBB", "aabb", (), "failing"),
        ("BBBB", "", (), "failing"),
        ("HBHB", "", (), "flaky"),
        ("HBHH", "", (), "flaky"),
        ("HBHH", "abcd", (), ""),
        ("BBHH", "aabb", (), ""),
        ("B", "", (), "new"),
        ("B", "", ("held",), "flaky"),
        ("B", "", ("broken",), "new"),
        ("B", "", ("unknown",), "new"),
        ("HHUU", "", (), "failing"),
        ("HHHU", "", (), "new"),
        ("", "", (), ""),
    ],
)
def test_failing_flaky_and_new_are_told_apart(
    verdicts: str, commits: str, replays: tuple[str, ...], label: str
) -> None:
    assert series(verdicts, commits, replays).label == label


@pytest.mark.parametrize(("verdicts", "since"), [("HHBU", 2), ("BHB", 2), ("BB", 0), ("BH", None), ("", None)])
def test_since_which_run_an_item_is_not_held(verdicts: str, since: int | None) -> None:
    assert series(verdicts).since == since


@pytest.mark.parametrize(
    ("recoveries", "sentence"),
    [
        ([3.0] * 5 + [3.31], "recovery took 3.3 s, 10% more than the median of 3.0 s"),
        ([3.0] * 5 + [3.29], ""),
        ([3.0] * 4 + [30.0], ""),
        ([1.0, 3.0, None, 3.0, 9.0, 3.0, 6.0], "recovery took 6.0 s, 100% more than the median of 3.0 s"),
        ([3.0] * 5 + [None], ""),
        ([], ""),
    ],
)
def test_a_recovery_that_takes_longer_is_a_regression(recoveries: list[float | None], sentence: str) -> None:
    assert Series("i", "n", recoveries=recoveries).regression == sentence if recoveries else not sentence


def test_runs_and_series_are_read_as_they_were_written(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "history.sqlite")
    figures = {"recovered_seconds": 2.5}
    write(kept, result(), result(BROKEN, item="a/b", node=None, scenario="cut", figures=figures, replay="held"))
    kept.begin(Run(Path("/runs/1"), 7, "testnet.toml", "x", "again", 2_000.0), "abc")
    killed, first = kept.runs("testnet.toml")
    assert (killed.verdict, first.verdict, first.sentence) == (
        None,
        "broken",
        "BROKEN: 1 held, 1 broken on testnet.toml",
    )
    cut, peers = kept.series([first])
    assert (cut.item, cut.whose, cut.verdicts, cut.replays, cut.recoveries) == ("a/b", "cut", [BROKEN], ["held"], [2.5])
    assert (peers.whose, peers.label) == ("node-1", "")
    assert kept.series([first], "a/b") == [cut]
    assert kept.runs("another") == []


def test_a_newer_or_a_broken_file_is_a_sentence(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "history.sqlite")
    write(kept, result())
    base = sqlite3.connect(kept.path)
    base.execute("PRAGMA user_version=99")
    base.close()
    with pytest.raises(HistoryError, match=r"is of schema 99; use a newer Prowl\."):
        kept.runs()
    kept.path.write_text("this is no base at all " * 99)
    with pytest.raises(HistoryError, match=r"history\.sqlite can't be used: "):
        kept.runs()


def test_the_oldest_runs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prowl.reports.history.MOST_RUNS", 3)
    kept = RunHistory(tmp_path / "history.sqlite")
    for number in range(5):
        write(kept, result(), number=number)
    assert [run.id for run in kept.runs()] == ["4", "3", "2"]
    base = sqlite3.connect(kept.path)
    assert base.execute("SELECT count(*) FROM results").fetchone() == (3,)
    base.close()
    assert MOST_RUNS > 90


def test_what_changed_is_said_by_cause_and_item() -> None:
    cause = Cause("node-3 does not answer", "s", "n", "a", ("node-3",))
    dead = [result(UNKNOWN, item, node="node-3", cause=cause.name) for item in ("daily/peers", "daily/memory")]
    moment = [result(HELD, "daily/disk"), result(BROKEN, "backup/cron"), *dead]
    before = {key(moment[0]): True, key(moment[1]): True}
    found = changes(moment, before)
    report = Report({}, moment, causes=[cause])
    assert found.sentence(report, "yesterday") == (
        "since yesterday: 2 new (node-3 does not answer), 1 fixed (daily/disk on node-1), 1 still not held"
    )
    assert changes([result()], {}).sentence(report, "x") == "since x: nothing was broken or unknown, and nothing is"
    earlier = Report({}, [replace(row, verdict=HELD) for row in moment])
    assert [len(each) for each in vars(difference(earlier, report)).values()] == [3, 0, 0]
    assert [len(each) for each in vars(difference(report, earlier)).values()] == [0, 3, 0]


def test_an_item_is_compared_with_when_it_was_last_asked(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "history.sqlite")
    write(kept, result(BROKEN), result(HELD, "daily/disk"))
    write(kept, result(HELD, "daily/memory"), number=1)
    newest = write(kept, result(HELD), number=2)
    keys = [("daily/peers", "node-1"), ("daily/disk", "node-1"), ("daily/never", "node-1")]
    assert kept.before("testnet.toml", newest, keys) == {keys[0]: True, keys[1]: False}
    assert kept.before("another", newest, keys) == {}


def test_an_items_page_of_two_hundred_runs_comes_within_a_second(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "history.sqlite")
    for number in range(200):
        wide = [result(item=f"daily/{item}", node=f"node-{node}") for item in range(30) for node in range(4)]
        flaky = [result(BROKEN if number % 3 else HELD, f"flaky/{name}") for name in "ab"]
        slow = result(
            item="recovery/x", node=None, scenario="cut", figures={"recovered_seconds": 3 + 3 * (number == 199)}
        )
        write(kept, *wide, *flaky, slow, number=number)
    began = time.process_time()
    runs = kept.runs("testnet.toml")
    series = kept.series(list(reversed(runs)), "flaky/a")
    history_page.write(runs, series, tmp_path / "page.html")
    assert time.process_time() - began < 1
    every = kept.series(runs)
    assert [each.item for each in every if each.label] == ["flaky/a", "flaky/b"]
    assert [each.whose for each in every if each.regression] == ["cut"]
    assert (tmp_path / "page.html").read_text().count("<tr>") == 1 + 1 + 1 + len(runs)


WRITER = """
import sys
from pathlib import Path
from prowl.reports.selftest.test_history import RunHistory, result, write
kept = RunHistory(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    print(write(kept, *[result(item=f"i/{n}") for n in range(500)], number=number), flush=True)
"""


def test_twenty_kills_while_it_writes_lose_nothing_but_the_run_in_hand(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "history.sqlite")
    chance = Random(7)
    said: list[int] = []
    for _kill in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(kept.path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _line in range(chance.randrange(1, 6)):
            line = writer.stdout.readline().strip()
            said += [int(line)] if line.isdecimal() else []
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.communicate(timeout=30)[0].split() if line.isdecimal()]
    runs = {run.number: run for run in kept.runs(most=1000)}
    assert len(said) >= 20
    assert [number for number in said if runs[number].verdict != "held"] == []
    whole = kept.series([runs[number] for number in said], "i/499")
    assert sum(len(each.runs) for each in whole) == len(said)
    assert sum(run.verdict is None for run in runs.values()) <= 20


def test_runs_side_by_side_write_into_one_file(tmp_path: Path) -> None:
    kept = RunHistory(tmp_path / "new" / "history.sqlite")
    job: Callable[[int], int] = lambda number: write(kept, result(), number=number)  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(job, range(40))) == list(range(1, 41))


def test_beside_what_is_not_held_lie_its_command_and_the_part_that_matters(tmp_path: Path) -> None:
    place = tmp_path / "scenarios" / "cut"
    writer = TimelineWriter(place / "timeline.jsonl", Header(nodes=("a",)))
    for t in range(200):
        writer.sample(t, "a", {"block_height": float(t)})
    writer.close()
    judged = (Judgement("signals", "p", BROKEN, "a", 100.0, 150.0, "o"),)
    bad = result(BROKEN, node=None, scenario="cut", judgements=judged, again="prowl run -k cut --seed 7")
    evidence.write(Report({"target": "x", "seed": 7, "again": "prowl run --seed 7"}, [bad]), tmp_path)
    lines = (place / "slice.jsonl").read_text().splitlines()
    assert (len(lines), lines[0].startswith('{"schema"')) == (62, True)
    assert (place / "again.sh").read_text().endswith("exec prowl run -k cut --seed 7\n")
    assert (tmp_path / "again.sh").stat().st_mode & 0o111
    assert "# one finding alone: prowl run -k cut --seed 7\n" in (tmp_path / "again.sh").read_text()
