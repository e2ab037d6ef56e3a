"""How each item is blinded on the proof network: it is then unknown or not asked, and nothing is broken for it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from prowl.checks.selftest.network_inventory import NAMES, Inventory
from prowl.checks.selftest.network_kit import LIMIT_SECONDS, ProofNetwork
from prowl.checks.selftest.network_machines import inner
from prowl.checks.selftest.network_plants import (
    Looking,
    Plant,
    restarted,
    stopped,
    with_inventory,
    with_shell,
)
from prowl.fixtures.waiting import wait_until

ON_HOST = (
    "daily/disk",
    "backup/manual",
    "backup/name",
    "backup/every-six-hours",
    "backup/seven-days",
    "backup/cron",
    "backup/height",
    "backup/space",
    "truth/memory",
    "tuning/cache",
    "tuning/p2p",
    "tuning/descriptors",
    "tuning/swap",
    "tuning/unsafe-switches",
)
OF_METRICS = (
    "daily/consensus",
    "daily/peers",
    "daily/memory",
    "truth/height",
    "truth/consensus",
    "truth/peers",
    "validators/equivocations",
)
OF_RPC = (
    "daily/block-height",
    "truth/height",
    "truth/lag",
    "truth/consensus",
    "truth/health",
    "recovery/health-endpoints",
)
OF_ALL_RPC = (
    "truth/pace",
    "truth/same-chain",
    "validators/set",
    "validators/versions",
    "validators/chain-id",
    "validators/rotation",
    "validators/stamps",
)
OF_PROMETHEUS = (*OF_ALL_RPC, "validators/quorum", "validators/clocks", "validators/stakes")
RULES = ("node-down", "consensus-degraded", "high-memory", "no-new-blocks", "low-peers", "metrics", "syntax", "firing")
ALERTS = tuple(f"alerts/{name}" for name in RULES)
NETWORK = (None,)
EVERYWHERE: tuple[str | None, ...] = NAMES
NOTHING_TO_BLIND = {"truth/topology": "it counts the validators that the inventory itself names"}


@dataclass(frozen=True)
class Blind:
    """What is taken from the operator, which items of which nodes he is then blind for, and in what words (a part)."""

    name: str
    plant: Plant
    items: tuple[str, ...]
    on: tuple[str | None, ...]
    words: tuple[str, ...] = ()
    says: str = ""
    verdict: str = "unknown"
    lost: tuple[str | None, ...] = ()
    """Nodes (None: the network) whose other items may be unknown, too, or not held for want of this one."""


# -- what is done ------------------------------------------------------------------------------------------------------


def no_hosts(inventory: Inventory) -> None:
    for node in inventory.nodes.values():
        for key in ("data_dir", "backup_dir", "config"):
            node.pop(key, None)
        node["host"] = {"kind": "none", "reason": "no key yet"}


def no_metrics(inventory: Inventory) -> None:
    inventory.nodes["node-4"]["metrics"] = inventory.nodes["node-4"]["metrics"].replace(":9100", ":9101")


def no_metrics_anywhere(inventory: Inventory) -> None:
    for node in inventory.nodes.values():
        node["metrics"] = node["metrics"].replace(":9100", ":9101")


def no_rpc(inventory: Inventory) -> None:
    inventory.nodes["node-1"]["rpc"] = inventory.nodes["node-1"]["rpc"].replace(":18780", ":18799")


def no_rpc_anywhere(inventory: Inventory) -> None:
    for node in inventory.nodes.values():
        node["rpc"] = node["rpc"].replace(":18780", ":18799")


def no_rules(inventory: Inventory) -> None:
    del inventory.network["alert_rules"]


def no_backups(inventory: Inventory) -> None:
    inventory.nodes["node-1"]["backup_dir"] = "/srv/elsewhere"


@contextmanager
def rules_are_garbage(network: ProofNetwork) -> Iterator[Looking]:
    before = network.rules.read_text()
    network.rules.write_text("groups: [\n")
    try:
        yield Looking()
    finally:
        network.rules.write_text(before)


@contextmanager
def no_sshd(network: ProofNetwork) -> Iterator[Looking]:
    node = network.ssh
    node.refuse()
    try:
        yield Looking()
    finally:
        node.admit()


@contextmanager
def asks_for_a_password(network: ProofNetwork) -> Iterator[Looking]:
    node = network.ssh
    node.admit("PasswordAuthentication yes", "PubkeyAuthentication no", "UsePAM no")
    try:
        yield Looking()
    finally:
        node.admit()


@contextmanager
def another_host_key(network: ProofNetwork) -> Iterator[Looking]:
    listed = network.ssh.folder / "known_hosts"
    before = listed.read_text()
    address, kind, _key = before.split()
    listed.write_text(f"{address} {kind} {(network.ssh.folder / 'other-key.pub').read_text().split()[1]}\n")
    try:
        yield Looking()
    finally:
        listed.write_text(before)


@contextmanager
def without_promtool(network: ProofNetwork) -> Iterator[Looking]:
    programs = network.operator / "programs"
    programs.mkdir()
    for folder in reversed([Path(each) for each in os.environ["PATH"].split(":") if Path(each).is_dir()]):
        for path in folder.iterdir():
            (programs / path.name).unlink(missing_ok=True)
            (programs / path.name).symlink_to(path)
    (programs / "promtool").unlink()
    yield Looking(environment={"PATH": str(programs)})


def another_user_key(inventory: Inventory) -> None:
    host = inventory.nodes["node-2"]["host"]
    host["identity_file"] = host["identity_file"].replace("/key", "/other-key")


def a_user_without_rights(inventory: Inventory) -> None:
    inventory.nodes["node-2"]["host"]["user"] = "watcher"


def another_container(inventory: Inventory) -> None:
    inventory.nodes["node-3"]["host"]["container"] = "coc-node-9"


@contextmanager
def container_paused(network: ProofNetwork) -> Iterator[Looking]:
    network.docker.docker("pause", network.docker.container)
    try:
        yield Looking()
    finally:
        network.docker.docker("unpause", network.docker.container)


@contextmanager
def through_prometheus(network: ProofNetwork) -> Iterator[Looking]:
    """Let a Prometheus of the operator's scrape the nodes, and be all that he has."""
    machine, host = network.nodes["node-1"].machine, network.hosts["node-1"]
    config = machine.folder / "prometheus.json"
    jobs = [{"job_name": "coc", "static_configs": [{"targets": [f"{each}:9100" for each in network.hosts.values()]}]}]
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    words = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={machine.folder}/tsdb"]
    process = machine.spawn("prometheus", [*words, f"--web.listen-address={host}:9090"], dict(os.environ))
    query = {"query": "count_over_time(coc_block_height[1m])"}

    def watches() -> bool:
        with suppress(httpx.HTTPError):
            rows = httpx.get(f"http://{host}:9090/api/v1/query", params=query, timeout=2).json()["data"]["result"]
            return len(rows) == len(NAMES) and all(float(row["value"][1]) > 5 for row in rows)
        return False

    try:
        assert wait_until(watches, LIMIT_SECONDS, 0.5), process.last_lines()
        yield Looking(target=f"prometheus:http://{host}:9090")
    finally:
        os.kill(inner(process).pid, signal.SIGTERM)
        process.wait(LIMIT_SECONDS)


