"""An operator's own scenarios, from a folder that is no part of Prowl: planned, refused and played like Prowl's own."""

from __future__ import annotations

import json
import sys

import pytest

pytest_plugins = ("pytester",)

CATALOGUE = """
[[items]]
id = "own/dies"
section = "Our handbook > Restarts"
sentence = "A node may die"
"""
SCENARIOS = """
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.steps import During, Recover
from prowl.chaos.engine.targets import named
from prowl.chaos.faults.crash import Crash

OURS = (
    Scenario(
        "own-crash",
        item="own/dies",
        why="node-2 dies and comes back",
        steps=(During(Crash(), named("node-2")), Recover()),
        also=("recovery", "{liveness}"),
    ),
)
"""
CONFTEST = """
import scenarios_of_ours

def pytest_prowl_scenarios(config):
    return scenarios_of_ours.OURS
"""


def prowl(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    command = (sys.executable, "-m", "prowl.chaos.commands.cli", "run", "--chaos", "--target", "embedded:4")
    return pytester.run(*command, "--catalogue", "own.toml", "--run-dir", "r", *words, timeout=180)


@pytest.fixture(params=["ini", "hook"])
def stranger(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with a scenario of its own, which comes by the ini file or by a conftest's hook."""
    pytester.makefile(".toml", own=CATALOGUE)
    if request.param == "ini":
        pytester.makeini("[pytest]\nprowl_scenarios = scenarios_of_ours:OURS\n")
    else:
        pytester.makeini("[pytest]\npythonpath = .\n")
        pytester.makeconftest(CONFTEST)
    return pytester


def write(pytester: pytest.Pytester, liveness: str) -> None:
    pytester.makepyfile(scenarios_of_ours=SCENARIOS.replace("{liveness}", liveness))


def test_they_are_played_and_judged_like_prowls(stranger: pytest.Pytester) -> None:
    write(stranger, "progress-with-quorum")
    planned = prowl(stranger, "--plan", "-k", "own-crash")
    assert any(line.startswith("own-crash (own/dies): node-2 dies") for line in planned.outlines), planned.outlines
    played = prowl(stranger, "-k", "own-crash")
    assert played.ret == 0, played.outlines
    (row,) = json.loads((stranger.path / "r" / "report.json").read_text())["results"]
    assert (row["item"], row["scenario"], row["verdict"]) == ("own/dies", "own-crash", "held")
    assert {"agreement", "recovery"} <= {judged["invariant"] for judged in row["judgements"]}


@pytest.mark.parametrize("how", ["--plan", "-q"])
def test_one_that_cannot_be_is_refused_before_anything_starts(stranger: pytest.Pytester, how: str) -> None:
    write(stranger, "agrement")
    refused = prowl(stranger, how)
    assert refused.ret == 4
    output = refused.stdout.str() + refused.stderr.str()
    assert "scenario 'own-crash': there is no invariant 'agrement'; did you mean 'agreement'?" in output
    assert not list(stranger.path.rglob("processes.jsonl"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "prowl_scenarios = ours:OURS: there is no such thing"),
        ("OURS = 1 / 0", "prowl_scenarios = ours:OURS: the module can't be imported: ZeroDivisionError"),
        ("OURS = (", "the module can't be imported: SyntaxError"),
        ("OURS = (1,)", "prowl_scenarios = ours:OURS: 1 is no Scenario"),
    ],
)
def test_an_ini_line_that_names_no_scenarios_is_refused(pytester: pytest.Pytester, body: str, sentence: str) -> None:
    pytester.makefile(".toml", own=CATALOGUE)
    pytester.makeini("[pytest]\nprowl_scenarios = ours:OURS\n")
    pytester.makepyfile(ours=body)
    refused = prowl(pytester, "--plan")
    assert refused.ret == 4
    assert sentence in refused.stdout.str() + refused.stderr.str()


def test_a_parameter_that_is_called_scenario_makes_no_placeholder(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('scenario', [1, 2])\ndef test_mine(scenario):\n    assert scenario\n"
    )
    words = ("-m", "pytest", "-p", "prowl.chaos.plugin", "--target", "embedded")
    pytester.run(sys.executable, *words, timeout=180).assert_outcomes(passed=2)
