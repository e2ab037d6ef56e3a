"""What nodes take of this machine: the files that a node's process has open, and the bytes that its stores hold."""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf

import psutil

from prowl.fixtures.clusters.protocol import Cluster, HasData, HasProcesses

PAUSE_SECONDS = 1.0  # between two looks at a node: a store of many files is not counted at each sample


class Footprints:
    """Looks at a cluster's nodes; what this machine does not show is left out."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._found: dict[str, tuple[float, dict[str, float]]] = {}

    def of(self, name: str) -> dict[str, float]:
        """Return the figures of a node, by the names that samples have for them."""
        t, found = self._found.get(name, (-inf, {}))
        if time.monotonic() - t > PAUSE_SECONDS:
            found = self._look(name)
            self._found[name] = time.monotonic(), found
        return found

    def _look(self, name: str) -> dict[str, float]:
        found = {}
        if isinstance(self._cluster, HasProcesses) and (process := self._cluster.process(name)).is_running():
            with suppress(psutil.Error):
                found["descriptors"] = float(psutil.Process(process.pid).num_fds())
        if isinstance(self._cluster, HasData):
            with suppress(OSError):  # a store that is sorted just then, or a disk that a fault has taken away
                found["disk_bytes"] = float(
                    sum(path.lstat().st_size for path in self._cluster.data_of(name).rglob("*"))
                )
        return found
