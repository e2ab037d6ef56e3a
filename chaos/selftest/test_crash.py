"""The crash scenario on a real cluster of reference nodes, and what its end and its interruption leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from prowl.checks import judge
from prowl.fixtures.waiting import wait_until

START_SECONDS = 120.0
END_SECONDS = 60.0


class ProwlRun:
    """A run in a process of its own, in a folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        environment = {name: value for name, value in os.environ.items() if name != "PROWL_TARGET"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "prowl.chaos.commands.cli", "run", *words],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell starts what it puts into the background with SIGINT ignored, and that is inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread waits
            )

    @property
    def told(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def await_line(self, words: str) -> None:
        seen = wait_until(lambda: words in self.told or self.process.poll() is not None, START_SECONDS)
        assert seen, self.told
        assert words in self.told, self.told

    def end(self, timeout_seconds: float) -> int:
        try:
            return self.process.wait(timeout_seconds)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(END_SECONDS)

    @property
    def run_folder(self) -> Path:
        (found,) = self.folder.glob(".prowl/runs/*")
        return found

    def left(self) -> list[str]:
        """Return the processes of this run that are still there."""
        rows = [
            json.loads(line)
            for register in self.folder.rglob("processes.jsonl")
            for line in register.open(encoding="utf-8")
        ]
        assert rows, "nothing was ever started"
        pids = [row["pid"] for row in rows if "pid" in row]
        here = str(self.folder)
        return [f"{pid}" for pid in pids if psutil.pid_exists(pid) and here in _environment(pid)]


def _environment(pid: int) -> str:
    try:
        return str(psutil.Process(pid).environ())
    except psutil.Error:
        return ""


def test_a_minority_crashes_and_comes_back(tmp_path: Path) -> None:
    run = ProwlRun(tmp_path, "--target", "embedded", "--chaos", "-k", "minority-crash")
    assert run.end(START_SECONDS + END_SECONDS) == 0, run.told
    assert run.left() == []
    report = json.loads((run.run_folder / "report.json").read_text())
    (result,) = report["results"]
    assert (result["scenario"], result["verdict"]) == ("minority-crash", "held")
    assert (run.run_folder / "report.html").stat().st_size > 0
    with (tmp_path / "judged.json").open("w") as judged:
        assert judge.main(run.run_folder, True, judged, every=True) == 0
    rows = json.loads((tmp_path / "judged.json").read_text())["verdicts"]
    assert {"agreement", "finality", "progress-with-quorum", "progress-after-heal", "recovery"} <= {
        row["invariant"] for row in rows
    }
    assert {row["verdict"] for row in rows} == {"held"}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, workers: tuple[str, ...]) -> None:
    run = ProwlRun(tmp_path, "--target", "embedded", "--chaos", "-k", "minority-crash", *workers)
    if workers:
        assert wait_until(lambda: any(tmp_path.rglob("node-4/node.log")), START_SECONDS), run.told
    else:
        run.await_line("holding for")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end(END_SECONDS) == 2, run.told
    assert run.left() == []
    report = json.loads((run.run_folder / "report.json").read_text())
    assert report["run"]["partial"] is True
    assert "PARTIAL" in run.told


KILL_ONE = """
import os, signal
from pathlib import Path
from prowl.fixtures.waiting import wait_until
import httpx

def height(node):
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    return int(httpx.post(node.rpc, json=request, timeout=5).json()["result"], 16)

def pytest_prowl_target_ready(config, network):
    import json
    (register,) = Path(".prowl/runs").glob("*/target/processes.jsonl")
    rows = [json.loads(line) for line in register.read_text().splitlines()]
    (pid,) = [row["pid"] for row in rows if row.get("name") == "node-3"]
    os.kill(pid, signal.SIGKILL)
    tip = height(network.nodes[0])
    assert wait_until(lambda: height(network.nodes[0]) >= tip + 3, 60)
"""


@pytest.mark.parametrize(("count", "broken"), [(5, set()), (4, {"node-1", "node-2", "node-4"})])
def test_a_node_that_was_killed_is_unknown(tmp_path: Path, count: int, broken: set[str]) -> None:
    (tmp_path / "conftest.py").write_text(KILL_ONE)
    run = ProwlRun(tmp_path, "--target", f"embedded:{count}")
    assert run.end(START_SECONDS + END_SECONDS) == 1, run.told
    rows = json.loads((run.run_folder / "report.json").read_text())["results"]
    # What its host and its disk show of it is there, and what takes all nodes to tell is an item of the network.
    asked_of_it = [row for row in rows if row["item"].startswith(("daily/", "truth/")) and row["item"] != "daily/disk"]
    assert {row["verdict"] for row in asked_of_it if row["node"] == "node-3"} == {"unknown"}
    others = [row for row in rows if row["node"] not in {"node-3", None} and not row["advisory"]]
    assert {row["node"] for row in others if row["verdict"] != "held"} == broken
    assert {row["item"] for row in others if row["verdict"] != "held"} == ({"daily/peers"} if broken else set())
    assert run.left() == []
