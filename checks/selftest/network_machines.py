"""The machines of the proof network, each with processes, mounts and a network address of its own.

A machine lives as long as its first process; whoever ends that one ends all that runs there. Its files are reached from
here through that process (``machine.path``). What the kernel can't give each machine, a swap space of its own, is a
file in the place of /proc/meminfo, as lxcfs has it.
"""

from __future__ import annotations

import platform
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from prowl.checks.selftest.network_image import program
from prowl.fixtures.clusters.netns import NAMED
from prowl.fixtures.clusters.processes import Process, Register
from prowl.fixtures.waiting import wait_until

START_SECONDS = 20.0
COMMAND_SECONDS = 60.0
DATA, BACKUPS, CONFIG = "/srv/data", "/srv/backups", "/srv/config.json"
SPACE = {DATA: "256m", BACKUPS: "64m"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PRELOADED = f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketime.so.1"
OPEN_FILES = 65_536
SWAP = "s/^SwapTotal:.*/SwapTotal: 1048576 kB/"
INIT = "while :; do sleep 3600 & wait $!; done"  # a first process that reaps


@dataclass
class Machine:
    """A machine: its name, the folder for its files, its namespace, and its system (None: this machine's own)."""

    register: Register
    name: str
    folder: Path
    namespace: str
    system: Path | None = None
    shared: Mapping[str, Path] = field(default_factory=dict)
    """Folders of this machine that stand there too, read only, by their places."""

    def start(self) -> None:
        """Start its first process, with its mounts made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        script = " && ".join([*self._mounts(), f"touch {self.folder}/started", f"exec {self._root} sh -c '{INIT}'"])
        words = [
            program("nsenter") or "nsenter",
            f"--net={NAMED / self.namespace}",
            "--",
            "unshare",
            "--mount",
            "--pid",
        ]
        words += ["--uts", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", script]
        self._unshare = self.register.spawn(self.name, words, log=self.folder / "machine.log")
        started = wait_until(
            lambda: (self.folder / "started").exists() or not self._unshare.is_running(), START_SECONDS
        )
        assert started, f"{self.name} did not start within {START_SECONDS:g} s: {self._unshare.last_lines()}"
        assert self._unshare.is_running(), f"{self.name} ended at its start: {self._unshare.last_lines()}"
        self.pid = psutil.Process(self._unshare.pid).children()[0].pid
        # What is reached through it lies in its root: before it has changed that, on this very machine.
        inside = wait_until(lambda: Path(f"/proc/{self.pid}/root").readlink() == self.root, START_SECONDS)
        assert inside, f"{self.name} is not in {self.root}, but in {Path(f'/proc/{self.pid}/root').readlink()}"

    @property
    def root(self) -> Path:
        """Return where its root is made of: a folder for a system of its own."""
        return self.folder / "root" if self.system is not None else Path("/")

    @property
    def _root(self) -> str:
        return f"chroot {self.root}" if self.system is not None else ""

    def _mounts(self) -> list[str]:
        root, found = self.root, self.folder
        made = ["upper", "work", "root", "cron.d"]
        rows = [f"mkdir -p {' '.join(str(found / each) for each in made)}", f"hostname {self.name}"]
        if self.system is not None:
            layers = f"lowerdir={self.system},upperdir={found}/upper,workdir={found}/work"
            rows += [f"mount -t overlay overlay -o {layers} {root}", f"mount --rbind /dev {root}/dev"]
            rows += [f"mkdir -p {root}/run/sshd"]
        rows += [f"mount -t tmpfs tmpfs {root}/srv", f"touch {root}/srv/meminfo"]
        rows += [f"mount -t proc proc {root}/proc", f"mkdir -p {' '.join(f'{root}{place}' for place in SPACE)}"]
        rows += [f"mount -t tmpfs -o size={size} tmpfs {root}{place}" for place, size in SPACE.items()]
        rows += [f"mount --bind {found}/cron.d {root}/etc/cron.d"]
        rows += [f"sed '{SWAP}' /proc/meminfo >{root}/srv/meminfo"]
        rows += [f"mount --bind {root}/srv/meminfo {root}/proc/meminfo"]
        for place, source in self.shared.items():
            rows += [f"mkdir -p {root}{place}", f"mount --bind {source} {root}{place}"]
            rows += [f"mount -o remount,bind,ro {root}{place}"]
        return rows

    def command(self, words: Sequence[str]) -> list[str]:
        """Return what runs a command on the machine, from here."""
        ways = ["--mount", "--pid", "--net", "--uts", *(["--root", "--wd=/"] if self.system is not None else [])]
        return [program("nsenter") or "nsenter", f"--target={self.pid}", *ways, "--", *words]

    def run(self, *words: str, timeout_seconds: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end."""
        return subprocess.run(self.command(words), capture_output=True, text=True, timeout=timeout_seconds, check=False)

    def spawn(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> Process:
        """Start a process there; its output is in the machine's folder."""
        command = self.command(["sh", "-c", f'ulimit -n {open_files()}; exec "$@"', name, *words])
        return self.register.spawn(
            f"{self.name} {name}", command, log=self.folder / f"{name}.log", env=dict(environment)
        )

    def path(self, inside: str) -> Path:
        """Return a path on the machine as it is reached from here."""
        return Path(f"/proc/{self.pid}/root{inside}")


def open_files() -> int:
    """Return what a node may open: what the manual recommends, or as much as this machine allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)


def inner(process: Process) -> psutil.Process:
    """Return the process on the machine that a spawned one (an nsenter) waits for."""
    found = wait_until(lambda: psutil.Process(process.pid).children(), START_SECONDS)
    assert found, f"{process.name} has started nothing: {process.last_lines()}"
    return found[0]
