"""Four reference nodes on four machines, and an operator who looks at them with the real command.

node-1 runs on the operator's own machine (``local``), node-2 behind a real sshd with keys, node-3 in a container of a
docker engine of the network's own, node-4 on a machine to which the operator has no access (``none``). Each has a
network address of its own, its limits by address on, and the manual's ports.

    with ProofNetwork(folder) as network:
        seen = network.look()
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from prowl.checks.selftest import network_image as image
from prowl.checks.selftest.network_inventory import NAMES, Inventory, inventory
from prowl.checks.selftest.network_machines import CONFIG, Machine
from prowl.checks.selftest.network_nodes import DockerNode, PlainNode, ProofNode, SshNode
from prowl.fixtures.cleanup.guard import release
from prowl.fixtures.cleanup.ledger import Ledger, settle
from prowl.fixtures.cleanup.undo import CGROUPS, Cgroup, Netns
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.netns import Namespaces
from prowl.fixtures.clusters.processes import Register, reap
from prowl.fixtures.clusters.spec import ClusterSpec, configuration
from prowl.fixtures.waiting import wait_until

LIMIT_SECONDS = 90.0
LOOK_SECONDS = 240.0
ANSWER_SECONDS = 2.0
PORTS = {"rpcPort": 18780, "wsPort": 18781, "p2pPort": 19780, "wirePort": 19781, "ipfsPort": 5001}
CRON = """0 */6 * * * root /opt/coc/scripts/backup-node.sh /srv/data /srv/backups >> /var/log/coc/backup.log 2>&1
0 1 * * * root find /srv/backups -name "coc-backup-*.tar.gz" -mtime +7 -delete
"""
Place = tuple[str, str | None]
"""An item, and the node (None: the network)."""


@dataclass(frozen=True)
class Seen:
    """What a run of the command reported."""

    code: int
    output: str
    report: Mapping[str, Any]

    @property
    def verdicts(self) -> dict[Place, str]:
        """Return the verdict of each item and node."""
        return {(row["item"], row["node"]): row["verdict"] for row in self.report["results"]}

    @property
    def not_asked(self) -> dict[Place, str]:
        """Return why an item was not asked of a node."""
        return {(row["item"], row["node"]): row["reason"] for row in self.report["not_asked"]}

    def told(self, verdict: str) -> dict[Place, str]:
        """Return what was observed for each result with that verdict."""
        return {
            (row["item"], row["node"]): row["observed"] for row in self.report["results"] if row["verdict"] == verdict
        }


class ProofNetwork:
    """The network, below a folder."""

    def __init__(self, folder: Path) -> None:
        lacking = image.missing()
        assert not lacking, f"The proof network can't be had on this machine: {lacking}."
        self.folder = folder.resolve()
        self.operator = self.folder / "operator"
        self.nodes: dict[str, ProofNode] = {}
        self.ledger = Ledger(self.folder)
        self.namespaces = Namespaces(self.ledger.tag, NAMES)
        self._looks = 0

    def __enter__(self) -> ProofNetwork:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        faults = self._end()
        assert not faults, faults

    # -- making it ---------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.operator.mkdir(parents=True)
        self.register = Register(self.folder)
        self.ledger.owe("network namespaces", NAMES, [Netns(name) for name in self.namespaces.names])
        self.namespaces.create()
        self.hosts = {name: self.namespaces.place(name).host for name in NAMES}
        self.cgroup = f"prowl-{self.ledger.tag}"
        groups = [CGROUPS / self.cgroup, *(each / self.cgroup for each in CGROUPS.iterdir() if each.is_dir())]
        self.ledger.owe("cgroups of the docker engine", NAMES, [Cgroup(str(group)) for group in groups])
        self.archive = image.system()
        system = self.folder / "system"
        system.mkdir()
        subprocess.run(["tar", "-C", system, "-xf", self.archive], check=True, timeout=image.MAKE_SECONDS)
        self.libraries = {
            "now": image.installation(self.folder / "now"),
            "next": image.installation(self.folder / "next", version="99.0"),
        }
        self.nodes = {name: self._node(name, system) for name in NAMES}
        for node in self.nodes.values():
            node.machine.start()
            self._lay_out(node)
            node.serve()
        for node in self.nodes.values():
            node.start()
        self.await_ready(*NAMES)
        self._write_rules()
        self.back_up(*NAMES)

    def _node(self, name: str, system: Path) -> ProofNode:
        kinds: dict[str, type[ProofNode]] = {"node-2": SshNode, "node-3": DockerNode}
        own = name in ("node-2", "node-4")
        shared = {
            f"/opt/{which}-{number}": path
            for which, paths in self.libraries.items()
            for number, path in enumerate(paths)
        }
        machine = Machine(
            self.register,
            name,
            self.folder / name,
            self.namespaces.name_of(name),
            system if own else None,
            shared if own else {},
        )
        return kinds.get(name, PlainNode)(
            machine, self.hosts[name], development_key(NAMES.index(name)), self.libraries, self.archive, self.cgroup
        )

    def _lay_out(self, node: ProofNode) -> None:
        """Write a node's configuration and its machine's crontab."""
        addresses = {name: development_key(number).address for number, name in enumerate(NAMES)}
        config = configuration(
            ClusterSpec(len(NAMES)),
            node.name,
            data_dir=Path("/srv/data"),
            addresses=addresses,
            ports=PORTS,
            peers={name: f"http://{host}:{PORTS['p2pPort']}" for name, host in self.hosts.items() if name != node.name},
        )
        node.config.write_text(json.dumps(config, indent=1))
        node.cron.write_text(CRON)
        node.vouch()

    def _write_rules(self) -> None:
        five = subprocess.run(
            [sys.executable, "-m", "prowl.chaos.commands.cli", "alerts"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        self.rules.write_text(five.stdout)

    @property
    def rules(self) -> Path:
        """Return the operator's file of alert rules."""
        return self.operator / "rules.yml"

    def await_ready(self, *names: str, above: int = 1) -> None:
        """Wait until nodes answer at a height above one."""
        heights = {name: self.height(name) for name in names}
        ready = wait_until(lambda: all((self.height(name) or 0) > above for name in names), LIMIT_SECONDS, 0.2)
        logs = {name: self.nodes[name].last_lines() for name in names}
        assert ready, f"{heights} above {above} were waited for, now {[self.height(n) for n in names]}: {logs}"

    def height(self, name: str) -> int | None:
        """Return a node's height, by its metrics page (which no limit counts)."""
        try:
            page = httpx.get(f"http://{self.hosts[name]}:9100/metrics", timeout=ANSWER_SECONDS).text
            return int(float(page.split("\ncoc_block_height ")[1].split("\n")[0]))
        except (httpx.HTTPError, IndexError, ValueError):
            return None

    def back_up(self, *names: str, torn: bool = False) -> None:
        """Take two backups of each node, some blocks apart, as its cron job would."""
        for _time in range(2):
            for name in names:
                self.nodes[name].back_up(torn=torn)
            high = max(self.height(name) or 0 for name in names)
            self.await_ready(*names, above=high + 3)

    @property
    def ssh(self) -> SshNode:
        """Return the node that is reached by ssh."""
        node = self.nodes["node-2"]
        assert isinstance(node, SshNode)
        return node

    @property
    def docker(self) -> DockerNode:
        """Return the node that is reached by docker."""
        node = self.nodes["node-3"]
        assert isinstance(node, DockerNode)
        return node

    # -- looking at it -----------------------------------------------------------------------------------------------

    def inventory(self) -> Inventory:
        """Return the inventory as the operator has it."""
        made = inventory(self.hosts, {name: node.access() for name, node in self.nodes.items()})
        made.nodes["node-1"]["config"] = CONFIG  # of the others it is found by their processes
        return made

    def look(
        self,
        *words: str,
        using: Inventory | None = None,
        target: str = "testnet.toml",
        environment: Mapping[str, str] | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Seen:
        """Run ``prowl run`` on the operator's machine, and return what it reported.

        Each look comes from an address of its own: a node counts requests by address, and one operator does not look
        a hundred times in ten minutes.
        """
        self._move()
        (self.operator / "testnet.toml").write_text((using or self.inventory()).text())
        env = {**self.operators_environment(), **(environment or {})}
        line = ["sh", "-c", 'cd "$0" && exec "$@"', str(self.operator)]
        line += ["env", *(f"{key}={value}" for key, value in env.items())]
        line += [sys.executable, "-m", "prowl.chaos.commands.cli", "run", f"--target={target}", "-q", *words]
        before = self._runs()

        def once_begun() -> None:
            if wait_until(lambda: self._runs() - before, LIMIT_SECONDS):
                meanwhile()

        beside = threading.Thread(target=once_begun)
        beside.start()
        done = self.nodes["node-1"].machine.run(*line, timeout_seconds=LOOK_SECONDS)
        beside.join(LIMIT_SECONDS)
        new = self._runs() - before
        output = done.stdout + done.stderr
        assert new, f"the command left no run folder (exit code {done.returncode}): {output[-3000:]}"
        report = json.loads((new.pop() / "report.json").read_text())
        return Seen(done.returncode, output, report)

    def _runs(self) -> set[Path]:
        return set(self.operator.glob(".prowl/runs/*"))

    def operators_environment(self) -> dict[str, str]:
        """Return what the operator's shell has beside the usual."""
        return {"DOCKER_HOST": f"unix://{self.nodes['node-3'].machine.folder}/docker.sock"}

    def _move(self) -> None:
        """Let the operator's machine speak from another of its addresses."""
        self._looks += 1
        own = self.hosts["node-1"]
        net = own.rpartition(".")[0]
        other = f"{net}.{20 + self._looks % 200}"
        where = ["ip", "-n", self.namespaces.name_of("node-1")]
        for words in (
            ["address", "replace", f"{other}/32", "dev", "eth0"],
            ["route", "replace", f"{net}.0/24", "dev", "eth0", "src", other],
            ["route", "replace", "local", own, "dev", "eth0", "table", "local", "src", other],
        ):
            subprocess.run([*where, *words], check=True, timeout=10)

    # -- its end -----------------------------------------------------------------------------------------------------

    def _end(self) -> list[str]:
        """End everything; return what could not be."""
        for node in self.nodes.values():
            node.end()
        reap(self.folder)
        faults = [*settle(self.folder, before_processes=True, by="the proof's end")]
        faults += settle(self.folder, before_processes=False, by="the proof's end")
        self.namespaces.close()
        subprocess.run(
            ["rm", "-rf", "--one-file-system", self.folder / "system", self.folder / "node-3" / "docker"],
            check=True,
            timeout=60,
        )
        left = [line for line in faults if "NOT UNDONE" in line]
        if not left:
            release(self.folder)
        return left
