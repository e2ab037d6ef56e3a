"""What a whole run really sends and runs, as those record it who get it: proxies, an sshd, a docker engine, a shell.

The run is the operator's, of every check, with ``--drill`` and with ``--gate``, on the proof network. Every request is
a listed one, every command is one of the list, and of what lies on the hosts nothing is changed. Long:
``tox -e proof -- checks/selftest/proof_network_recorded.py``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from prowl.checks.selftest.network_inventory import NAMES
from prowl.checks.selftest.network_kit import ProofNetwork, Seen
from prowl.checks.selftest.network_nodes import KEYS_ONLY
from prowl.fixtures.clients.readonly import METHODS, REQUESTS_PER_MINUTE
from prowl.fixtures.hosts.commands import COMMANDS
from prowl.fixtures.selftest.host_kit import demand_reading, name_of, steps_of
from prowl.fixtures.selftest.recorder import Asked, Recorder

PORTS = {"rpc": 18780, "metrics": 9100, "p2p": 19780}
FIRST_ADDRESS = 240
COMMAND_SECONDS = 20
RECORDING_SSH = """#!/bin/sh
printf '%s\\0' "$SSH_ORIGINAL_COMMAND" >>/var/log/recorded
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""
RECORDING_SHELL = """#!/bin/sh
printf '%s\\0' "$2" >>{file}
exec /bin/sh "$@"
"""
OURS = ("recorded", "sshd.pid", "proof")  # the proof's own record, and the files of its sshd's start
COMPLAINT = re.compile(r'"level":"(warn|error)"|Traceback')


@dataclass
class Recorded:
    """What was recorded of a run: requests by node, scripts by node, and the shells that the local one has started."""

    seen: Seen
    requests: dict[str, list[Asked]]
    scripts: dict[str, list[str]]
    shells: list[str]
    changed: list[str]
    complaints: list[str]
    seconds: float
    engine: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProofNetwork]:
    with ProofNetwork(tmp_path_factory.mktemp("network")) as network:
        yield network


@contextmanager
def proxies(network: ProofNetwork) -> Iterator[dict[str, list[Recorder]]]:
    """Stand before every address of every node, at the node's own ports and an address of this machine's."""
    link, net = network.namespaces.machine_link, network.hosts["node-1"].rpartition(".")[0]
    with ExitStack() as stack:
        found: dict[str, list[Recorder]] = {}
        for number, name in enumerate(NAMES):
            here, there = f"{net}.{FIRST_ADDRESS + number}", network.hosts[name]
            subprocess.run(["ip", "address", "add", f"{here}/24", "dev", link], check=True, timeout=COMMAND_SECONDS)
            found[name] = [
                stack.enter_context(Recorder(f"http://{there}:{port}", here, port)) for port in PORTS.values()
            ]
        try:
            yield found
        finally:
            for number in range(len(NAMES)):
                words = ["ip", "address", "del", f"{net}.{FIRST_ADDRESS + number}/24", "dev", link]
                subprocess.run(words, check=True, timeout=COMMAND_SECONDS)


def files_of(network: ProofNetwork) -> dict[str, tuple[float, bytes]]:
    """Return what lies on the hosts and is not the nodes' to change: backups, configuration, crontab, the system."""
    found: dict[str, tuple[float, bytes]] = {}
    for name in ("node-1", "node-2", "node-3"):
        node = network.nodes[name]
        for path in (*node.backups.rglob("*"), node.config, node.cron):
            found[f"{name} {path.name}"] = (path.stat().st_mtime, path.read_bytes())
    for path in (network.ssh.machine.folder / "upper").rglob("*"):
        if path.is_file() and path.name not in OURS:
            found[f"node-2's system {path}"] = (path.stat().st_mtime, path.read_bytes())
    layer = network.docker.docker("diff", network.docker.container).stdout.splitlines()
    return {**found, **{f"node-3's layer: {change}": (0.0, b"") for change in layer}}


