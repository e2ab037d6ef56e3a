"""A whole cluster of nodes in namespaces of their own: faults, the limits by address, and that all of it is reaped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.fault import Fault
from prowl.chaos.engine.leak_probe import leaks
from prowl.chaos.engine.prune import needed
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.latency import Latency
from prowl.chaos.faults.pause import Pause
from prowl.chaos.scenarios import SCENARIOS
from prowl.chaos.selftest.triples import prove_triple
from prowl.fixtures.cleanup.undo import NOT_UNDONE
from prowl.fixtures.clusters.addresses import address_of
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.layout import CALLS_PER_MINUTE
from prowl.fixtures.clusters.netns import NAMED, unavailable
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.waiting import wait_until

LIMIT = 10.0  # within which a watchdog promises to have cleared all
BLOCKS = 5
BLOCKS_SECONDS = 60.0
RUN_SECONDS = 400.0
OWNER = """
import sys
from pathlib import Path
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
cluster = EmbeddedCluster(ClusterSpec(3, netns=True), Path(sys.argv[1]))
cluster.start()
print(cluster.ledger.tag, flush=True)
sys.stdin.readline()
"""
CASES: list[tuple[Fault, tuple[str, ...]]] = [
    (Crash(), ("node-2",)),
    (Pause(), ("node-3",)),
    (Latency(), ("node-2",)),
    *((Cut(cut.split, mode), ("node-1", "node-2")) for mode in Mode),
    *((Cut(cut.isolate, mode), ("node-4",)) for mode in Mode),
]


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    reason = unavailable()
    assert reason is None, f"this proof needs namespaces: {reason}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """A cluster that each test leaves as it found it."""
    with EmbeddedCluster(ClusterSpec(4, netns=True), tmp_path_factory.mktemp("apart")) as cluster:
        cluster.start()
        yield cluster


@pytest.mark.parametrize(("fault", "nodes"), CASES, ids=repr)
def test_triple(cluster: EmbeddedCluster, fault: Fault, nodes: tuple[str, ...]) -> None:
    prove_triple(fault, cluster, nodes)


def test_no_node_goes_around_its_proxies(cluster: EmbeddedCluster) -> None:
    assert leaks(cluster) == []


def height(cluster: EmbeddedCluster) -> int | None:
    """Return node-2's height; None where it does not tell it."""
    connection = http.client.HTTPConnection(*address_of(cluster.node("node-2").rpc), timeout=LIMIT)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return int(answer["result"], 16) if "result" in answer else None


def test_who_asks_too_much_is_refused_at_its_own_address_and_the_network_goes_on(cluster: EmbeddedCluster) -> None:
    before = height(cluster)
    assert before is not None
    connection = http.client.HTTPConnection(*address_of(cluster.node("node-1").rpc), timeout=LIMIT)
    statuses = []
    for number in range(int(CALLS_PER_MINUTE) + 1):
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "eth_chainId", "params": []})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert statuses[0] == 200
    assert statuses[-1] == 429
    target = before + BLOCKS
    assert wait_until(lambda: (height(cluster) or 0) >= target, BLOCKS_SECONDS, 1.0)
    assert leaks(cluster) == []


def test_a_scenario_is_held_with_observer_and_load_below_the_limits(tmp_path: Path) -> None:
    crash = next(scenario for scenario in SCENARIOS if scenario.name == "minority-crash")
    said: list[str] = []
    outcome = runner.play(crash, ClusterSpec(4, netns=True), tmp_path, 1, said.append)
    assert outcome.verdict.value == "held", (outcome, said)
    refused = '"why": "its rate limit refused the observer"'
    assert refused not in (tmp_path / "timeline.jsonl").read_text(encoding="utf-8")


def test_a_run_ends_with_nothing_left_to_undo(tmp_path: Path) -> None:
    """The debts of the namespaces are settled once, by the run's own end."""
    prowl = [sys.executable, "-m", "prowl.chaos.commands.cli"]
    words = ["run", "--target", "embedded", "--chaos", "--netns", "-k", "minority-crash"]
    run = subprocess.run(
        [*prowl, *words], cwd=tmp_path, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    assert run.returncode == 0, run.stdout
    assert NOT_UNDONE not in run.stdout
    heal = subprocess.run([*prowl, "heal"], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert (heal.returncode, heal.stdout.startswith("Nothing is to heal")) == (0, True), heal.stdout
    (folder,) = tmp_path.glob(".prowl/runs/*")
    assert not needed(folder), "so that it is deleted in its turn"


def test_what_a_killed_run_leaves_is_gone_soon(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    tag = owner.stdout.readline().strip()
    left = [*NAMED.glob(f"prowl-{tag}-*"), *Path("/sys/class/net").glob(f"pw{tag}")]
    assert len(left) == 5
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(LIMIT)
    killed = time.monotonic()
    assert wait_until(lambda: not any(path.exists() for path in left), LIMIT), left
    assert time.monotonic() - killed < LIMIT
