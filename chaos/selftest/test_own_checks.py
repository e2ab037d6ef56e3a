"""An operator's own checks, in a folder that is no part of Prowl: same fixtures, same report, same exit codes."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from prowl.fixtures.selftest.stub import StubNode

pytest_plugins = ("pytester",)

CATALOGUE = """
[[items]]
id = "own/page"
section = "Our handbook > Metrics"
sentence = "Every page shows its height"

[[items]]
id = "own/queued"
section = "Our handbook > Metrics"
sentence = "No transaction is queued"

[[items]]
id = "own/together"
section = "Our handbook > Heights"
sentence = "All nodes are together"
"""
CHECKS = """
from prowl.checks import Claim, Limits, NetworkView, NodeView, Unknown, check

@check("own/page", needs="metrics", next="ask the metrics team")
def test_page(node: NodeView, limits: Limits) -> None:
    "A page shows a height above the limit for peers, which is the inventory's."
    height = node.metric("coc_block_height", f"coc_block_height > {limits.peers}")
    node.expect(f"coc_block_height > {limits.peers}", height > limits.peers, node.history("coc_block_height"))

@check("own/queued", metrics=("coc_tx_pool_queued", "coc_not_there"))
def test_queued(node: NodeView) -> None:
    "No transaction waits for another one."
    queued = node.metric("coc_tx_pool_queued", "coc_tx_pool_queued is 0")
    node.expect("coc_tx_pool_queued is 0", queued == 0, f"{queued:g}")

@check("own/together", advisory=True)
def test_together(network: NetworkView) -> None:
    "All nodes are where they can't be."
    network.expect("nothing", False, f"{len(network.nodes)} nodes")
"""
LIMITS = '\n[limits]\npeers = { value = 2, reason = "a small network" }\n'


@pytest.fixture
def stranger(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    times = "[network]\nblock_interval_seconds = 0.05\ndead_proposer_seconds = 1\nround_timeout_seconds = 0.2\n"
    with ExitStack() as stack:
        stubs = [stack.enter_context(StubNode(f"node-{number}")) for number in range(1, 5)]
        pytester.makefile(".toml", testnet=times + "".join(stub.toml for stub in stubs) + LIMITS)
        pytester.makefile(".toml", own=CATALOGUE)
        pytester.mkdir("ours")
        (pytester.path / "ours" / "test_ours.py").write_text(CHECKS)
        yield pytester


def run(pytester: pytest.Pytester, *words: str) -> tuple[int, dict[str, Any], str]:
    command = (
        sys.executable,
        "-m",
        "prowl.chaos.commands.cli",
        "run",
        "--target",
        "testnet.toml",
        "--run-dir",
        "r",
        *words,
    )
    shutil.rmtree(pytester.path / "r", ignore_errors=True)  # each run has a folder of its own
    result = pytester.run(*command, timeout=120)
    path = pytester.path / "r" / "report.json"
    return (
        int(result.ret),
        json.loads(path.read_text()) if path.exists() else {},
        result.stdout.str() + result.stderr.str(),
    )


def test_they_are_judged_and_reported_like_prowls(stranger: pytest.Pytester) -> None:
    code, report, output = run(stranger, "ours", "--catalogue", "own.toml")
    assert code == 0, output
    rows = {(row["item"], row["node"]): row for row in report["results"]}
    assert {key for key, row in rows.items() if row["verdict"] == "held"} == {
        (item, f"node-{number}") for item in ("own/page", "own/queued") for number in range(1, 5)
    }
    assert (rows["own/together", None]["verdict"], rows["own/together", None]["advisory"]) == ("broken", True)
    page = rows["own/page", "node-1"]
    assert page["manual"] == "Our handbook > Metrics: Every page shows its height"
    assert page["expected"] == "coc_block_height > 2", "the inventory's limit"
    again = "prowl run ours/test_ours.py --catalogue own.toml -k own/page --node node-1 --target testnet.toml"
    assert page["again"] == again
    code, report, _told = run(stranger, *again.split()[2:-2])
    assert [(row["item"], row["node"]) for row in report["results"]] == [("own/page", "node-1")]


def test_an_ini_file_brings_them_beside_prowls_own(stranger: pytest.Pytester) -> None:
    stranger.makeini("[pytest]\nprowl_catalogue = own.toml\nprowl_checks = ours\n")
    code, report, output = run(stranger, "-c", "tox.ini")
    assert code == 0, output
    items = {row["item"] for row in report["results"]}
    assert {"own/page", "own/together", "daily/peers", "truth/same-chain"} <= items


def test_an_item_that_no_catalogue_holds_is_told(stranger: pytest.Pytester) -> None:
    code, _report, output = run(stranger, "ours")
    assert code != 0
    assert "Items of your own come with --catalogue FILE" in output
    stranger.makefile(".toml", own=CATALOGUE.replace("sentence", "sentense"))
    code, _report, output = run(stranger, "ours", "--catalogue", "own.toml")
    assert (code, "did you mean 'sentence'?" in output, "Traceback" in output) == (4, True, False)
