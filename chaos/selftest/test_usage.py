"""Prowl as a user calls it: options, exit codes, sentences, and no traceback; alone and with two workers."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from prowl.chaos.commands import options
from prowl.chaos.engine.prune import MOST_RUNS
from prowl.chaos.selftest.stub_net import StubNet, prowl, testnet
from prowl.fixtures import targets
from prowl.fixtures.cleanup.guard import claim, living
from prowl.fixtures.selftest.stub import PAGE, StubNode
from prowl.fixtures.targets import Target

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

ALONE_AND_BESIDE = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
CHOICES = ("embedded", "containers", "testnet.toml", "localhost", "prometheus:")


@pytest.fixture(autouse=True)
def _no_target_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROWL_TARGET", raising=False)


def told(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("what", ["next_home", "next_image", "next_version"])
def test_a_gate_that_tries_an_upgrade_may_name_the_cluster(what: str) -> None:
    given = {"gate": True, "cluster": "containers", what: "coc:2"}
    assert options.refusal(options.asked(given.get)) is None
    assert "Add --chaos" in str(options.refusal(options.asked({**given, what: None}.get)))


@ALONE_AND_BESIDE
def test_without_a_target_it_names_the_choices(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = prowl(pytester, *workers)
    assert result.ret == 4
    for word in ("--target", *CHOICES):
        assert word in told(result)
    assert "Traceback" not in told(result)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--target", "nowhere.toml"), "nowhere.toml does not exist. `prowl inventory init URL...` writes one"),
        (("--target", "nowhere.toml", "-n", "2"), "nowhere.toml does not exist"),
        (("--target", "embeded"), "Did you mean 'embedded'"),
        (("--target", "embedded:0"), "from 1 to 100"),
        (("--target", "embedded:many"), "from 1 to 100"),
        (("--target", "embedded", "--node", "node-9"), "node-9"),
        (("--target", "embedded", "--role", "king"), "validator"),
        (("--target", "embedded", "--chaos", "--cluster", "localhost"), "chaos happens only in clusters"),
        (("--target", "embedded", "--cluster", "embedded:3"), "none is asked for. Add --chaos"),
        (("--target", "embedded", "--time-scale", "0"), "no chaos is asked for. Add --chaos"),
        (("--target", "embedded", "--time-scale", "10"), "no chaos is asked for. Add --chaos"),
        (("--target", "embedded", "--chaos", "--time-scale", "100"), "is allowed here"),
        (("--target", "embedded", "--chaos", "--time-scale", "0.5"), "it is 1 or more"),
        (("--target", "embedded", "--gate", "--chaos"), "breaks nothing. Run the gate alone"),
        (("--target", "embedded", "--gate", "--chaos", "-n", "2"), "breaks nothing. Run the gate alone"),
        (("--target", "embedded", "--strict-gate"), "Add --gate"),
        (("--target", "embedded", "--within", "5"), "Add --gate"),
        (("--target", "embedded", "--gate", "--within", "0"), "a number of minutes above 0"),
        (("--target", "embedded", "--gate", "--node-home", "old"), "Name both"),
        (("--target", "embedded", "--gate", "--next-home", "new"), "say with --node-home from what"),
        (("--target", "embedded", "--gate", "--next-version", "indexd"), "Did you mean indexed?"),
        (("--target", "embedded", "--gate", "--chaos", "--plan"), "breaks nothing. Run the gate alone"),
        (("--target", "embedded", "--gate", "--drill"), "it would be left out. Run the gate alone"),
        (("--target", "embedded", "--chaos", "--node", "node-1"), "Choose scenarios with -k NAME"),
        (("--target", "embedded", "--chaos", "--role", "validator"), "Choose scenarios with -k NAME"),
        (("--target", "localhost", "--netns"), "of localhost it starts none. Add --chaos, or leave --netns out"),
        (("--target", "localhost", "--node-home", "/opt/coc"), "Add --chaos or --drill, or leave --node-home out"),
        (("--target", "embedded", "--run-dir", "/proc/prowl"), "/proc/prowl can't be written"),
    ],
)
def test_wrong_usage_is_a_sentence(pytester: pytest.Pytester, words: tuple[str, ...], sentence: str) -> None:
    result = prowl(pytester, *words)
    assert result.ret == 4
    assert sentence in told(result)
    assert "Traceback" not in told(result)


@pytest.mark.parametrize("words", [("--target", "embedded"), ("--target", "testnet.toml", "--chaos")])
def test_no_toxiproxy_is_a_sentence_with_the_three_ways(
    testnet: StubNet, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    testnet.run("-k", "nothing")  # writes the inventory
    for name, value in {"PATH": "/nonexistent", "HOME": str(testnet.pytester.path), "PROWL_TOXIPROXY": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    words = (*words, "-k", "daily/peers or crash")
    result = prowl(testnet.pytester, *words)
    assert result.ret == 1, "what needs no proxies is judged all the same"
    for way in ("PROWL_TOXIPROXY", "on PATH", "install Go"):
        assert way in told(result)
    monkeypatch.setenv("PROWL_TOXIPROXY", "/nonexistent/toxiproxy")
    assert "/nonexistent/toxiproxy, which is no executable file" in told(prowl(testnet.pytester, *words))


@ALONE_AND_BESIDE
def test_all_is_held(testnet: StubNet, workers: tuple[str, ...]) -> None:
    result = testnet.run(*workers)
    assert result.ret == 0
    report = testnet.report
    sentence = f"HELD: {len(report['results'])} held, {len(report['not_asked'])} not asked on testnet.toml"
    assert sentence in told(result)
    assert {row["verdict"] for row in report["results"]} == {"held"}
    judged, not_asked = ({row["item"] for row in report[rows]} for rows in ("results", "not_asked"))
    assert {"daily/peers", "truth/same-chain", "validators/rotation"} <= judged
    assert {"daily/disk", "backup/name", "alerts/low-peers"} <= not_asked
    assert not judged & not_asked
    assert testnet.report["run"]["partial"] is False  # type: ignore[call-overload]


def test_who_asks_for_a_line_hears_why_just_that_one_was_not_asked(testnet: StubNet) -> None:
    assert testnet.run("-k", "daily/disk or daily/peers").ret == 0
    assert {row["item"] for row in testnet.report["not_asked"]} == {"daily/disk"}


def test_a_wrong_expression_is_pytests_to_refuse(testnet: StubNet) -> None:
    wrong = testnet.run("-k", "daily and")
    assert wrong.ret == 4
    assert "Wrong expression passed to '-k'" in told(wrong)
    assert "Traceback" not in told(wrong)


def test_one_survey_serves_all_workers(testnet: StubNet) -> None:
    testnet.run("-n", "2")
    pages = [asked for asked in testnet.stubs["node-1"].asked if asked == "GET /metrics"]
    assert len(pages) == 2, "two sweeps, not two a worker"


def test_a_dead_node_is_unknown_and_no_other_changes(testnet: StubNet) -> None:
    with StubNode("node-4") as dead:
        testnet.stubs["node-4"] = dead
    result = testnet.run("--junitxml=junit.xml")
    assert result.ret == 1
    assert set(testnet.verdicts("node-4").values()) == {"unknown"}
    for name in ("node-1", "node-10", "node-2", "node-3"):
        assert set(testnet.verdicts(name).values()) == {"held"}
    suite = ElementTree.parse(testnet.pytester.path / "junit.xml").getroot()[0]
    unknown = [row for row in testnet.report["results"] if row["verdict"] == "unknown"]
    assert {row["node"] for row in unknown} == {"node-4", None}, "of the network: what takes all nodes to tell"
    assert {row["verdict"] for row in testnet.report["results"]} == {"held", "unknown"}
    assert (suite.get("errors"), suite.get("failures"), suite.get("skipped")) == (str(len(unknown)), "0", "0")
    modules = {case.get("classname") for case in suite.iterfind("testcase")}
    assert {"prowl.checks.test_daily", "prowl.checks.test_truth"} <= modules, "readers of CI link an item by it"
    assert all(name and name.startswith("prowl.checks.test_") for name in modules), modules
    properties = {row.get("name"): row.get("value") for row in suite.iterfind("properties/property")}
    recorded = testnet.report["run"]
    not_asked = properties.pop("not asked")
    assert not_asked is not None
    assert not_asked.endswith('gives no access to its host (host = "none")'), "the last reason"
    assert properties == {name: str(recorded[name]) for name in ("seed", "commit", "again", "target")}  # type: ignore[call-overload]
    header = told(result).splitlines()
    first = next(number for number, line in enumerate(header) if line.startswith("prowl: seed "))
    assert header[first + 1] == f"again: {properties['again']}"
    assert first < next(number for number, line in enumerate(header) if "UNKNOWN" in line)


def test_a_run_folder_that_is_in_use_is_refused(testnet: StubNet) -> None:
    claim(testnet.pytester.path / "used")
    (owner,) = living(testnet.pytester.path / "used")  # this process, or the one that it is a worker of
    result = testnet.run("--run-dir", "used")
    assert result.ret == 4
    assert f"--run-dir used: a run that is under way (pid {owner.pid}) owns it" in told(result)


@pytest.mark.parametrize("words", [(), ("--gate",), ("-n", "2")])
def test_a_dead_network_is_not_judged_by_what_a_run_before_saw(testnet: StubNet, words: tuple[str, ...]) -> None:
    assert testnet.run("-k", "daily/memory", "--run-dir", "ru").ret == 0
    for stub in testnet.stubs.values():
        stub.__exit__(None, None, None)
    result = testnet.run("-k", "daily/memory", "--run-dir", "ru", *words)
    assert result.ret == 4, told(result)
    assert "ru holds what another run has seen (survey.json)" in told(result)
    assert "held" not in told(result)


@ALONE_AND_BESIDE
def test_a_survey_that_this_run_did_not_take_is_no_survey(testnet: StubNet, workers: tuple[str, ...]) -> None:
    assert testnet.run("-k", "daily/memory", "--run-dir", "one").ret == 0
    testnet.pytester.makeconftest(
        "import shutil\n"
        "def pytest_sessionstart(session):\n"
        "    if not hasattr(session.config, 'workerinput'):\n"
        "        shutil.copy('one/survey.json', 'two/survey.json')\n"
    )
    result = testnet.run("-k", "daily/memory", "--run-dir", "two", "-p", "conftest", *workers)
    assert result.ret == 1, told(result)
    assert "UNKNOWN: 0 held, 4 unknown" in told(result)
    assert "was not taken by this run: it shows what another run saw" in told(result)


def test_old_runs_are_pruned_and_told(testnet: StubNet) -> None:
    for number in range(MOST_RUNS + 1):
        (testnet.pytester.path / ".prowl" / "runs" / f"20200101-{number:06}-7").mkdir(parents=True)
    result = testnet.run("-k", "daily/memory")
    assert "2 old runs were deleted (the newest 20 that were held" in told(result)
    assert len(list(testnet.pytester.path.glob(".prowl/runs/*"))) == MOST_RUNS


def test_a_finding_is_a_message_and_its_command_repeats_just_it(testnet: StubNet) -> None:
    testnet.stubs["node-1"].page = PAGE.replace("connected 3", "connected 1")
    result = testnet.run("-v", "--junitxml=junit.xml")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "BROKEN daily/peers on node-1: A node is connected to at least three peers*",
            "  manual    Daily Checklist: Peer count*",
            "  expected  coc_peers_connected >= 3",
            "  observed  1 at ??:??:??Z, 1 at ??:??:??Z (node-10: 3, node-2: 3, node-3: 3)",
            "  next      Failure Recovery > Network Partition*",
            "  again     prowl run -k daily/peers --node node-1 --target testnet.toml",
        ],
        consecutive=True,
    )
    first = told(result)
    assert first.index(", 2 broken, ") < first.index("BROKEN daily/peers"), "the verdict comes first"
    assert "BROKEN truth/peers on node-1" in first, "nor is it what is true"
    suite = ElementTree.parse(testnet.pytester.path / "junit.xml").getroot()[0]
    assert (suite.get("errors"), suite.get("failures")) == ("0", "2")
    testnet.run("-k", "daily/peers", "--node", "node-1").assert_outcomes(failed=1)


def test_the_command_that_repeats_names_a_file_elsewhere_so_that_pytest_takes_it_for_the_target() -> None:
    here, there = Target("testnet.toml"), Target("/etc/a testnet.toml")
    assert targets.words(here) == "--target testnet.toml"
    assert targets.words(there) == "'--target=/etc/a testnet.toml'"
    assert targets.words(Target("../testnet.toml")) == "--target=../testnet.toml"
    assert targets.words(here, Target("embedded:4", count=4)) == "--target testnet.toml --cluster embedded:4"


def test_the_command_that_repeats_names_the_installed_node() -> None:
    installed = Target("embedded", count=4, node_home=Path("/opt/coc"))
    assert targets.words(installed) == "--target embedded --node-home /opt/coc"
    assert targets.words(Target("testnet.toml"), installed).endswith("--cluster embedded --node-home /opt/coc")
    assert targets.words(replace(installed, netns=True)).endswith("--node-home /opt/coc --netns")


@pytest.mark.parametrize("line", ["", "coc_consensus_state NaN\n", "coc_consensus_state 0\n" * 2])
def test_a_missing_metric_is_unknown_and_not_zero(testnet: StubNet, line: str) -> None:
    testnet.stubs["node-2"].page = PAGE.replace("coc_consensus_state 0\n", line)
    assert testnet.run().ret == 1
    verdicts = testnet.verdicts("node-2")
    assert {verdicts.pop("daily/consensus"), verdicts.pop("truth/consensus")} == {"unknown"}
    assert set(verdicts.values()) == {"held"}


def test_the_quiet_option_is_quiet(testnet: StubNet) -> None:
    lines = [line for line in testnet.run("-q").outlines if line.strip()]
    assert lines[1].startswith(f"HELD: {len(testnet.report['results'])} held")
    assert not [line for line in lines if line.startswith("prowl:")]


OWN_CHECKS = """
import pytest
from prowl.checks.registry import check

