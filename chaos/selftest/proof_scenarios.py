"""Each scenario fails for a planted defect, and the invariant that is named says so. What they are is in planted.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.selftest.planted import ALL, SEED, Planted, scenario
from prowl.reports.timeline import read
from prowl.reports.verdicts import Verdict


@pytest.mark.parametrize(("name", "planted"), ALL, ids=[f"{name}-{planted.defect}" for name, planted in ALL])
def test_it_fails_for_its_planted_defect(
    name: str, planted: Planted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    outcome = runner.play(scenario(name), planted.spec(scenario(name)), tmp_path, SEED, said.append)
    broken = sorted({row.invariant for row in outcome.judgements if row.verdict is Verdict.BROKEN})
    print("\n".join(said))
    with capsys.disabled():
        print(
            f"\n{name}: {planted.defect}: {outcome.seconds:.0f} s: {', '.join(broken)}: {outcome.observed}", flush=True
        )
    _launch, *done, _end = read(tmp_path / "timeline.jsonl").events
    assert done, f"nothing was done yet when it broke: {outcome.observed}"
    assert outcome.verdict is Verdict.BROKEN, outcome.observed
    assert planted.oracle in broken, outcome.observed
