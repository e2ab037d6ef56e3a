"""The leak probe: does a node reach another around its proxy?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from prowl.fixtures.clusters.protocol import GONE, Cluster, HasProcesses, processes

LISTEN = "0A"
SOCKET = re.compile(r"socket:\[(\d+)\]")


def leaks(cluster: Cluster) -> list[str]:
    """Return each connection, by the kernel's socket table, that joins two nodes directly, in words.

    An edge leads through its proxy's process: where a process of a node holds a connection to a port on which another
    node listens (no two nodes of a cluster have a port in common), it goes around. It is one look: a connection that is
    not open at this moment is not seen. Where the nodes are no processes of this machine nothing is seen at all: such a
    kind of cluster keeps its nodes apart by their networks, which its conformance suite proves.
    """
    if not isinstance(cluster, HasProcesses):
        return []
    table = [(name, *row) for name, pid in _processes(cluster) for row in sockets(pid)]
    listening = {local: name for name, local, _remote, state in table if state == LISTEN}
    found = {
        (name, listening[remote], remote)
        for name, local, remote, state in table
        if state != LISTEN and local not in listening and remote in listening
    }
    return [
        f"{source} reaches {target} around its proxy, at port {port}"
        for source, target, port in sorted(found)
        if source != target
    ]


def _processes(cluster: Cluster) -> Iterator[tuple[str, int]]:
    """Return the pids of each node: its process and its process's children."""
    for name in cluster.spec.names:
        if cluster.state(name) == GONE:
            continue
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile, and its connections with it
            process = psutil.Process(processes(cluster).process(name).pid)
            yield from ((name, each.pid) for each in (process, *process.children(recursive=True)))


def sockets(pid: int) -> Iterator[tuple[int, int, str]]:
    """Return local port, remote port and the kernel's word for the state of each TCP socket that a process holds.

    The table is read through the process, for it is that of its own network namespace.
    """
    here = Path(f"/proc/{pid}")
    try:
        own = {found[1] for file in (here / "fd").iterdir() if (found := SOCKET.fullmatch(_target(file)))}
        files = [here / "net" / name for name in ("tcp", "tcp6")]
        tables = [file.read_text(encoding="ascii") for file in files if file.exists()]  # a kernel may lack IPv6
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return
    for table in tables:
        for row in table.splitlines()[1:]:
            local, remote, state, inode = (row.split()[place] for place in (1, 2, 3, 9))
            if inode in own:
                yield _port(local), _port(remote), state


def _target(file: Path) -> str:
    with suppress(OSError):  # closed meanwhile
        return str(file.readlink())
    return ""


def _port(end: str) -> int:
    return int(end.rpartition(":")[2], 16)
