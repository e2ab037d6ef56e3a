"""Waivers through a whole run: a broken item passes and says why, everywhere; one that ran out counts for nothing."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from prowl.chaos.selftest.stub_net import StubNet, testnet
from prowl.fixtures.selftest.stub import PAGE

pytest_plugins = ("pytester",)

__all__ = ["testnet"]  # the kit's fixture: pytest looks for it here

REASON = "two peers are being moved"
NOT_OFFERED = ("backup/every-six-hours", "backup/manual", "daily/disk", "tuning/unsafe-switches")


def waiver(item: str, expires: str = "2099-01-01", node: str | None = None) -> str:
    whose = f'node = "{node}"\n' if node else ""
    return f'\n[[waivers]]\nitem = "{item}"\nreason = "{REASON}"\nexpires = "{expires}"\n{whose}'


def lonely(testnet: StubNet) -> None:
    """Let node-1 have too few peers: two items of it are broken."""
    testnet.stubs["node-1"].page = PAGE.replace("connected 3", "connected 1")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_a_waived_item_passes_with_the_word_in_its_line_in_junit_and_in_the_report(
    testnet: StubNet, workers: tuple[str, ...]
) -> None:
    lonely(testnet)
    testnet.more = waiver("daily/peers", node="node-1") + waiver("truth/peers")
    result = testnet.run("-v", "-k", "peers", "--junitxml=junit.xml", *workers)
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 8
    output = result.stdout.str()
    assert "HELD: 6 held, 2 waived, " in output
    assert result.stdout.str().count("PASSED (waived: broken)") == 2
    assert f"BROKEN daily/peers on node-1 (waived until 2099-01-01: {REASON}): A node is connected" in output
    rows = {(row["item"], row["node"]): row for row in testnet.report["results"]}
    row: Any = rows["daily/peers", "node-1"]
    assert (row["verdict"], row["waiver"]) == ("broken", {"reason": REASON, "expires": "2099-01-01"})
    assert {value["verdict"] for value in rows.values() if value["waiver"] is None} == {"held"}
    suite = ElementTree.parse(testnet.pytester.path / "junit.xml").getroot()[0]
    assert (suite.get("errors"), suite.get("failures"), suite.get("skipped")) == ("0", "0", "0")
    words = {
        case.get("name"): {value.get("name"): value.get("value") for value in case.iter("property")}
        for case in suite.iter("testcase")
    }
    waived = [name for name, value in words.items() if "waiver" in value]
    assert len(waived) == 2
    assert all(words[name]["verdict"] == "broken" for name in waived)


def test_a_waiver_is_for_its_node_alone(testnet: StubNet) -> None:
    lonely(testnet)
    testnet.more = waiver("daily/peers", node="node-2")
    result = testnet.run("-k", "daily/peers")
    assert result.ret == 1
    assert (result.parseoutcomes()["passed"], result.parseoutcomes()["failed"]) == (3, 1)
    assert "waived" not in result.stdout.str(), "what is held needs none"


def test_one_that_ran_out_counts_for_nothing_and_says_so(testnet: StubNet) -> None:
    lonely(testnet)
    testnet.more = waiver("daily/peers", "2020-12-31", "node-1")
    result = testnet.run("-v", "-k", "daily/peers")
    assert result.ret == 1
    output = result.stdout.str()
    sentence = f"the waiver of daily/peers on node-1 ran out on 2020-12-31 and is ignored (it said: {REASON})"
    assert f"  note: {sentence}" in output
    assert testnet.report["run"]["notes"] == [sentence]  # type: ignore[call-overload]
    assert "BROKEN daily/peers on node-1: A node" in output


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (waiver("daily/peer"), "item is 'daily/peer', and there is no such item; did you mean 'daily/peers'?"),
        (waiver("daily/peers", node="node-11"), "node is 'node-11', and there is no such node; did you mean 'node-1"),
    ],
)
def test_a_waiver_of_what_is_not_there_is_a_fault_of_the_file(testnet: StubNet, more: str, sentence: str) -> None:
    testnet.more = more
    result = testnet.run()
    assert result.ret == 4
    output = result.stderr.str()
    assert sentence in output
    assert "line " in output
    assert not list(testnet.pytester.path.glob(".prowl/runs/*")), "refused before a run begins"
    assert testnet.stubs["node-1"].asked == []


def test_a_gate_takes_waived_for_held_and_names_it(testnet: StubNet) -> None:
    """The stubs show blocks of 2023, and offer no host."""
    listed = "".join(waiver(item) for item in NOT_OFFERED)
    testnet.more = listed
    result = testnet.run("--gate")
    assert result.ret == 1
    assert "NO-GO for testnet.toml: gate/head-age is broken: the newest block" not in result.stdout.str()
    assert any(line.startswith("NO-GO for testnet.toml: gate/head-age is broken") for line in result.outlines)
    testnet.more = listed + waiver("gate/head-age")
    result = testnet.run("--gate", "--run-dir", "second")
    assert result.ret == 0, result.stdout.str()
    go = next(line for line in result.outlines if line.startswith("GO for testnet.toml: "))
    output = " are held, but for 17 that are waived; the upgrade itself was not tried"
    assert go.endswith(output), "four items on four nodes, and one of all"
    waived = [line for line in result.outlines if line.startswith("  waived: ")]
    assert {line.split()[1] for line in waived} == {*NOT_OFFERED, "gate/head-age"}
    assert all(f"waived until 2099-01-01: {REASON}" in line for line in waived)


@pytest.mark.parametrize("words", [("--node", "node-1"), ("-k", "node-1 or network")])
def test_a_gate_that_is_narrowed_down_is_never_go(testnet: StubNet, words: tuple[str, ...]) -> None:
    testnet.more = "".join(waiver(item) for item in (*NOT_OFFERED, "gate/head-age"))
    result = testnet.run("--gate", *words)
    assert result.ret == 1
    first = next(line for line in result.outlines if line.startswith(("GO", "NO-GO")))
    assert first.startswith("NO-GO for testnet.toml: gate/")
    assert "was left out of this run" in first


def test_the_command_that_repeats_a_finding_of_the_gate_asks_for_it(testnet: StubNet) -> None:
    result = testnet.run("--gate", "-k", "gate/head-age")
    assert result.ret == 1
    assert "  again     prowl run -k gate/head-age --target testnet.toml --gate" in result.outlines