def logs_of(network: ProofNetwork) -> dict[str, str]:
    logs = {name: (network.nodes[name].machine.folder / "node.log") for name in NAMES if name != "node-3"}
    return {
        **{name: path.read_text() for name, path in logs.items()},
        "node-3": network.docker.docker("logs", network.docker.container).stdout,
    }


def recorded(network: ProofNetwork, *words: str) -> Recorded:
    """Look through the proxies, and return what they and the hosts recorded."""
    shell = network.nodes["node-1"].machine.folder / "shell"
    shell.mkdir(exist_ok=True)
    log = shell / "recorded"
    log.write_bytes(b"")
    (shell / "sh").write_text(RECORDING_SHELL.format(file=shlex.quote(str(log))))
    (shell / "sh").chmod(0o755)
    value = network.ssh.machine
    value.path("/usr/local/bin/recorded").write_text(RECORDING_SSH)
    value.path("/usr/local/bin/recorded").chmod(0o755)
    value.path("/var/log/recorded").write_bytes(b"")
    network.ssh.admit(*KEYS_ONLY, "ForceCommand /usr/local/bin/recorded")
    inventory = network.inventory()
    try:
        with proxies(network) as recorders:
            for name, (rpc, metrics, p2p) in recorders.items():
                inventory.nodes[name] |= {"rpc": rpc.url, "metrics": f"{metrics.url}/metrics", "p2p": p2p.url}
            files, logs, began = files_of(network), logs_of(network), time.time()
            path = f"{shell}:{os.environ['PATH']}"
            seen = network.look(*words, using=inventory, environment={"PATH": path})
            ended = time.time()
            asked = {name: [each for value in rows for each in value.asked] for name, rows in recorders.items()}
    finally:
        network.ssh.admit()
    after = files_of(network)
    changed = [name for name in {*files, *after} if files.get(name) != after.get(name)]
    complaints = [
        line
        for name, text in logs_of(network).items()
        for line in text.removeprefix(logs[name]).splitlines()
        if COMPLAINT.search(line)
    ]
    shells = [text for text in log.read_text().split("\0") if text]
    engine = _events(network, began, ended)
    own = [shlex.split(text) for text in value.path("/var/log/recorded").read_text().split("\0") if text]
    assert all(words[:2] == ["sh", "-c"] and len(words) == 3 for words in own), own
    scripts = {
        "node-1": [text for text in shells if name_of(text) is None],
        "node-2": [words[2] for words in own],
        "node-3": [text.removeprefix("exec_create: sh -c ") for text in engine if text.startswith("exec_create: ")],
    }
    kinds = Counter(text.partition(":")[0] for text in engine)
    return Recorded(seen, asked, scripts, shells, changed, complaints, ended - began, kinds)


def _events(network: ProofNetwork, began: float, ended: float) -> list[str]:
    """Return what the engine says was done, to whatever."""
    words = ("events", "--since", f"{began:.6f}", "--until", f"{ended:.6f}", "--format", "{{json .}}")
    rows = (json.loads(line) for line in network.docker.docker(*words).stdout.splitlines())
    return [str(row["Action"]) for row in rows]


@pytest.fixture(scope="module", params=[("run", "--drill"), ("gate", "--gate")], ids=lambda param: param[0])
def run(network: ProofNetwork, request: pytest.FixtureRequest) -> Recorded:
    found = recorded(network, *request.param[1:])
    for name, scripts in found.scripts.items():
        print(name, len(found.requests[name]), "requests,", len(scripts), "sessions", Counter(_names(scripts)))
    print(f"{found.seconds:.1f} s; the engine: {dict(found.engine)}; {found.seen.report['totals']}")
    return found


def _names(scripts: list[str]) -> list[str | None]:
    return [name_of(text) for script in scripts for text in steps_of(script)]


def test_the_recorded_run_is_a_whole_one(run: Recorded) -> None:
    broken = {place for place in run.seen.told("broken") if place[0] != "tuning/descriptors"}
    assert (broken, run.seen.told("unknown")) == (set(), {})
    assert len(run.seen.verdicts) > 40


