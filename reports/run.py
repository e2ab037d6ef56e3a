"""The run: its id, seed and folder, and the record of it that ``report.json`` holds.

The file is one object: ``schema``; ``run`` (id, seed, commit, target, cluster, versions, started, seconds, again);
``results`` (a row each, see :class:`prowl.reports.verdicts.Result`; a scenario's row has ``judgements``, the rows of
``prowl judge --json``); ``not_asked``; ``totals``; ``verdict``; ``causes``; and ``timelines`` (name, path, bytes). In
files of schema 1 the judgements are lines of a result's ``evidence``; :mod:`prowl.reports.recorded_words` reads them.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import random
import shlex
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from prowl.reports.causes import Cause, Finding, findings
from prowl.reports.files import text_of, write_whole
from prowl.reports.recorded_words import judgement_of
from prowl.reports.redaction import one_line, printable, redacted
from prowl.reports.verdicts import NotAsked, Result, Totals, Verdict, worst

SCHEMA = 2
MOST_BYTES = 200_000_000
LARGEST = 2**63
# What the record of a run may lack; its target it may not.
OF_NO_RUN = {"id": "", "seed": 0, "commit": "", "cluster": "", "versions": {}, "started": 0.0, "again": ""}
JUDGEMENTS_IN_EVIDENCE = 1  # up to this schema
PROGRAM_VARIABLE = "PROWL_PROGRAM"  # how this pytest was called ("prowl run"), for the repeat commands
FOR_OWNER_ALONE = 0o700  # a run keeps logs and answers of nodes
VERSIONS_OF = ("prowl-testnet", "pytest", "pytest-xdist")
RESERVE = ".reserve"  # room for the reports, on a disk that may become full
RESERVE_BYTES = 4_000_000
# What a run has seen lies there. A second run in its folder would judge it, or write its own behind it.
SEEN = ("survey.json", "scenarios", "replays", "clusters", "target")


class RunError(ValueError):
    """A run folder or a report that can't be used; the text is a sentence."""


