"""What the rows of the proof do to the network, each undone at the end of its block, and the network at rest again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from prowl.checks.selftest.network_inventory import NAMES, Inventory
from prowl.checks.selftest.network_kit import ANSWER_SECONDS, LIMIT_SECONDS, ProofNetwork
from prowl.checks.selftest.network_machines import open_files
from prowl.checks.selftest.network_nodes import PlainNode, ProofNode
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.chain.transactions import sign_transfer
from prowl.fixtures.waiting import wait_until

SETTLED_BLOCKS = 5
SENDER = 9
GAS_PRICE_WEI = 3_000_000_000


@dataclass(frozen=True)
class Looking:
    """With what the operator looks: words of his command, another inventory or target, variables of his shell."""

    using: Inventory | None = None
    target: str = "testnet.toml"
    environment: Mapping[str, str] = field(default_factory=dict)
    meanwhile: Callable[[], None] = lambda: None
    """What happens once the run has begun."""


Plant = Callable[[ProofNetwork], AbstractContextManager[Looking]]
WELL = {"coc_consensus_state": 0.0, "coc_peers_connected": float(len(NAMES) - 1)}


def page(network: ProofNetwork, name: str) -> dict[str, float]:
    """Return the metrics of a node; {} if it does not answer."""
    try:
        text = httpx.get(f"http://{network.hosts[name]}:9100/metrics", timeout=ANSWER_SECONDS).text
    except httpx.HTTPError:
        return {}
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def at_rest(network: ProofNetwork) -> None:
    """Wait until every node is healthy, has all peers and makes blocks."""

    def well() -> bool:
        pages = [page(network, name) for name in NAMES]
        return all(each.get(key) == value for each in pages for key, value in WELL.items())

    assert wait_until(well, LIMIT_SECONDS, 0.3), {name: network.nodes[name].last_lines() for name in NAMES}
    network.await_ready(*NAMES, above=max(network.height(name) or 0 for name in NAMES) + 1)


def _others_go_on(network: ProofNetwork, *away: str) -> None:
    others = [name for name in NAMES if name not in away]
    network.await_ready(*others, above=max(network.height(name) or 0 for name in others) + SETTLED_BLOCKS)


def restarted(
    name: str, defect: str = "", environment: Mapping[str, str] | None = None, library: str = "now", quorum: bool = True
) -> Plant:
    """Start a node with a defect, other variables, or another version."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        node = network.nodes[name]
        node.stop()
        node.start(defect, environment, library)
        try:
            assert wait_until(lambda: page(network, name), LIMIT_SECONDS, 0.3), node.last_lines()
            if quorum:
                _others_go_on(network, name)
            yield Looking()
        finally:
            node.stop()
            node.start()
            at_rest(network)

    return plant


def stopped(*names: str, seconds: float = 0.0) -> Plant:
    """Stop nodes (with their containers), and look so many seconds later."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        for name in names:
            network.nodes[name].stop()
        try:
            _pass(seconds)
            yield Looking()
        finally:
            for name in names:
                network.nodes[name].start()
            at_rest(network)

    return plant


def paused(*names: str, seconds: float) -> Plant:
    """Pause nodes for so long, and let them go on while the operator looks."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        nodes = [node for node in network.nodes.values() if isinstance(node, PlainNode) and node.name in names]

        def resume() -> None:
            for node in nodes:
                node.resume()

        for node in nodes:
            node.pause()
        try:
            _pass(seconds)
            yield Looking(meanwhile=resume)
        finally:
            resume()
            at_rest(network)

    return plant


def _pass(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, seconds + 1, 0.5)


