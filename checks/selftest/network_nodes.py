"""The nodes of the proof network: each starts, stops and shows its host in the way of its machine's kind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prowl.checks.selftest.network_image import program
from prowl.checks.selftest.network_machines import (
    BACKUPS,
    COMMAND_SECONDS,
    CONFIG,
    DATA,
    PATH,
    PRELOADED,
    Machine,
    inner,
    open_files,
)
from prowl.fixtures.clusters.keys import DevelopmentKey
from prowl.fixtures.clusters.processes import Process
from prowl.fixtures.clusters.spec import CHAIN_ID
from prowl.fixtures.reference.consensus.witness import vouch
from prowl.fixtures.waiting import wait_until

ENGINE_SECONDS = 60.0
KEYS_ONLY = ("PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no")
MADE = """
import sys
from pathlib import Path
from prowl.fixtures.reference.storage.backup import backup
from prowl.fixtures.reference.defects.catalogue import plant
print(backup(Path(sys.argv[1]), Path(sys.argv[2]), packed=plant(sys.argv[3] or None).packed))
"""


@dataclass
class ProofNode:
    """A node on its machine."""

    machine: Machine
    host: str
    key: DevelopmentKey
    libraries: Mapping[str, Sequence[Path]]
    archive: Path
    cgroup: str
    process: Process | None = None

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def config(self) -> Path:
        return self.machine.path(CONFIG)

    @property
    def data(self) -> Path:
        return self.machine.path(DATA)

    @property
    def backups(self) -> Path:
        return self.machine.path(BACKUPS)

    @property
    def cron(self) -> Path:
        return self.machine.folder / "cron.d" / "coc-backup"

    @property
    def meminfo(self) -> Path:
        return self.machine.path("/srv/meminfo")

    def access(self) -> str | dict[str, Any]:
        """Return what the inventory says of its host."""
        raise NotImplementedError

    def serve(self) -> None:
        """Start what shows its host."""

    def start(self, defect: str = "", environment: Mapping[str, str] | None = None, library: str = "now") -> None:
        """Start the node."""
        raise NotImplementedError

    def stop(self) -> None:
        """Kill the node."""
        raise NotImplementedError

    def allow_files(self, count: int) -> None:
        """Let the running node open so many files."""
        raise NotImplementedError

    def clock(self, seconds: int) -> None:
        """Let its host's clock be off for whatever is started there from now on; 0 sets it right."""
        raise NotImplementedError

    def end(self) -> None:
        """End what would not end with the machine."""

    def last_lines(self) -> str:
        """Return the end of its log."""
        return self.process.last_lines() if self.process is not None else ""

    def vouch(self) -> None:
        """Say, for a new network, that its validator has voted for nothing."""
        vouch(self.data, CHAIN_ID, self.key.address, 0)

    def environment(self, library: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what the node is told by its environment."""
        return {
            "PATH": PATH,
            "PYTHONPATH": ":".join(self.places(library)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COC_NODE_CONFIG": CONFIG,
            "COC_DATA_DIR": DATA,
            "COC_NODE_KEY": self.key.private,
            "COC_METRICS_PORT": "9100",
            **{f"COC_{what}_BIND": self.host for what in ("RPC", "P2P", "WS", "IPFS", "WIRE", "METRICS")},
            **(more or {}),
        }

    def places(self, library: str) -> list[str]:
        """Return where its machine has the node's packages."""
        paths = self.libraries[library]
        if self.machine.system is None:
            return [str(path) for path in paths]
        return [f"/opt/{library}-{number}" for number in range(len(paths))]

    @property
    def python(self) -> str:
        return sys.executable if self.machine.system is None else "/usr/bin/python3"

    def command(self, defect: str) -> list[str]:
        """Return what starts a node."""
        words = ["-m", "prowl.fixtures.reference.main", "--config", CONFIG]
        return [*words, *(["--defect", defect] if defect else [])]

    def back_up(self, *, torn: bool = False) -> None:
        """Take a backup on the machine."""
        env = [f"PYTHONPATH={':'.join(self.places('now'))}", "PYTHONDONTWRITEBYTECODE=1"]
        done = self.machine.run("env", *env, self.python, "-c", MADE, DATA, BACKUPS, "backup-torn" if torn else "")
        assert done.returncode == 0, done.stderr


@dataclass
class PlainNode(ProofNode):
    """A process of a machine; whether the machine is the operator's (local) or nobody's to see (none)."""

    def access(self) -> str | dict[str, Any]:
        if self.machine.system is None:
            return "local"
        return {"kind": "none", "reason": "its host belongs to somebody else"}

    def start(self, defect: str = "", environment: Mapping[str, str] | None = None, library: str = "now") -> None:
        words = [self.python, *self.command(defect)]
        self.process = self.machine.spawn("node", words, self.environment(library, environment))
        self._pid = inner(self.process).pid

    def stop(self) -> None:
        if self.process is not None and self.process.is_running():
            os.kill(self._pid, signal.SIGKILL)
            self.process.wait(COMMAND_SECONDS)

    def pause(self) -> None:
        """SIGSTOP the node."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT the node."""
        os.kill(self._pid, signal.SIGCONT)

    def allow_files(self, count: int) -> None:
        hard = resource.prlimit(self._pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, (count, hard))


@dataclass
class SshNode(PlainNode):
    """A process of a machine that is reached by a real sshd with a key."""

    user: str = "root"
    sshd: Process | None = None

    @property
    def folder(self) -> Path:
        return self.machine.folder

    def access(self) -> str | dict[str, Any]:
        return {
            "kind": "ssh",
            "address": self.host,
            "user": self.user,
            "identity_file": str(self.folder / "key"),
            "known_hosts": str(self.folder / "known_hosts"),
        }

    def serve(self) -> None:
        for name in ("key", "host-key", "other-key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(words, check=True, timeout=COMMAND_SECONDS)
        kind, key, _comment = (self.folder / "host-key.pub").read_text().split()
        (self.folder / "known_hosts").write_text(f"{self.host} {kind} {key}\n")
        etc = self.machine.path("/etc/ssh")
        (etc / "host-key").write_bytes((self.folder / "host-key").read_bytes())
        (etc / "host-key").chmod(0o600)
        (etc / "authorized").write_bytes((self.folder / "key.pub").read_bytes())
        (etc / "authorized").chmod(0o644)
        added = self.machine.run("useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", "watcher")
        assert added.returncode == 0, added.stderr
        self.admit()

    def admit(self, *lines: str) -> None:
        """Start the sshd (anew), with further lines of configuration."""
        self.refuse()
        rows = [
            f"ListenAddress {self.host}",
            "HostKey /etc/ssh/host-key",
            "AuthorizedKeysFile /etc/ssh/authorized",
            "PermitRootLogin prohibit-password",
            "StrictModes no",
            *(lines or KEYS_ONLY),
        ]
        self.machine.path("/etc/ssh/proof").write_text("\n".join(rows) + "\n")
        self.sshd = self.machine.spawn("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/proof"], {"PATH": PATH})
        self._sshd_pid = inner(self.sshd).pid

        def answers() -> bool:
            shown = subprocess.run(["ssh-keyscan", "-T", "2", self.host], capture_output=True, timeout=10, check=False)
            return b"ed25519" in shown.stdout

        assert wait_until(answers, COMMAND_SECONDS, 0.2), self.sshd.last_lines()

    def clock(self, seconds: int) -> None:
        # For sessions alone: an sshd that is preloaded itself is ended by its own sandbox.
        variables = f"SetEnv LD_PRELOAD={PRELOADED} FAKETIME={seconds:+d}s"
        self.admit(*KEYS_ONLY, *([variables] if seconds else []))

    def refuse(self) -> None:
        """Stop the sshd."""
        if self.sshd is not None and self.sshd.is_running():
            os.kill(self._sshd_pid, signal.SIGKILL)
            self.sshd.wait(COMMAND_SECONDS)


@dataclass
class DockerNode(ProofNode):
    """A container of an engine that runs on the node's machine; its first process is the image's init."""

    image: str = "prowl-proof:1"
    container: str = "coc-node-3"
    engine: Process | None = None

    def access(self) -> str | dict[str, Any]:
        return {"kind": "docker", "container": self.container}

    def serve(self) -> None:
        found = self.machine.folder
        words = [
            program("dockerd") or "dockerd",
            "--data-root",
            str(found / "docker"),
            "--exec-root",
            str(found / "exec"),
        ]
        words += ["--pidfile", str(found / "docker.pid"), "--host", f"unix://{found}/docker.sock", "--bridge=none"]
        words += ["--iptables=false", "--ip6tables=false", "--cgroup-parent", f"/{self.cgroup}"]
        self.engine = self.machine.spawn(
            "dockerd", words, {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        )
        ready = wait_until(lambda: self.docker("version", check=False).returncode == 0, ENGINE_SECONDS, 0.3)
        assert ready, self.engine.last_lines(20)
        self.docker("import", str(self.archive), self.image)

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the docker command towards the engine."""
        host = f"unix://{self.machine.folder}/docker.sock"
        done = subprocess.run(
            ["docker", "--host", host, *words], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        assert done.returncode == 0 or not check, f"docker {' '.join(words)}: {done.stderr}"
        return done

    def start(self, defect: str = "", environment: Mapping[str, str] | None = None, library: str = "now") -> None:
        words = [
            "run",
            "--detach",
            "--init",
            "--name",
            self.container,
            "--network",
            "host",
            "--ulimit",
            f"nofile={open_files()}:{open_files()}",
        ]
        mounts = {
            "/srv": "/srv",
            "/srv/meminfo": "/proc/meminfo:ro",
            str(self.machine.folder / "cron.d"): "/etc/cron.d:ro",
            **{str(path): f"{path}:ro" for path in self.libraries[library]},
        }
        words += [word for source, place in mounts.items() for word in ("--volume", f"{source}:{place}")]
        found = self.environment(library, environment)
        words += [word for key, value in found.items() for word in ("--env", f"{key}={value}")]
        self.docker(*words, self.image, "/usr/bin/python3", *self.command(defect))

    def stop(self) -> None:
        self.docker("rm", "--force", self.container, check=False)

    def allow_files(self, count: int) -> None:
        init = self.docker("inspect", "--format", "{{.State.Pid}}", self.container).stdout.strip()
        node = self.machine.run("pgrep", "--parent", init).stdout.strip()  # both are the machine's numbers
        done = self.machine.run("prlimit", "--pid", node, f"--nofile={count}:")
        assert done.returncode == 0, done.stderr

    def clock(self, seconds: int) -> None:
        self._write("/etc/faketimerc", f"{seconds:+d}s")
        self._write("/etc/ld.so.preload", PRELOADED if seconds else "")

    def _write(self, inside: str, text: str) -> None:
        self.docker("exec", self.container, "sh", "-c", f"echo '{text}' >{inside}")

    def last_lines(self) -> str:
        done = self.docker("logs", "--tail", "8", self.container, check=False)
        return done.stdout + done.stderr

    def end(self) -> None:
        if self.engine is not None:
            self.stop()