@check("daily/consensus")
def test_says_nothing(node):
    "A check that makes no claim."

@check("daily/memory")
def test_skips(node):
    "A check that skips."
    pytest.skip("not today")

@check("daily/peers")
def test_crashes(node):
    "A check that crashes."
    raise ZeroDivisionError("oops")

@check("daily/block-height")
@pytest.mark.xfail
def test_expects_to_fail(node):
    "A check that expects to fail."
    node.expect("1", False, "2")
"""


def test_a_check_that_says_nothing_skips_crashes_or_expects_to_fail_is_never_green(testnet: StubNet) -> None:
    testnet.pytester.makepyfile(test_own=OWN_CHECKS)
    result = testnet.run("test_own.py", "--node", "node-1")
    assert result.ret == 1
    result.assert_outcomes(errors=3, failed=1)
    verdicts = testnet.verdicts("node-1")
    assert verdicts.pop("daily/block-height") == "broken"
    assert set(verdicts.values()) == {"unknown"}


NETWORK_CHECKS = """
from prowl.checks.registry import check

@check("daily/consensus")
def test_of_all(network):
    "All nodes are at 0."
    states = {node.name: node.metric("coc_consensus_state", "0") for node in network.nodes}
    network.expect("0 on each", set(states.values()) == {0}, str(states))

