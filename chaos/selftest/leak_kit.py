"""Kills a run at a stage and looks for whatever it left on the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import plyvel
import psutil

from prowl.chaos.selftest.leak_run import FAULTS, FILE, MARK, SPEC, STAGES, VICTIM
from prowl.fixtures.cleanup.folders import LEDGER, OWNERS, REGISTER, owners_of
from prowl.fixtures.cleanup.guard import LOG
from prowl.fixtures.cleanup.identity import RUN_VARIABLE, Identity
from prowl.fixtures.cleanup.json_lines import below, rows
from prowl.fixtures.cleanup.ledger import Entry, read
from prowl.fixtures.cleanup.undo import CGROUPS, NAMESPACES, mount_points, tag
from prowl.fixtures.clusters import netns
from prowl.fixtures.clusters.ports import listened
from prowl.fixtures.clusters.spec import PORT_KEYS
from prowl.fixtures.waiting import wait_until
from prowl.reports import timeline

STAGE_SECONDS = 120.0
LONGEST_RANDOM_SECONDS = 12.0
LONGEST_DELAY_SECONDS = 0.5
CLEARED_SECONDS = 10.0  # what is promised
END_SECONDS = 60.0
LOOK_SECONDS = 0.005
SHARE_APART = 0.2
WHO = ("run", "worker", "run and proxy")
FOLDER = ("", "", "renamed", "deleted")
DELETE_SECONDS = 20.0


@dataclass(frozen=True)
class Case:
    """Who is killed at which stage, how long after it began, under which fault.

    ``workers``: xdist's, so that the run owns nothing itself; ``watched``: a watchdog clears up, else ``prowl heal``;
    ``apart``: each node in a network namespace of its own; ``folder``: what happens to the run's folder just before.
    """

    stage: str
    who: str
    fault: str
    delay_seconds: float
    workers: int = 0
    watched: bool = True
    apart: bool = False
    folder: str = ""


@dataclass
class Killed:
    """What was killed when, and what became of what it left."""

    case: Case
    moment: str
    cleared_seconds: float
    left: list[str]
    undone: list[str]

    def __str__(self) -> str:
        case = self.case
        by = "watchdog" if case.watched else "prowl heal"
        beside = " ".join([*(["-n 1"] if case.workers else []), *(["--netns"] if case.apart else []), case.folder])
        became = "; ".join(self.left) or f"clear after {self.cleared_seconds:4.1f} s: {len(self.undone)} things by {by}"
        return (
            f"{case.who:<13} {beside:<15} {case.stage:<8} +{case.delay_seconds:6.3f} s  {case.fault:<10} "
            f"last on the ledger: {self.moment:<8} {became}"
        )


def cases(chance: Random, count: int, unwatched: int) -> list[Case]:
    """Return seeded cases: every stage by turns; the last ones are without a watchdog."""
    made = []
    faults = [name for name, fault in sorted(FAULTS.items()) if fault.unavailable(SPEC) is None]
    for number in range(count + unwatched):
        stage = STAGES[number % len(STAGES)]
        longest = LONGEST_RANDOM_SECONDS if stage == "random" else LONGEST_DELAY_SECONDS
        delay, fault = round(chance.uniform(0, longest), 3), chance.choice(faults)
        who = chance.choice(WHO) if number < count else "run"
        workers = 1 if who == "worker" else chance.choice((0, 1))
        apart = chance.random() < SHARE_APART and netns.unavailable() is None
        watched = number < count
        # A worker's run goes on; and of what is deleted, only a watchdog has what undoes it.
        folder = chance.choice(FOLDER if watched else FOLDER[:-1]) if who != "worker" else ""
        made.append(Case(stage, who, fault, delay, workers, watched, apart, folder))
    return made


def kill_and_look(case: Case, folder: Path, seed: int) -> Killed:
    """Start a run below a folder, kill it, and return what was left of it once its time to be cleared was over."""
    folder.mkdir(parents=True)
    (folder / "test_leak.py").write_text(FILE, encoding="utf-8")
    workers = ["-n", str(case.workers), "--maxfail=1"] if case.workers else []
    words = ["--target", "embedded", f"--run-dir={folder / 'run'}", f"--seed={seed}", *workers, "test_leak.py"]
    with (folder / "output.txt").open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", "prowl.chaos.commands.cli", "run", *words],
            cwd=folder,
            env={**os.environ, "STAGE": case.stage, "FAULT": case.fault, "NETNS": "1" if case.apart else ""},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _Victim(case, folder / "run", popen).killed()
    finally:
        popen.kill()
        popen.wait(END_SECONDS)


class _Victim:
    """A run to be killed."""

    def __init__(self, case: Case, run: Path, popen: subprocess.Popen[bytes]) -> None:
        self.case = case
        self.run = run
        self.popen = popen
        self._known: dict[Path, tuple[list[Identity], set[int]]] = {}  # of each cluster's folder its owners and ports

    def killed(self) -> Killed:
        """Kill it at its moment and look what is left."""
        case, popen = self.case, self.popen
        reached = wait_until(lambda: self._reached() or popen.poll() is not None, STAGE_SECONDS, LOOK_SECONDS)
        wait_until(lambda: popen.poll() is not None, case.delay_seconds, LOOK_SECONDS)
        moment, victims = self._moment(), self._victims()
        self._displace()
        if not reached or (popen.poll() is not None and case.stage != "random"):
            return Killed(case, moment, 0.0, [f"the run never stood at the stage {case.stage}"], [])
        for victim in victims:
            victim.signal(signal.SIGKILL)
        began = time.monotonic()
        wait_until(lambda: not any(victim.running() for victim in victims), CLEARED_SECONDS, LOOK_SECONDS)
        output = [] if case.watched else self._heal_by_hand()
        left = self._left_at_last([folder for folder in self._folders() if not self._is_of_another(folder, victims)])
        seconds = time.monotonic() - began
        goes_on = case.who == "worker" and case.stage == "between"  # without its worker, and ends in order
        if goes_on and not wait_until(lambda: popen.poll() is not None, END_SECONDS):
            left.append("the run did not end after its worker was killed")
        popen.kill()
        popen.wait(END_SECONDS)
        left += self._left_at_last(self._folders())
        return Killed(case, moment, seconds, [*dict.fromkeys(left), *_unreadable(self.run)], output or self._log())

    def _displace(self) -> None:
        """Rename or delete the run's folder, if that is the case; what is mounted in it stays."""
        if not self.run.is_dir() or not self.case.folder:
            return
        self._folders()
        if self.case.folder == "renamed":
            self.run = self.run.rename(self.run.with_name("renamed"))
        else:
            command = ["rm", "-rf", "--one-file-system", str(self.run)]
            subprocess.run(command, check=False, capture_output=True, timeout=DELETE_SECONDS)

    def _is_of_another(self, folder: Path, victims: list[Identity]) -> bool:
        """Whether it belongs to a worker that took the killed one's place."""
        owners, _ports = self._known[folder]
        return self.case.who == "worker" and not {*owners} & {*victims}

    def _left_at_last(self, folders: list[Path]) -> list[str]:
        """Look until nothing is left of these folders, or the time to clear them is over."""
        left: list[str] = []

        def clear() -> bool:
            left[:] = self._left(folders)
            return not left

        wait_until(clear, CLEARED_SECONDS)
        return left

    def _reached(self) -> bool:
        stage = self.case.stage
        if stage == "random":
            return True
        if stage == "between":
            return (self.run / MARK).exists()
        row = "effect" if stage == "injected" else stage
        return any(entry.state == row for entry in self._debts())

    def _folders(self) -> list[Path]:
        """Return each cluster's folder, also where one lay before it was renamed or deleted."""
        for path in below(self.run, OWNERS) if self.run.is_dir() else ():
            owners = [owner for owner, _boss, _folder in owners_of(path)]
            self._known[path.parent] = (owners, _ports(path.parent))
        return list(self._known)

    def _debts(self) -> list[Entry]:
        """Return what the faults owe; what a cluster owes for itself names all of its nodes, or none."""
        entries = (entry for folder in self._folders() for path in folder.glob(LEDGER) for entry in read(path))
        return [entry for entry in entries if entry.nodes == (VICTIM,)]

    def _moment(self) -> str:
        debts = self._debts()
        return debts[-1].state if debts else "nothing"

    def _owners(self) -> list[Identity]:
        return [owner for folder in self._folders() for owner in self._known[folder][0]]

    def _victims(self) -> list[Identity]:
        own = Identity.of(self.popen.pid)
        workers = [owner for owner in self._owners() if owner.running() and owner != own]
        found = workers if self.case.who == "worker" and workers else [own] if own is not None else []
        if self.case.who == "run and proxy":
            found = [*self._registered("toxiproxy"), *found]
        return found if self.case.watched else [*_watchdogs(self._owners()), *found]

    def _registered(self, name: str = "") -> list[Identity]:
        found = [row for folder in self._folders() if (folder / REGISTER).exists() for row in rows(folder / REGISTER)]
        return [
            Identity(row["pid"], row["started"], row["boot"])
            for row in found
            if "pid" in row and row["name"].startswith(name)
        ]

    def _heal_by_hand(self) -> list[str]:
        """Call ``prowl heal``."""
        self.popen.wait(END_SECONDS)
        done = subprocess.run(
            [sys.executable, "-m", "prowl.chaos.commands.cli", "heal", str(self.run)],
            capture_output=True, text=True, timeout=END_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            return [f"prowl heal failed: {done.stdout}"]
        return [line for line in done.stdout.splitlines() if not line.startswith("Nothing is to heal")]

    def _left(self, folders: list[Path]) -> list[str]:
        """Return what of these folders is on the machine."""
        owners = [owner for folder in folders for owner in self._known[folder][0]]
        running = [f"owner {owner.pid}" for owner in owners if owner.running()]
        running += [f"watchdog {value.pid}" for value in _watchdogs([owner for owner in owners if not owner.running()])]
        return running + [line for folder in folders for line in _left_of(folder, self._known[folder][1])]

    def _log(self) -> list[str]:
        return [
            line for folder in self._folders() for path in folder.glob(LOG) for line in path.read_text().splitlines()
        ]


def _watchdogs(owners: list[Identity]) -> list[Identity]:
    marks = [f'"owner": {{"pid": {owner.pid}, "started": {owner.started},' for owner in owners]
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if "prowl.fixtures.cleanup.watchdog" in command and any(mark in command for mark in marks):
                found.append(Identity.of(process.pid))
    return [identity for identity in found if identity is not None]


def _left_of(folder: Path, ports: set[int]) -> Iterator[str]:
    """Yield what of a cluster's folder is there: processes, ports, mounts, loops, cgroups, namespaces, debts."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(RUN_VARIABLE) == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                yield f"process {process.pid} {process.name()}"
    yield from (f"port {port}" for port in sorted(ports & listened()))
    yield from (f"mount {point}" for point in mount_points() if point.startswith(f"{folder}/"))
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            if backing.read_text().startswith(f"{folder}/"):
                yield f"loop device {backing.parent.parent.name}"
    yield from (
        f"cgroup {path}" for parent in (CGROUPS, *CGROUPS.glob("*")) for path in parent.glob(f"*{tag(folder)}*")
    )
    yield from (f"namespace {path}" for path in NAMESPACES.glob(f"*{tag(folder)}*"))
    if (folder / LEDGER).exists():
        yield from (f"debt {entry.words!r}" for entry in read(folder / LEDGER) if entry.open)


def _ports(folder: Path) -> set[int]:
    found = set()
    for path in folder.glob("node-*/config.json"):
        with suppress(ValueError):
            config = json.loads(path.read_text(encoding="utf-8"))
            found |= {config[key] for key in PORT_KEYS}
            found |= {int(peer["url"].rpartition(":")[2]) for peer in config["peers"]}
    return found


def _unreadable(run: Path) -> Iterator[str]:
    """Yield each file of a cluster that does not open: timelines, ledgers, stores."""
    for path in run.rglob("timeline.jsonl"):
        try:
            timeline.read(path)
        except timeline.TimelineError as error:
            if "holds no sample" not in str(error):  # killed before the first was taken
                yield str(error)
    for path in run.rglob("leveldb-*"):
        try:
            plyvel.DB(str(path), create_if_missing=True, paranoid_checks=True).close()
        except plyvel.Error as error:
            yield f"{path} does not open: {error}"