NO_ENGINE = with_shell(DOCKER_HOST="unix:///nonexistent/docker.sock")
SSH, DOCKER, FOUR, ONE = ("node-2",), ("node-3",), ("node-4",), ("node-1",)
LATE = ("--gate",)

BLIND = (
    Blind("no sshd", no_sshd, ON_HOST, SSH, says="onnection refused", lost=NETWORK),
    Blind(
        "an ssh that asks for a password",
        asks_for_a_password,
        ON_HOST,
        SSH,
        says="never types a password",
        lost=NETWORK,
    ),
    Blind("a changed host key", another_host_key, ON_HOST, SSH, says="known_hosts", lost=NETWORK),
    Blind("another key", with_inventory(another_user_key), ON_HOST, SSH, says="Permission denied", lost=NETWORK),
    Blind("one host of three", no_sshd, ("validators/clocks", "validators/stakes"), NETWORK, says="node-2", lost=SSH),
    Blind(
        "a user without rights",
        with_inventory(a_user_without_rights),
        ("tuning/descriptors", "tuning/unsafe-switches", "truth/memory", "backup/manual"),
        SSH,
        lost=(*SSH, *NETWORK),
    ),
    Blind("no docker engine", NO_ENGINE, ON_HOST, DOCKER, says="docker", lost=NETWORK),
    Blind("no such container", with_inventory(another_container), ON_HOST, DOCKER, says="coc-node-9", lost=NETWORK),
    Blind("a container that is paused", container_paused, ON_HOST, DOCKER, says="paused", lost=(*EVERYWHERE, *NETWORK)),
    Blind("a container that is stopped", stopped(*DOCKER), ON_HOST, DOCKER, lost=(*EVERYWHERE, *NETWORK)),
    Blind("no hosts", with_inventory(no_hosts), ON_HOST, EVERYWHERE, says="no key yet", verdict="not asked"),
    Blind("no host's configuration", with_inventory(no_hosts), ("validators/stakes",), NETWORK, verdict="not asked"),
    Blind("no metrics page", with_inventory(no_metrics), OF_METRICS, FOUR, lost=(*FOUR,)),
    Blind("no state on the page", restarted("node-4", "state-missing"), ("daily/consensus", "truth/consensus"), FOUR),
    Blind("no peers on the page", restarted("node-4", "peers-missing"), ("daily/peers", "truth/peers"), FOUR),
    Blind("no memory on the page", restarted("node-4", "memory-missing"), ("daily/memory",), FOUR),
    Blind("no RPC", with_inventory(no_rpc), (*OF_RPC, "backup/height"), ONE, lost=(*ONE, *NETWORK)),
    Blind("no RPC anywhere", with_inventory(no_rpc_anywhere), OF_ALL_RPC, NETWORK, lost=(*EVERYWHERE, *NETWORK)),
    Blind("a Prometheus alone", through_prometheus, OF_PROMETHEUS, NETWORK, verdict="not asked"),
    Blind("a Prometheus alone, before", through_prometheus, ("gate/spare-quorum",), NETWORK, LATE, verdict="not asked"),
    Blind("no alert rules", with_inventory(no_rules), ALERTS, NETWORK, verdict="not asked"),
    Blind("rules that can't be read", rules_are_garbage, ALERTS[:6], NETWORK, lost=NETWORK),
    Blind(
        "no promtool",
        without_promtool,
        ALERTS[6:],
        NETWORK,
        verdict="not asked",
        says="promtool",
    ),
    Blind("no backups", with_inventory(no_backups), ("backup/restore",), ONE, ("--drill",), lost=ONE),
    Blind("no earlier run", with_inventory(lambda _its: None), ("truth/growth",), EVERYWHERE, verdict="not asked"),
    Blind("no node", stopped(*FOUR), ("gate/answers", "gate/mempool"), FOUR, LATE, lost=(*EVERYWHERE, *NETWORK)),
    Blind(
        "no RPC before an upgrade",
        with_inventory(no_rpc_anywhere),
        ("gate/tip-spread", "gate/head-age"),
        NETWORK,
        LATE,
        lost=(*EVERYWHERE, *NETWORK),
    ),
)
