"""Two workers play scenarios of four nodes side by side: safely, and nearly twice as fast as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCENARIOS = 6
LEAST_RATIO = 1.7
LIMIT_SECONDS = 1200.0
# The one scenario, under so many names.
CONFTEST = f"""
from dataclasses import replace
from prowl.chaos import plugin

def pytest_configure(config):
    plugin.SCENARIOS = tuple(replace(plugin.SCENARIOS[0], name=f"crash-{{n}}") for n in range({SCENARIOS}))
"""


def played(folder: Path, workers: int) -> tuple[float, str]:
    """Play them all; return the wall time in seconds without the starts of clusters, and what was told."""
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    words = ["--target", "embedded", "--chaos", "-k", "crash-", "-n", str(workers), "--run-dir", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "prowl.chaos.commands.cli", "run", *words],
        cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    report = json.loads((folder / "run" / "report.json").read_text())
    assert len(report["results"]) == SCENARIOS
    # A timeline begins when its cluster stands; what the workers played at the same time counts once.
    spans = []
    for path in sorted((folder / "run" / "scenarios").glob("*/timeline.jsonl")):
        end = float(json.loads(path.read_text().splitlines()[-1])["t"])
        spans.append((path.stat().st_mtime - end, path.stat().st_mtime))
    begun = sorted(spans)
    busy, until = 0.0, 0.0
    for begin, end in begun:
        busy += max(0.0, end - max(begin, until))
        until = max(until, end)
    return busy, done.stdout


def test_two_workers_are_nearly_twice_as_fast_and_each_keeps_its_cluster(tmp_path: Path) -> None:
    alone, _told = played(tmp_path / "alone", 1)
    beside, _told = played(tmp_path / "beside", 2)
    clusters = sorted(path.name for path in (tmp_path / "beside" / "run" / "clusters").glob("*/cluster-*"))
    assert clusters == ["cluster-1", "cluster-1"], "each worker kept its cluster"
    print(f"{SCENARIOS} scenarios on {os.cpu_count()} cores: {alone:.0f} s alone, {beside:.0f} s with two workers: "
          f"{alone / beside:.2f} times as fast")  # fmt: skip
    assert alone / beside >= LEAST_RATIO