def test_only_listed_requests_went_over_the_wire(run: Recorded) -> None:
    for name, requests in run.requests.items():
        lines = Counter(asked.line for asked in requests)
        assert set(lines) == {"POST /", "GET /metrics", "GET /health"}, (name, lines)
        methods = {method for asked in requests for method in asked.methods}
        assert methods <= METHODS, (name, methods - METHODS)
        assert "eth_blockNumber" in methods
        assert not any("authorization" in asked.headers for asked in requests)


def test_no_node_was_asked_too_often(run: Recorded) -> None:
    minutes = max(1.0, run.seconds / 60)
    for name, requests in run.requests.items():
        cost = sum(asked.cost for asked in requests)
        assert cost <= 3 * REQUESTS_PER_MINUTE * minutes, "its three addresses have a budget each"
        rpc = sum(asked.cost for asked in requests if asked.line == "POST /")
        assert rpc <= REQUESTS_PER_MINUTE * minutes, f"{name}: {rpc} calls in {run.seconds:.0f} s"


def test_every_command_that_ran_on_a_host_is_one_of_the_list(run: Recorded) -> None:
    for name, scripts in run.scripts.items():
        texts = [text for script in scripts for text in steps_of(script)]
        assert len(scripts) == 3, f"{name}: three sessions a look, no more: {len(scripts)}"
        for text in texts:
            assert name_of(text) is not None, text
            demand_reading(text)
        assert {"clock", "disk", "files", "archive", "config", "limits", "environment"} <= set(_names(scripts))
    assert set(run.engine) <= {"exec_create", "exec_start", "exec_die"}, run.engine


def test_a_session_starts_its_steps_and_no_other_shell(run: Recorded) -> None:
    steps = [text for script in run.scripts["node-1"] for text in steps_of(script)]
    inner = [text for text in run.shells if name_of(text) is not None]
    assert sorted(inner) == sorted(steps)
    assert {name_of(text) for text in inner} <= set(COMMANDS)


def test_nothing_on_the_hosts_was_changed_and_no_node_complained(run: Recorded) -> None:
    assert run.changed == []
    assert run.complaints == []


def test_the_recorders_would_have_seen_it(network: ProofNetwork) -> None:
    """The proof of the proof: what a hand on the same ways does is recorded, and is not taken for one of the list."""
    assert _read_back(network, network.ssh.access()) == ["touch /srv/backups/by-ssh"]
    began = time.time()
    network.docker.docker("exec", network.docker.container, "sh", "-c", "touch /srv/backups/by-docker")
    engine = [text for text in _events(network, began, time.time()) if text.startswith("exec_create")]
    assert [text.removeprefix("exec_create: sh -c ") for text in engine] == ["touch /srv/backups/by-docker"]
    files = files_of(network)
    assert {"node-2 by-ssh", "node-3 by-docker"} <= set(files)
    assert name_of("touch /srv/backups/by-docker") is None
    with pytest.raises(AssertionError):
        steps_of("touch /srv/backups/by-docker")
    for name, file in (("node-2", "by-ssh"), ("node-3", "by-docker")):
        Path(network.nodes[name].backups / file).unlink()


def _read_back(network: ProofNetwork, access: str | Mapping[str, object]) -> list[str]:
    assert not isinstance(access, str)
    network.ssh.machine.path("/var/log/recorded").write_bytes(b"")
    network.ssh.machine.path("/usr/local/bin/recorded").write_text(RECORDING_SSH)
    network.ssh.machine.path("/usr/local/bin/recorded").chmod(0o755)
    network.ssh.admit(*KEYS_ONLY, "ForceCommand /usr/local/bin/recorded")
    options = ["-o", f"UserKnownHostsFile={access['known_hosts']}", "-o", "BatchMode=yes"]
    words = ["ssh", "-i", str(access["identity_file"]), *options, f"root@{access['address']}"]
    subprocess.run([*words, "touch /srv/backups/by-ssh"], check=True, timeout=COMMAND_SECONDS)
    network.ssh.admit()
    return [text for text in network.ssh.machine.path("/var/log/recorded").read_text().split("\0") if text]