@check("daily/memory", needs="data_dir")
def test_not_offered(network):
    "No node has a data directory."
    network.expect("1", True, "1")
"""


def test_a_check_of_the_network_is_one_item_and_its_command_repeats_just_it(testnet: StubNet) -> None:
    testnet.pytester.makepyfile(test_own=NETWORK_CHECKS)
    assert testnet.run("test_own.py").ret == 0
    (row,) = testnet.report["results"]
    assert (row["item"], row["node"]) == ("daily/consensus", None)
    assert row["again"] == "prowl run test_own.py -k daily/consensus --target testnet.toml"
    (not_asked,) = testnet.report["not_asked"]
    assert (not_asked["item"], not_asked["node"]) == ("daily/memory", None)
    testnet.stubs["node-10"].page = PAGE.replace("coc_consensus_state 0", "coc_consensus_state 1")
    result = testnet.run("test_own.py", "-k", "daily/consensus-network")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["BROKEN daily/consensus: All nodes are at 0"])
    result.assert_outcomes(failed=1, deselected=1)


def test_a_node_that_is_asked_for_alone_leaves_no_item_of_the_network(testnet: StubNet) -> None:
    testnet.pytester.makepyfile(test_own=NETWORK_CHECKS)
    assert testnet.run("test_own.py", "--node", "node-1", "--run-dir", ".prowl/runs/mine").ret == 5
    assert testnet.report["not_asked"] == []


STRANGER = """
def pytest_addoption(parser):
    parser.addoption("--target")
    parser.addoption("--seed")
