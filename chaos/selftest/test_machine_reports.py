"""What a whole run leaves for machines, also where it ends before it began."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from prowl.chaos.selftest.stub_net import StubNet, prowl, testnet
from prowl.fixtures.selftest.stub import PAGE
from prowl.reports import history
from prowl.reports.schema import schema

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

PLACES = ("--junitxml=junit.xml", "--textfile=nightly.prom")


def cases(path: Path) -> list[dict[str, str]]:
    """Return the properties of each test case of a JUnit file."""
    suites: Any = junitparser.JUnitXml.fromfile(str(path))
    (suite,) = suites
    listed = [next(case.iterchildren(junitparser.Properties)) for case in suite]
    return [{row.name: row.value for row in rows} for rows in listed]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_a_run_leaves_a_report_of_the_schema_a_summary_metrics_and_properties(
    testnet: StubNet, workers: tuple[str, ...]
) -> None:
    testnet.stubs["node-1"].page = PAGE.replace("connected 3", "connected 1")
    assert testnet.run("-k", "peers or disk", "--seed", "7", *PLACES, *workers).ret == 1
    here = testnet.pytester.path
    (folder,) = here.glob(".prowl/runs/*")
    jsonschema.validate(json.loads((folder / "report.json").read_text()), schema())
    assert (folder / "report.md").read_text().startswith("## \N{LARGE RED CIRCLE} BROKEN: ")
    metrics = (here / "nightly.prom").read_text()
    assert metrics == (folder / "prowl.prom").read_text()
    assert 'prowl_item_verdict{item="daily/peers",target="testnet.toml"} 2.0' in metrics
    found = {(row["item"], row.get("node")): row for row in cases(here / "junit.xml")}
    row = found["daily/peers", "node-1"]
    assert (row["verdict"], row["target"], row["seed"]) == ("broken", "testnet.toml", "7")
    assert found["daily/peers", "node-2"]["verdict"] == "held"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target", "faulty.toml"), "faulty.toml"),
        (("--target", "well.toml", "--gate", "--chaos"), "--gate and --chaos"),
        ((), "No target"),
        (("--target", "well.toml", "--frobnicate"), "the command line was refused"),
    ],
)
def test_a_run_that_ends_early_replaces_what_another_left(
    pytester: pytest.Pytester, words: tuple[str, ...], sentence: str
) -> None:
    pytester.makefile(".toml", faulty="[[nodes]]\n", well='[[nodes]]\nname = "a"\nrpc = "http://127.0.0.1:1"\n')
    for name in ("junit.xml", "nightly.prom"):
        (pytester.path / name).write_text("of the night before")
    assert prowl(pytester, *words, *PLACES).ret == 4
    (suite,) = junitparser.JUnitXml.fromfile(str(pytester.path / "junit.xml"))
    (case,) = suite
    assert sentence in case.result[0].text
    metrics = (pytester.path / "nightly.prom").read_text()
    if "--frobnicate" not in words:  # pytest refuses such a line before it asks anybody: the file's age tells
        assert "prowl_run_exit_code{" in metrics
        assert "} 4.0" in metrics


def test_a_plan_replaces_nothing(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", faulty="[[nodes]]\n")
    (pytester.path / "junit.xml").write_text("of the night before")
    assert prowl(pytester, "--plan", "--target", "faulty.toml", *PLACES).ret == 4
    assert (pytester.path / "junit.xml").read_text() == "of the night before"


def test_a_typo_names_what_is_near_and_a_target_that_lies_here_is_taken_and_said(testnet: StubNet) -> None:
    testnet.run("-k", "nothing")  # writes the inventory
    result = prowl(testnet.pytester, "-k", "daily/peeers")
    assert result.ret == 5
    output = result.stdout.str()
    assert "-k 'daily/peeers' selected nothing; near it: daily/peers" in output
    assert "no target was named: ./testnet.toml was taken" in output
    result = prowl(testnet.pytester, "-k", "alerts")
    assert result.ret == 5
    assert "-k 'alerts' selected only what is not asked of this target" in result.stdout.str(), "it is no typo"
    result = prowl(testnet.pytester, "-k", "daily/peers", "-q")
    assert result.ret == 0


@pytest.mark.parametrize(
    ("words", "code", "left"),
    [
        (("-k", "nothing", "-n", "2"), 5, 0),
        (("-k", "nothing", "--chaos"), 5, 0),
        (("-m", "quick"), 5, 0),  # marks of scenarios, and no --chaos
        (("-k", "nothing", "--run-dir", ".prowl/runs/mine"), 5, 1),
        (("-k", "daily/disk"), 5, 1),  # it says why this is not asked
        (("-k", "daily and"), 4, 0),
        (("--chaos", "--time-scale", "1000"), 4, 0),
        (("--collect-only",), 0, 0),
        (("-k", "daily/peers"), 0, 1),
    ],
)
def test_a_run_that_ran_no_test_hides_no_run_that_did(
    testnet: StubNet, words: tuple[str, ...], code: int, left: int
) -> None:
    assert testnet.run(*words).ret == code
    runs = testnet.pytester.path / ".prowl" / "runs"
    assert len(list(runs.glob("*"))) == left
    assert len(history.beside(runs).runs()) == left


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--nodehome", "x"), "prowl run: error: unrecognized arguments: --nodehome (did you mean --node-home?)"),
        (("--chaso", "--traget=x"), "arguments: --chaso --traget=x (did you mean --chaos, --target?)"),
        (("--zzz",), "unrecognized arguments: --zzz\n"),
    ],
)
def test_an_option_that_is_none_is_refused_with_what_is_near(
    pytester: pytest.Pytester, words: tuple[str, ...], says: str
) -> None:
    result = prowl(pytester, "--target", "embedded", *words)
    assert result.ret == 4
    assert says in result.stderr.str()


def test_prowls_options_come_first_in_the_help(pytester: pytest.Pytester) -> None:
    output = prowl(pytester, "--help").stdout.str()
    assert output.index("--target") < output.index("--maxfail")


PLAYED = """
from prowl.chaos.engine import runner
from prowl.reports.verdicts import Verdict

