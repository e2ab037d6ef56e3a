"""Another user of the machine changes the proxies of a real cluster: what follows is unknown, and nobody is accused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.cleanup.folders import REGISTER
from prowl.fixtures.clusters.ports import LOOPBACK
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.proxies.toxiproxy import Toxiproxy
from prowl.fixtures.waiting import wait_until

LIMIT_SECONDS = 240.0


def stranger(folder: Path) -> Toxiproxy:
    """Find the server of a run as anybody can: by its command line, here from the register."""
    (register,) = folder.rglob(REGISTER)
    rows = [json.loads(line) for line in register.read_text().splitlines()]
    (pid,) = [row["pid"] for row in rows if row.get("name") == "toxiproxy"]
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return Toxiproxy(LOOPBACK, int(words[words.index("-port") + 1]))


@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        (lambda them: them.remove("node-1.node-2"), "unknown"),
        (lambda them: them.populate([("door", f"{LOOPBACK}:0", f"{LOOPBACK}:22")]), "unknown"),
        (lambda them: them.states(), "held"),
    ],
)
def test_a_scenario_in_which_a_stranger_acts(tmp_path: Path, deed: Callable[[Toxiproxy], object], verdict: str) -> None:
    crash = next(scenario for scenario in SCENARIOS if scenario.name == "minority-crash")
    said: list[str] = []

    def act() -> None:
        if wait_until(lambda: any("holding" in line for line in said), LIMIT_SECONDS, 0.2):
            deed(stranger(tmp_path))

    acting = threading.Thread(target=act)
    acting.start()
    outcome = runner.play(crash, ClusterSpec(4), tmp_path, 1, said.append)
    acting.join(LIMIT_SECONDS)
    assert outcome.verdict.value == verdict, outcome.observed
    assert ("somebody else changed the proxies: " in outcome.observed) is (verdict == "unknown"), outcome.observed
    safe = {row.invariant for row in outcome.judgements if row.verdict.value == "held"}
    assert {"agreement", "finality", "linkage"} <= safe


ACTS = """
from pathlib import Path
from prowl.chaos.selftest.proof_strangers import stranger
def pytest_prowl_target_ready():
    stranger(Path("run")).switch("node-1.node-2", False)
"""


def test_a_survey_during_which_a_stranger_acts(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(ACTS)
    words = ["run", "-p", "conftest", "--target", "embedded", "--run-dir", "run", "-k", "daily/peers or daily/memory"]
    command = [sys.executable, "-m", "prowl.chaos.commands.cli", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert done.returncode == 1, done.stdout
    rows = json.loads((tmp_path / "run" / "report.json").read_text())["results"]
    assert {row["verdict"] for row in rows} == {"unknown"}
    assert "Somebody else changed the proxies while embedded was looked at: node-1->node-2" in rows[0]["observed"]
