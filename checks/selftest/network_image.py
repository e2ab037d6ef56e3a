"""What the machines of the proof network are made of: a small Debian, and the reference node as it is installed here.

Both are of this machine alone: nothing is pulled from a registry of images. The system's archive is made once, into the
user's cache; the node is a copy of this very installation's files, so that a machine runs what is being tested.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import filelock

import prowl.fixtures
import prowl.reports

PACKAGES = (
    "cron",
    "iproute2",
    "libfaketime",
    "libpython3-stdlib",
    "openssh-server",
    "procps",
    "python3-minimal",
)
SUITE = "bookworm"
PYTHON = (3, 11)  # the suite's
MAKE_SECONDS = 900.0
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "dockerd": "docker.io",
    "docker": "docker.io or docker-cli",
    "faketime": "faketime",
    "promtool": "prometheus",
    "prometheus": "prometheus",
}


def missing() -> str:
    """Return what this machine lacks for the network, "" if nothing."""
    if os.geteuid() != 0:
        return "it needs root: namespaces, mounts and a docker engine of its own"
    if sys.version_info[:2] != PYTHON:
        return f"it needs Python {'.'.join(map(str, PYTHON))}, for its machines have that one, and share the packages"
    lacking = [f"{tool} (package {package})" for tool, package in TOOLS.items() if program(tool) is None]
    return f"there is no {', '.join(lacking)}" if lacking else ""


def program(name: str) -> str | None:
    """Return a program's path, those of the administrator too."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def system() -> Path:
    """Return the archive of the machines' system; made, if the cache has none of these packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prowl"
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    archive = cache / f"proof-system-{key}.tar"
    with filelock.FileLock(f"{archive}.lock"):
        if not archive.exists():
            part = archive.with_suffix(".part.tar")
            command = [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={','.join(PACKAGES)}",
                SUITE,
                str(part),
            ]
            subprocess.run(command, check=True, timeout=MAKE_SECONDS)
            part.rename(archive)
    return archive


def installation(folder: Path, version: str | None = None) -> list[Path]:
    """Copy Prowl's own packages that a node needs, under another version if one is given; return what to import from.

    The other packages are those that this interpreter has.
    """
    for package in (prowl.fixtures, prowl.reports):
        source = Path(next(iter(package.__path__)))
        shutil.copytree(
            source, folder / "prowl" / source.name, ignore=shutil.ignore_patterns("selftest", "__pycache__")
        )
    version = version or importlib.metadata.version("prowl-testnet")
    info = folder / "prowl_testnet.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: prowl-testnet\nVersion: {version}\n")
    others = Path(str(importlib.metadata.distribution("aiohttp").locate_file("")))
    return [folder, others]