def on_hosts(change: Callable[[ProofNode], None], *names: str) -> Plant:
    """Change files of hosts: backups, crontab, configuration and memory file are put back as they were."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        with tempfile.TemporaryDirectory() as kept:
            nodes = [network.nodes[name] for name in names]
            for node in nodes:
                _keep(node, Path(kept) / node.name)
            try:
                for node in nodes:
                    change(node)
                yield Looking()
            finally:
                for node in nodes:
                    _put_back(node, Path(kept) / node.name)

    return plant


def _keep(node: ProofNode, kept: Path) -> None:
    shutil.copytree(node.backups, kept / "backups")
    for path in (node.config, node.cron, node.meminfo):
        shutil.copy2(path, kept / path.name)


def _put_back(node: ProofNode, kept: Path) -> None:
    for path in (*node.backups.iterdir(), node.data / "filler"):
        path.unlink(missing_ok=True)
    for path in (kept / "backups").iterdir():
        shutil.copy2(path, node.backups / path.name)
    for path in (node.config, node.cron, node.meminfo):
        path.write_bytes((kept / path.name).read_bytes())  # in place: what is mounted over another is this very file


def newest(node: ProofNode) -> Path:
    """Return the newest backup of a node."""
    return max(node.backups.glob("coc-backup-*.tar.gz"), key=lambda path: path.stat().st_mtime)


def aged(path: Path, hours: float) -> Path:
    """Let a file be as old as that."""
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def filled(folder: Path, part: float) -> None:
    """Fill a small file system to a part of it."""
    space = os.statvfs(folder)
    size = int(space.f_blocks * space.f_frsize * part) - (space.f_blocks - space.f_bfree) * space.f_frsize
    with (folder / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def few_files(*names: str) -> Plant:
    """Let the running nodes open few files only."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        try:
            for name in names:
                network.nodes[name].allow_files(1024)
            yield Looking()
        finally:
            for name in names:
                network.nodes[name].allow_files(open_files())

    return plant


def clock_off(name: str, seconds: int) -> Plant:
    """Let a host's clock be off for every program that is started there from now on."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        node = network.nodes[name]
        node.clock(seconds)
        try:
            yield Looking()
        finally:
            node.clock(0)

    return plant


def with_inventory(change: Callable[[Inventory], None], **variables: str) -> Plant:
    """Look with another inventory, and other variables; the network is as it was."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        made = network.inventory()
        change(made)
        yield Looking(using=made, environment=variables)

    return plant


def with_rules(old: str, new: str) -> Plant:
    """Look with another file of alert rules."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        before = network.rules.read_text()
        assert before.count(old) == 1, f"{old!r} stands there {before.count(old)} times"
        network.rules.write_text(before.replace(old, new))
        try:
            yield Looking()
        finally:
            network.rules.write_text(before)

    return plant


def torn_backups(name: str) -> Plant:
    """Take a backup that lacks the last blocks which its name promises."""
    return on_hosts(lambda node: node.back_up(torn=True), name)


def with_earlier_run(hours: float = 2.0) -> Plant:
    """Let the newest run of the operator's have been made so many hours ago."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        runs = network.operator / ".prowl" / "runs"
        last = json.loads(max(runs.glob("*/survey.json"), key=lambda path: path.stat().st_mtime).read_text())
        last["started"] -= hours * 3600
        for node in last["nodes"].values():
            for look in node["looks"]:
                look["at"] -= hours * 3600
        folder = runs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-earlier"  # the oldest are pruned
        folder.mkdir()
        (folder / "survey.json").write_text(json.dumps(last))
        try:
            yield Looking()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return plant


def mempool_full(count: int) -> Plant:
    """Send transfers to node-1, whose limits are off for it, in a network that makes no blocks."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        free = restarted("node-1", environment={"COC_RPC_RATE_LIMIT_DISABLED": "1"})
        with free(network), stopped("node-2", "node-4", seconds=3)(network) as looking:
            key = PrivateKey.from_hex(development_key(SENDER).private)
            for nonce in range(count):
                raw = sign_transfer(key, nonce, development_key(0).address, 1, GAS_PRICE_WEI, CHAIN_ID)
                asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]}
                answer = httpx.post(f"http://{network.hosts['node-1']}:18780", json=asked, timeout=ANSWER_SECONDS)
                assert "result" in answer.json(), answer.text
            yield looking

    return plant


def both(*plants: Plant) -> Plant:
    """Do several things; the operator looks with what the last of them says."""

    @contextmanager
    def plant(network: ProofNetwork) -> Iterator[Looking]:
        if len(plants) == 1:
            with plants[0](network) as looking:
                yield looking
            return
        with plants[0](network), both(*plants[1:])(network) as looking:
            yield looking

    return plant


def with_shell(**variables: str) -> Plant:
    """Look from a shell with other variables."""

    @contextmanager
    def plant(_network: ProofNetwork) -> Iterator[Looking]:
        yield Looking(environment=variables)

    return plant
