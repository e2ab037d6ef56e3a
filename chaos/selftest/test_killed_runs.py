"""A run that is killed leaves nothing: a few of the cases of ``tox -e leaks``."""

from __future__ import annotations

from pathlib import Path

import pytest

from prowl.chaos.selftest.leak_kit import Case, kill_and_look

CASES = [
    Case("intent", "run", "furniture", 0.0, watched=False),
    Case("injected", "worker", "furniture", 0.1, workers=1),
    Case("healing", "run and proxy", "black-hole", 0.0),
    Case("injected", "run", "furniture", 0.0, folder="renamed"),
    Case("injected", "run", "furniture", 0.0, folder="deleted"),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.who}-{case.stage} {case.folder}".strip().replace(" ", "-")
)
def test_a_killed_run_leaves_nothing(tmp_path: Path, case: Case) -> None:
    killed = kill_and_look(case, tmp_path / "killed", 1)
    assert killed.left == [], killed
    assert killed.undone or case.folder == "deleted", "there was something to clear"
