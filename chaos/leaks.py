"""The leak probe: does a node reach another around its proxy?"""

from __future__ import annotations

from typing import Any

import psutil

from prowl.fixtures.cluster import EmbeddedCluster


def leaks(cluster: EmbeddedCluster) -> list[str]:
    """Return each connection, by the kernel's socket table, that joins two nodes directly, in words.

    An edge leads through its proxy's process: where a process of a node holds a connection to a port on which another
    node listens, it goes around. It is one look: a connection that is not open at this moment is not seen.
    """
    owners = _processes(cluster)
    table = [row for row in psutil.net_connections("tcp") if row.pid in owners and row.laddr]
    listening = {_port(row.laddr): owners[row.pid] for row in table if row.status == psutil.CONN_LISTEN}
    found = {
        (owners[row.pid], listening[_port(row.raddr)], _port(row.raddr))
        for row in table
        if row.raddr and _port(row.laddr) not in listening and _port(row.raddr) in listening
    }
    return [
        f"{source} reaches {target} around its proxy, at port {port}"
        for source, target, port in sorted(found)
        if source != target
    ]


def _port(address: Any) -> int:
    """Return the port of an address, which psutil's stubs take for an empty tuple."""
    return int(address.port)


def _processes(cluster: EmbeddedCluster) -> dict[int | None, str]:
    """Return the node that each process, or its child, belongs to."""
    owners: dict[int | None, str] = {}
    for name in cluster.spec.names:
        if not cluster.is_running(name):
            continue
        try:
            process = psutil.Process(cluster.process(name).pid)
            owners.update({each.pid: name for each in (process, *process.children(recursive=True))})
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile, and its connections with it
    return owners