"""


def test_a_strangers_project_is_not_touched(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(STRANGER)
    pytester.makepyfile("def test_it(request):\n    assert request.config.getoption('seed') == '7'")
    result = pytester.run(sys.executable, "-m", "pytest", "-W", "error", "--seed", "7", "--target", "x", timeout=60)
    result.assert_outcomes(passed=1)
    assert "prowl" not in result.stdout.str().replace("prowl-testnet", "")


def test_the_target_may_come_from_the_environment_or_the_ini_file(
    testnet: StubNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    testnet.run()
    pytester = testnet.pytester
    (pytester.path / "testnet.toml").rename(pytester.path / "other.toml")  # the one is taken where no target is named
    monkeypatch.setenv("PROWL_TARGET", "other.toml")
    words = (sys.executable, "-m", "prowl.chaos.commands.cli", "run", "-k", "daily/memory")
    assert pytester.run(*words, timeout=60).ret == 0
    monkeypatch.delenv("PROWL_TARGET")
    assert pytester.run(*words, timeout=60).ret == 4
    pytester.makeini("[pytest]\nprowl_target = other.toml")
    assert pytester.run(*words, "-c", "tox.ini", timeout=60).ret == 0


@pytest.mark.parametrize(
    "words", [(), ("rnu",), ("judge",), ("judge", "nowhere"), ("report", "nowhere"), ("backup",), ("restore", "x")]
)
def test_the_command_tells_wrong_usage(pytester: pytest.Pytester, words: tuple[str, ...]) -> None:
    result = pytester.run(sys.executable, "-m", "prowl.chaos.commands.cli", *words, timeout=60)
    assert result.ret == 4
    assert "Traceback" not in told(result)
    assert told(result).strip()


@pytest.mark.parametrize("words", [("inventory", "schema"), ("--version",), ("node", "--list-defects")])
def test_a_reader_that_has_gone_is_no_traceback(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "prowl.chaos.commands.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141
