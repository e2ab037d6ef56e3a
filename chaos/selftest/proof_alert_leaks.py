"""Ten runs that a Prometheus watches are killed: no process, port or file of it is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from prowl.fixtures.cleanup.folders import OWNERS, REGISTER
from prowl.fixtures.cleanup.identity import RUN_VARIABLE, Identity
from prowl.fixtures.cleanup.json_lines import below, rows
from prowl.fixtures.clusters.ports import listened
from prowl.fixtures.monitoring.server import FOLDER
from prowl.fixtures.waiting import wait_until

SEED = 20260201
COUNT = 10
ATTEMPTS = 4
START_SECONDS = 240.0
LONGEST_DELAY_SECONDS = 25.0
CLEARED_SECONDS = 20.0
END_SECONDS = 60.0
LISTEN = "--web.listen-address="
ARGUMENTS = ("--target", "embedded", "--chaos", "--time-scale", "1", "-k", "alert-down-killed")


def test_a_run_that_is_killed_leaves_nothing_of_its_prometheus(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for number in range(COUNT):
        delay = 0.0 if number == 0 else round(chance.uniform(0, LONGEST_DELAY_SECONDS), 2)
        print(f"{number + 1:>2} killed {delay:5.2f} s after Prometheus was started: ", end="", flush=True)
        tries = (_killed(tmp_path / str(number) / str(attempt), delay) for attempt in range(ATTEMPTS))
        left = next((left for left in tries if left is not None), ["no run came so far"])
        print("; ".join(left) or "nothing is left", flush=True)
        assert left == []


def _killed(folder: Path, delay_seconds: float) -> list[str] | None:
    """Start a run, kill it so long after its Prometheus was started, and return what of it is left at last.

    None for a run that did not come so far: on a busy machine its network may not be well in time.
    """
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "prowl.chaos.commands.cli", "run", *ARGUMENTS, f"--run-dir={folder / 'run'}"]
    with (folder / "output.txt").open("wb") as output:
        popen = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, start_new_session=True)
    try:
        started = wait_until(lambda: _servers(folder) or popen.poll() is not None, START_SECONDS)
        if not isinstance(started, list):
            return None
        ports = [int(word.rpartition(":")[2]) for word in started[0].cmdline() if word.startswith(LISTEN)]
        assert ports
        if wait_until(lambda: popen.poll() is not None, delay_seconds):
            return None
        os.kill(popen.pid, signal.SIGKILL)
        popen.wait(END_SECONDS)
        wait_until(lambda: not list(_left(folder, ports)), CLEARED_SECONDS)
        return list(_left(folder, ports))
    finally:
        popen.kill()
        popen.wait(END_SECONDS)


def _servers(folder: Path) -> list[psutil.Process]:
    found = []
    for register in below(folder, REGISTER) if folder.exists() else ():
        for row in rows(register):
            if row.get("name") == FOLDER and Identity(row["pid"], row["started"], row["boot"]).running():
                with suppress(psutil.Error):
                    found.append(psutil.Process(row["pid"]))
    return found


def _left(folder: Path, ports: list[int]) -> Iterator[str]:
    """Yield what is there: processes of the run, its ports, files of Prometheus, and watchdogs that are still busy."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(RUN_VARIABLE, "").startswith(str(folder)) and process.status() != "zombie":
                yield f"process {process.pid} {process.name()}"
    yield from (f"port {port}" for port in ports if port in listened())
    yield from (f"file {path}" for path in folder.rglob(f"{FOLDER}/*"))
    owners = [Identity(**row["owner"]) for path in below(folder, OWNERS) for row in rows(path)]
    yield from (f"owner {owner.pid}" for owner in owners if owner.running())