@dataclass(frozen=True)
class Run:
    """One run: what it judges, its seed, its folder, and the command that repeats it; ``started`` since 1970."""

    folder: Path
    seed: int
    target: str
    cluster: str
    again: str
    started: float

    @property
    def id(self) -> str:
        """Return the run's id, which is its folder's name."""
        return self.folder.name

    @property
    def mark(self) -> str:
        """Return what no other run has, also one that had the same folder or was given the same seed."""
        return f"{self.started!r}-{self.seed}"

    def as_json(self) -> dict[str, Any]:
        """Return it for the workers of this run."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Run:
        """Read what :meth:`as_json` gave."""
        return cls(**{**row, "folder": Path(row["folder"])})


def begin(base: Path | None, seed: int | None, target: str, cluster: str, arguments: list[str], program: str) -> Run:
    """Make the run's folder and return the run.

    RunError, with a sentence, where the folder can't be written, or where another run has seen something in it.
    """
    started = time.time()
    seed = drawn() if seed is None else seed
    stamp = datetime.fromtimestamp(started, UTC).strftime("%Y%m%d-%H%M%S")
    folder = base if base is not None else _fresh(Path(".prowl/runs").absolute(), f"{stamp}-{seed}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOR_OWNER_ALONE, exist_ok=True)
        seen = sorted(path.name for path in folder.iterdir() if path.name in SEEN)
        if seen:
            raise RunError(
                f"The run folder {folder} holds what another run has seen ({', '.join(seen)}). Name another folder "
                "with --run-dir, or leave it out: then each run gets one of its own."
            )
        _reserve(folder)
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        why = "it, or what it lies in, is a file" if in_the_way else error.strerror or error
        free = "Free some space there or name" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Name"
        raise RunError(
            f"The run folder {folder} can't be written: {why}. {free} another folder with --run-dir."
        ) from None
    return Run(folder.resolve(), seed, target, cluster, repeat(program, arguments, seed), started)


def _reserve(folder: Path) -> None:
    """Take room for the reports, so that a disk that becomes full meanwhile does not keep the run from telling it."""
    with (folder / RESERVE).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


def free_reserve(folder: Path) -> None:
    """Give the room back: the reports are about to be written."""
    with suppress(OSError):
        (folder / RESERVE).unlink()


def drawn() -> int:
    """Return a seed for a run that was given none."""
    return random.SystemRandom().randrange(2**32)


def _fresh(parent: Path, name: str) -> Path:
    """Return a folder that no other run has: two may begin in the same second with the same seed."""
    candidates = (parent / (name if count == 0 else f"{name}-{count}") for count in range(1000))
    return next(folder for folder in candidates if not folder.exists())


def repeat(program: str, arguments: list[str], seed: int) -> str:
    """Return the command that does the same again, with its seed."""
    kept = [word for word in arguments if not word.startswith("--seed=")]
    while "--seed" in kept:
        at = kept.index("--seed")
        del kept[at : at + 2]
    return shlex.join([*program.split(), *kept, "--seed", str(seed)])


def commit() -> str:
    """Return the commit of Prowl's checkout that this runs in, with a + for changes; "" outside one.

    The code lies in it or, for an installed wheel (as in tox), it is the current folder.
    """
    for folder in (Path(__file__).resolve().parent.parent, Path.cwd()):
        if _is_own_checkout(folder):
            command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude", "*"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
            except (OSError, subprocess.TimeoutExpired):
                return ""
            return done.stdout.strip()
    return ""


def _is_own_checkout(folder: Path) -> bool:
    try:
        project = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return (folder / ".git").exists() and 'name = "prowl-testnet"' in project


def versions() -> dict[str, str]:
    """Return the versions that a stranger needs to repeat the run."""
    found = {"python": platform.python_version(), "system": f"{sys.platform} {platform.release()}"}
    for name in VERSIONS_OF:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@dataclass
class Report:
    """Everything that ``report.json`` holds: the run's record, its results, and what was not asked."""

    run: dict[str, Any]
    results: list[Result] = field(default_factory=list)
    not_asked: list[NotAsked] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """What is not held and counts, each thing once, the worst first."""
        return findings(self.results, self.causes)

    @property
    def totals(self) -> Totals:
        """How many results stand where."""
        return Totals.of(self.results, self.not_asked)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict that counts; unknown if there is no result at all, or if the run was cut short."""
        if not self.results:
            return Verdict.UNKNOWN
        verdicts = [result.verdict for result in self.results if result.counts]
        if self.run.get("partial"):
            verdicts.append(Verdict.UNKNOWN)
        return worst([*verdicts, Verdict.HELD])

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        totals = self.totals
        parts = [f"{totals.held} held"]
        parts += [f"{count} {word}" for word, count in _unless_zero(totals)]
        partial = "PARTIAL, the run was cut short. " if self.run.get("partial") else ""
        return f"{partial}{self.verdict.upper()}: {', '.join(parts)} on {self.run['target']}"

    def save(self, folder: Path) -> Path:
        """Write ``report.json`` into a folder, whole or not at all, and return its path."""
        body = {
            "schema": SCHEMA,
            "run": self.run,
            "results": [result.as_json() for result in self.results],
            "not_asked": [row.as_json() for row in self.not_asked],
            "totals": asdict(self.totals),
            "verdict": self.verdict,
            "causes": [cause.as_json() for cause in self.causes],
            "timelines": self.pictures,
        }
        return write_whole(folder / "report.json", _text_of(redacted(body)))

    @classmethod
    def load(cls, folder: Path) -> Report:
        """Read a report from a run folder or from its ``report.json``; RunError, with a sentence, if that fails."""
        path = folder / "report.json" if folder.is_dir() else folder
        named = one_line(str(path))
        try:
            body = _printable(json.loads(text_of(path, MOST_BYTES)))
            schema = body["schema"]
            if not isinstance(schema, int) or schema > SCHEMA:
                raise RunError(
                    f"The report {named} is of schema {printable(schema)}; this version reads up to {SCHEMA}. "
                    "Use a newer Prowl."
                )
            return cls._of(body, JUDGEMENTS_IN_EVIDENCE if schema == JUDGEMENTS_IN_EVIDENCE else SCHEMA)
        except RunError:
            raise
        except KeyError as error:
            raise RunError(f"{named} is not a report of a run: it lacks {printable(error, 80)}.") from None
        except FileNotFoundError:
            raise RunError(
                f"{named} is not a report of a run: it is not there; a run writes it when it ends."
            ) from None
        except OSError as error:
            raise RunError(f"{named} is not a report of a run: {error.strerror or printable(error)}.") from None
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{named} is not a report of a run: {printable(error)}.") from None

    @classmethod
    def _of(cls, body: dict[str, Any], schema: int) -> Report:
        """Return a report of JSON of that schema; an error that says what is wrong where it is no report."""
        from prowl.reports.schema import Record, TimelineRow

        results = [_result(row, schema) for row in body["results"]]
        not_asked = [NotAsked.from_json(row) for row in body["not_asked"]]
        causes = [Cause.from_json(row) for row in body.get("causes", ())]
        record, timelines = body["run"], body.get("timelines", [])
        plain = msgspec.to_builtins([{**OF_NO_RUN, **record}, results, not_asked, causes, timelines])
        msgspec.convert(plain, tuple[Record, list[Result], list[NotAsked], list[Cause], list[TimelineRow]])
        decision = record.get("gate")
        if decision and not decision["sentence"].startswith("GO " if decision["go"] else "NO-GO "):
            raise ValueError("the gate's sentence is another than its decision")
        return cls(record, results, not_asked, timelines, causes)


def _printable(row: Any) -> Any:
    """Return JSON with every text as it may be printed; ValueError for a number that none of ours is."""
    if isinstance(row, str):
        return one_line(row)
    if isinstance(row, dict):
        return {one_line(key): _printable(value) for key, value in row.items()}
    if isinstance(row, list):
        return [_printable(value) for value in row]
    if isinstance(row, int | float) and not -LARGEST <= row <= LARGEST:
        raise ValueError("it has a number that is none, or is too large")
    return row


def _result(row: dict[str, Any], schema: int) -> Result:
    result = Result.from_json(row)
    if schema > JUDGEMENTS_IN_EVIDENCE or result.scenario is None:
        return result
    read = [(line, judgement_of(line)) for line in result.evidence]
    judgements = tuple(judgement for _line, judgement in read if judgement is not None)
    return replace(result, judgements=judgements, evidence=tuple(line for line, found in read if found is None))


def _text_of(body: dict[str, Any]) -> str:
    """Return JSON with a key a line and, of a list, a row a line: Python's own indentation costs ten times as much."""
    parts = []
    for key, value in body.items():
        rows = ",\n".join(json.dumps(row) for row in value) if isinstance(value, list) else ""
        parts.append(f"{json.dumps(key)}: " + (f"[\n{rows}\n]" if rows else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _unless_zero(totals: Totals) -> list[tuple[str, int]]:
    words = ("broken", "unknown", "advisory", "waived", "not_asked")
    return [(word.replace("_", " "), count) for word in words if (count := getattr(totals, word))]
