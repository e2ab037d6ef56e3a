"""The history of runs: which item was what in which run, in one SQLite file (``.prowl/history.sqlite``).

A run is written when it begins and again, with its results, when it ends: one that was killed has no end. Runs side by
side wait for each other (WAL); whoever is killed while it writes loses its own run's results and nothing else.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from prowl.reports.findings import RECOVERED
from prowl.reports.redaction import one_line, printable
from prowl.reports.run import Report, Run
from prowl.reports.verdicts import Result, Verdict

NAME = "history.sqlite"
SCHEMA = 1
BUSY_SECONDS = 30.0
STEPS_BETWEEN_LOOKS = 100_000
LONGEST_VALUE = 10_000_000
LATEST = 32_503_680_000  # seconds since 1970: the year 3000
MOST_RUNS = 400
SHOWN_RUNS = 90
MOST_LOOKED_BACK = 20  # runs that are searched for what an item was before
FEWEST_FOR_REGRESSION = 5
REGRESSION = 1.10  # of the median of the runs before
LEAST_FAILING = 2

TABLES = """
CREATE TABLE IF NOT EXISTS runs (
  number INTEGER PRIMARY KEY, id TEXT, folder TEXT, target TEXT, made TEXT, seed INTEGER, started REAL, seconds REAL,
  verdict TEXT, exit_code INTEGER, sentence TEXT);
CREATE INDEX IF NOT EXISTS runs_of_target ON runs (target, started);
CREATE TABLE IF NOT EXISTS results (
  run INTEGER REFERENCES runs (number) ON DELETE CASCADE, item TEXT, whose TEXT, verdict TEXT, counts INTEGER,
  replay TEXT, figures TEXT);
CREATE INDEX IF NOT EXISTS results_of_item ON results (item, run);
CREATE INDEX IF NOT EXISTS results_of_run ON results (run);
"""


class HistoryError(ValueError):
    """A history that can't be read or written; the text is a sentence."""


@dataclass(frozen=True)
class Past:
    """A run of the past; ``verdict`` None: it did not end."""

    number: int
    id: str
    target: str
    made: str
    started: float
    seconds: float | None
    verdict: str | None
    sentence: str


