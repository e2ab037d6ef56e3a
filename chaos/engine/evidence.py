"""What a scenario leaves behind to be looked at: all of it where it was not held, little where it was.

A scenario that is not held keeps, in ``evidence`` beside its timeline, the ledger and the registers of its cluster and,
of each node, its logs (their last 5 MB), its configuration, its metrics page as it was at the end, and its data
directory, as far as all nodes' together fit into 50 MB. Secrets are taken out. A held one keeps the ledger.
"""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prowl.fixtures.cleanup.folders import LEDGER, OWNERS, REGISTER
from prowl.fixtures.clusters.protocol import Cluster
from prowl.fixtures.network import Node
from prowl.fixtures.single_request import FAILURES, fetch
from prowl.reports.redaction import HIDDEN, clean, remember

FOLDER = "evidence"
RECORDS = (LEDGER, REGISTER, OWNERS)
COPY = "cluster-{name}"  # a copy of a ledger or a register has a name by which nobody heals
PAGE = "metrics.txt"
LOG_BYTES = 5_000_000
DATA_BYTES = 50_000_000
ANSWER_SECONDS = 2.0
HEAD_BYTES = 4096
TEXTS = {".json", ".jsonl", ".log", ".txt", ".toml", ".env", ".yml", ".yaml"}
SECRET_FILES = re.compile(r"(?i)(node-?key|.*\.(key|pem)|\.env)$")


def keep_pages(cluster: Cluster, folder: Path) -> None:
    """Save every node's metrics page, or why there is none, while the cluster runs."""
    nodes = cluster.network.nodes
    with ThreadPoolExecutor(len(nodes)) as pool:
        for node, page in zip(nodes, pool.map(_page, nodes), strict=True):
            place = folder / FOLDER / node.name
            place.mkdir(parents=True, exist_ok=True)
            (place / PAGE).write_text(clean(page), encoding="utf-8")


def _page(node: Node) -> str:
    try:
        return fetch(str(node.metrics), timeout_seconds=ANSWER_SECONDS).body.decode("utf-8", "replace")
    except FAILURES as error:
        return f"# no answer from {node.metrics}: {error or type(error).__name__}\n"


def keep_ledger(cluster: Cluster, folder: Path) -> None:
    """Save the cluster's ledger beside the timeline; the cluster may run on."""
    if cluster.ledger.path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cluster.ledger.path, folder / COPY.format(name=LEDGER))


def keep(cluster: Cluster, folder: Path) -> list[str]:
    """Move what a stopped cluster left on the disk beside the timeline; return lines about it."""
    try:
        lines = _keep(cluster, folder)
    except OSError as error:
        return [f"not all of it could be kept: {error.filename}: {error.strerror or error}"]
    shed(cluster.folder)
    return lines


def _keep(cluster: Cluster, folder: Path) -> list[str]:
    for secret in cluster.secrets:
        remember(secret.removeprefix("0x"))
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for path in sorted(cluster.folder.iterdir()):
        if path.is_file() and (path.name in RECORDS or path.suffix == ".log"):
            _copy(path, place / (COPY.format(name=path.name) if path.name in RECORDS else path.name))
    left = DATA_BYTES
    too_large = []
    for name in cluster.spec.names:
        data = []
        for path in _files(cluster.folder_of(name)):
            if path.parent == cluster.folder_of(name) and path.suffix in TEXTS:
                _copy(path, place / name / path.name)
            else:
                data.append(path)
        size = sum(path.lstat().st_size for path in data)
        if size > left:
            too_large.append(f"{name} ({size / 1e6:.0f} MB)")
            continue
        left -= size
        for path in data:
            _copy(path, place / name / path.relative_to(cluster.folder_of(name)))
    lines = [f"logs, configurations, metrics pages, data and ledger of its nodes: {place}"]
    return lines + ([f"not kept, for it is too large: the data of {', '.join(too_large)}"] if too_large else [])


def _files(folder: Path) -> Iterator[Path]:
    """Return the regular files below a folder: no link, which might lead out, and no socket."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if stat.S_ISREG(path.lstat().st_mode):
            yield path


def _copy(path: Path, to: Path) -> None:
    """Copy a file without its secrets; of a log the end."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if SECRET_FILES.fullmatch(path.name):
        to.write_text(HIDDEN, encoding="utf-8")
    elif path.suffix in TEXTS and _is_text(path):
        with path.open("rb") as file:
            size = path.stat().st_size
            limit = LOG_BYTES if path.suffix == ".log" else size
            file.seek(max(0, size - limit))
            to.write_text(clean(file.read(limit).decode("utf-8", "replace")), encoding="utf-8")
    else:
        shutil.copyfile(path, to)


def _is_text(path: Path) -> bool:
    """Whether it holds no zero byte: LevelDB calls its files ``.log``, too."""
    with path.open("rb") as file:
        return b"\0" not in file.read(HEAD_BYTES)


def shed(cluster_folder: Path) -> None:
    """Delete a stopped cluster's data: what was worth keeping has been copied. Registers, ledger and logs stay."""
    folders = cluster_folder.iterdir() if cluster_folder.is_dir() else ()
    for folder in (path for path in folders if path.is_dir() and not path.is_symlink()):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
