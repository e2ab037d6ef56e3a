"""Four stub nodes, an inventory of them, and ``prowl run`` on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from prowl.fixtures.selftest.stub import StubNode


@dataclass
class StubNet:
    """Stub nodes, an inventory of them, and a way to run Prowl on it."""

    pytester: pytest.Pytester
    stubs: dict[str, StubNode]
    more: str = ""  # of the inventory

    def run(self, *words: str) -> pytest.RunResult:
        self.write()
        return prowl(self.pytester, "--target", "testnet.toml", *words)

    def write(self) -> None:
        """Write the inventory."""
        nodes = "\n".join(stub.toml for stub in self.stubs.values())
        times = "[network]\nblock_interval_seconds = 0.05\ndead_proposer_seconds = 1\nround_timeout_seconds = 0.2\n"
        self.pytester.makefile(".toml", testnet=times + nodes + self.more)

    @property
    def report(self) -> dict[str, list[dict[str, object]]]:
        (path,) = self.pytester.path.glob(".prowl/runs/*/report.json")
        found: dict[str, list[dict[str, object]]] = json.loads(path.read_text())
        return found

    def verdicts(self, node: str) -> dict[object, object]:
        return {row["item"]: row["verdict"] for row in self.report["results"] if row["node"] == node}


def prowl(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    return pytester.run(sys.executable, "-m", "prowl.chaos.commands.cli", "run", *words, timeout=120)


@pytest.fixture
def testnet(pytester: pytest.Pytester) -> Iterator[StubNet]:
    with ExitStack() as stack:
        names = ("node-1", "node-10", "node-2", "node-3")
        yield StubNet(pytester, {name: stack.enter_context(StubNode(name)) for name in names})