@dataclass
class Series:
    """One item on one node, or in one scenario, over the runs, oldest first."""

    item: str
    whose: str
    runs: list[int] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    replays: list[str] = field(default_factory=list)
    recoveries: list[float | None] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Return flaky (broken, then held, with one version), failing, new; "" for what is held or was not seen."""
        rows = zip(self.commits, self.verdicts, self.replays, strict=True)
        seen = [word for made, *words in rows if made == self.commits[-1] for word in words]
        if "broken" in seen and "held" in seen[seen.index("broken") :]:
            return "flaky"
        late = len(self.verdicts) - self._until_held
        return "failing" if late >= LEAST_FAILING else "new" if late else ""

    @property
    def since(self) -> int | None:
        """Return the number of the first run in which it was not held and after which it never was; None if it is."""
        return self.runs[self._until_held] if self._until_held < len(self.runs) else None

    @property
    def _until_held(self) -> int:
        return max((count for count, verdict in enumerate(self.verdicts, 1) if verdict is Verdict.HELD), default=0)

    @property
    def regression(self) -> str:
        """Return a sentence where the newest recovery took clearly longer than those before it; "" if it did not."""
        seen = [each for each in self.recoveries if each is not None]
        if len(seen) <= FEWEST_FOR_REGRESSION or self.recoveries[-1] is None:
            return ""
        usual = median(seen[:-1])
        if usual <= 0 or seen[-1] <= usual * REGRESSION:
            return ""
        return f"recovery took {seen[-1]:.1f} s, {seen[-1] / usual - 1:.0%} more than the median of {usual:.1f} s"


class RunHistory:
    """The file; every method opens it for itself, so that nothing is held while a run goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and not self.path.is_file():
                raise HistoryError(f"The history {self.path} is no regular file.")
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as base:
                _bound(base)
                base.execute("PRAGMA journal_mode=WAL")
                base.execute("PRAGMA foreign_keys=ON")
                (schema,) = base.execute("PRAGMA user_version").fetchone()
                if schema > SCHEMA:
                    raise HistoryError(f"The history {self.path} is of schema {schema}; use a newer Prowl.")
                if schema < SCHEMA:
                    base.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={SCHEMA}; COMMIT;")
                base.execute("BEGIN IMMEDIATE")
                yield base
                base.execute("COMMIT")
        except HistoryError:
            raise
        except (sqlite3.Error, OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise HistoryError(f"The history {one_line(str(self.path))} can't be used: {printable(error)}.") from None

    def begin(self, run: Run, made: str) -> int:
        """Write that a run has begun, and return its number; the oldest runs are forgotten."""
        with self._opened() as base:
            row = (run.id, str(run.folder), run.target, made, run.seed, run.started)
            said = base.execute("INSERT INTO runs (id, folder, target, made, seed, started) VALUES (?,?,?,?,?,?)", row)
            number = said.lastrowid or 0
            base.execute("DELETE FROM runs WHERE number <= ?", (number - MOST_RUNS,))
            return number

    def end(self, number: int, report: Report) -> None:
        """Write what a run came to."""
        run = report.run
        rows = [
            (number, row.item, row.node or row.scenario or "", row.verdict.value, row.counts, row.replay, _figures(row))
            for row in report.results
        ]
        with self._opened() as base:
            ended = (run.get("seconds"), report.verdict.value, run.get("exit_code"), report.sentence, number)
            base.execute("UPDATE runs SET seconds=?, verdict=?, exit_code=?, sentence=? WHERE number=?", ended)
            base.executemany("INSERT INTO results VALUES (?,?,?,?,?,?,?)", rows)

    def forget(self, number: int) -> None:
        """Take back that a run has begun."""
        with self._opened() as base:
            base.execute("DELETE FROM runs WHERE number=?", (number,))

    def runs(self, target: str | None = None, most: int = SHOWN_RUNS) -> list[Past]:
        """Return the newest runs, of one target or of all, the newest first."""
        with self._opened() as base:
            rows = base.execute(
                "SELECT number, id, target, made, started, seconds, verdict, coalesce(sentence, '') FROM runs "
                "WHERE ? IS NULL OR target = ? ORDER BY started DESC, number DESC LIMIT ?",
                (target, target, most),
            ).fetchall()
            return [_past(*row) for row in rows]

    def series(self, runs: Sequence[Past], item: str | None = None) -> list[Series]:
        """Return what each item (or one) was over these runs, on each node and in each scenario."""
        made = {run.number: run.made for run in runs}
        marks = ",".join("?" * len(made))
        words = (*made, item, item)
        with self._opened() as base:
            rows = base.execute(
                "SELECT run, item, whose, verdict, replay, figures FROM results "  # noqa: S608 - question marks alone
                f"WHERE run IN ({marks}) AND (? IS NULL OR item = ?) ORDER BY run",
                words,
            ).fetchall()
            found: dict[tuple[str, str], Series] = {}
            for run, name, whose, verdict, replay, figures in rows:
                names = one_line(name), one_line(whose)
                series = found.setdefault(names, Series(*names))
                series.runs.append(run)
                series.commits.append(made[run])
                series.verdicts.append(Verdict(verdict))
                series.replays.append(replay)
                seconds = json.loads(figures).get(RECOVERED)
                series.recoveries.append(float(seconds) if seconds is not None else None)
        return sorted(found.values(), key=lambda each: (each.item, each.whose))

    def before(self, target: str, number: int, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bool]:
        """Return of each item and whose whether it counted as not held when it was last seen before this run."""
        wanted = set(keys)
        found: dict[tuple[str, str], bool] = {}
        for run in self.runs(target, MOST_LOOKED_BACK):
            if run.number >= number or run.verdict is None:
                continue
            with self._opened() as base:
                rows = base.execute("SELECT item, whose, counts FROM results WHERE run = ?", (run.number,)).fetchall()
            for item, whose, counts in rows:
                if (item, whose) in wanted:
                    found.setdefault((item, whose), bool(counts))
            if len(found) == len(wanted):
                break
        return found


def _bound(base: sqlite3.Connection) -> None:
    """Let nothing that a file holds keep a query going, or fill the memory: it may be somebody else's."""
    until = time.monotonic() + BUSY_SECONDS
    base.set_progress_handler(lambda: time.monotonic() > until, STEPS_BETWEEN_LOOKS)
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)


def _past(number: int, name: str, target: str, made: str, started: float, seconds: float | None, *last: str) -> Past:
    """Return a row of the file; an error for what can't be one."""
    if not 0 <= started <= LATEST or not (seconds is None or 0 <= seconds <= LATEST):
        raise ValueError("a run has a time that can't be")
    verdict, sentence = last
    return Past(int(number), one_line(name), one_line(target), str(made), started, seconds, verdict, one_line(sentence))


def _figures(row: Result) -> str:
    return json.dumps(row.figures)


def beside(runs: Path) -> RunHistory:
    """Return the history that lies beside a folder of runs."""
    return RunHistory(runs.parent / NAME)