plays = [Verdict.BROKEN, Verdict.HELD]


def play(scenario, spec, folder, seed, say, pool, *_more):
    folder.mkdir(parents=True)
    return runner.Outcome(plays.pop(0), f"seed {seed}", (), 1.0, (), {"recovered_seconds": 2.0})


runner.play = play
"""


def test_a_broken_scenario_is_played_again_and_the_first_verdict_stays(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(fake_plays=PLAYED)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    words = ("-p", "fake_plays", "--chaos", "--target", "embedded", "-k", "minority-crash", "--seed", "7")
    result = prowl(pytester, *words)
    assert result.ret == 1
    assert "seed 7; played again with the same seed it was held (flaky)" in result.stdout.str()
    (folder,) = pytester.path.glob(".prowl/runs/*")
    (row,) = json.loads((folder / "report.json").read_text())["results"]
    assert (row["verdict"], row["replay"]) == ("broken", "held")
    assert (folder / "replays" / "minority-crash").is_dir()
    cli = (sys.executable, "-m", "prowl.chaos.commands.cli")
    output = pytester.run(*cli, "history", "recovery/consensus-stall", timeout=60).stdout.str()
    assert "minority-crash  X  flaky\n" in output
    assert pytester.run(*cli, "report", timeout=60).ret == 0
    judged = pytester.run(*cli, "judge", timeout=60)
    assert (judged.ret, "one for each scenario that it plays" in judged.stderr.str()) == (4, True), "it has no timeline"
    packed = pytester.run(*cli, "bundle", "--output", "b.tar.gz", timeout=60)
    assert packed.ret == 0
    with tarfile.open(pytester.path / "b.tar.gz") as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert {"report.json", "report.html", "again.sh", "prowl.prom"} <= names
    assert pytester.run(*cli, "diff", str(folder), str(folder), timeout=60).ret == 0
