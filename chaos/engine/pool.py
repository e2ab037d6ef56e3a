"""Clusters for the scenarios of one worker: kept while they are as good as new, else replaced, and said so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from prowl.chaos.engine import evidence
from prowl.chaos.engine.probes import up_trouble
from prowl.fixtures.cleanup import ledger
from prowl.fixtures.cleanup.folders import LEDGER
from prowl.fixtures.clusters.process_budget import Slots
from prowl.fixtures.clusters.protocol import OLD, RUNNING, Cluster, make
from prowl.fixtures.clusters.spec import ClusterError, ClusterSpec
from prowl.fixtures.proxies.edges import EdgeError
from prowl.fixtures.proxies.toxiproxy import ToxiproxyError

Say = Callable[[str], None]

EDGES_SECONDS = 10.0
TURN_SECONDS = 600.0  # a worker has the machine for itself that long at most, where others wait


class Lease:
    """A cluster for the length of one scenario; one that is spoiled is not used again."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.spoiled = ""

    def spoil(self, reason: str) -> None:
        """Say why it must not be used again."""
        self.spoiled = self.spoiled or reason


class Pool:
    """At most one cluster at a time, below ``folder``; it is gone when the pool is closed.

    Nothing is kept between scenarios where not all ``workers`` of the run find room for a cluster: one that is kept by
    a worker with nothing to do would hold up another for ever. A cluster beside which no other like it finds room has
    the machine for itself. Its room is kept if the ``following`` scenario of this worker is such a one, too: each wait
    for the other workers costs the length of what they play.
    """

    def __init__(self, folder: Path, slots: Slots, workers: int = 1) -> None:
        self.folder = folder
        self._slots = slots
        self._workers = workers
        self.waited_seconds = 0.0  # for room, since ``begin``
        self.following: ClusterSpec | None = None  # what this worker plays next, for sure
        self.tried: Cluster | None = None  # the one that was last leased, or that could not be started
        self._kept: Cluster | None = None
        self._held = ExitStack()
        self._machine_since: float | None = None  # since when it is this worker's alone
        self._number = 0
        self._own_debts: frozenset[str] = frozenset()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close(shed=True)

    def begin(self) -> None:
        """Begin a scenario: no cluster has been tried for it."""
        self.tried, self.waited_seconds = None, 0.0

    @contextmanager
    def lease(self, spec: ClusterSpec, say: Say) -> Iterator[Lease]:
        """Give a running cluster of that spec: the one that is kept if it is as good as new.

        What ends in an error spoils it. ClusterError, or SlotsError, if none can be had.
        """
        lease = Lease(self._ready(spec, say))
        try:
            yield lease
        except BaseException as error:
            lease.spoil(f"the last scenario ended in {type(error).__name__}")
            raise
        finally:
            keep = self._to_keep(spec)
            if lease.spoiled or not keep:
                self.close(shed=not lease.spoiled, keep_room=keep)

    def _to_keep(self, spec: ClusterSpec) -> bool:
        if self._machine_since is not None:
            follows = self.following is not None and self._alone(self.following)
            fresh = time.monotonic() - self._machine_since < TURN_SECONDS
            return follows and (fresh or not self._slots.waited_for())
        room_for_all = self._workers == 1 or self._workers * spec.count <= self._slots.total
        return room_for_all and not self._slots.waited_for()

    def _alone(self, spec: ClusterSpec) -> bool:
        return self._workers > 1 and 2 * spec.count > self._slots.total

    def close(self, *, shed: bool = False, keep_room: bool = False) -> None:
        """End the cluster that is kept and give its room back; ClusterError if something of it stays.

        ``shed``: its data goes, too, for every scenario in it was held. ``keep_room``: who has the machine for himself
        keeps it.
        """
        kept, self._kept = self._kept, None
        try:
            if kept is not None:
                kept.stop()
                if shed:
                    evidence.shed(kept.folder)
        except BaseException:
            keep_room = False
            raise
        finally:
            if not (keep_room and self._machine_since is not None):
                self._machine_since = None
                self._held.close()

    def _ready(self, spec: ClusterSpec, say: Say) -> Cluster:
        alone = self._alone(spec)
        if self._kept is not None:
            reason = self._misfit(spec, self._kept)
            if not reason:
                say(f"the cluster in {self._kept.folder.name} is as good as new: it is used again")
                self.tried = self._kept
                return self._kept
            say(f"the cluster in {self._kept.folder.name} is replaced: {reason}")
            self.close(shed=True, keep_room=alone)
        if not alone or self._machine_since is None:
            self.close()
            began = time.monotonic()
            self._held.enter_context(self._slots.held(self._slots.total if alone else spec.count, say))
            self.waited_seconds += time.monotonic() - began
            self._machine_since = time.monotonic() if alone else None
        try:
            self._number += 1
            cluster = make(spec, self.folder / f"cluster-{self._number}", say)
            self._kept = self.tried = cluster
            cluster.start()
        except BaseException:
            self.close()
            raise
        self._own_debts = frozenset(entry.words for entry in _entries(cluster) if entry.open)
        return cluster

    def _misfit(self, spec: ClusterSpec, kept: Cluster) -> str:
        if self._machine_since is None and self._slots.waited_for():
            return "another worker waits for room"
        return "it has another shape" if kept.spec != spec else worn(kept, self._own_debts)


def worn(cluster: Cluster, own: frozenset[str] = frozenset()) -> str:
    """Return why a cluster is not as good as new, in words; "" if it is.

    ``own`` are the debts that it has by itself as long as it runs: its containers, its namespaces.

    As good as new: each node runs and answers, each edge is proven whole, and nothing is owed by the ledger. That its
    nodes are healthy is what the gate of each scenario waits for.
    """
    down = [name for name in cluster.spec.names if cluster.state(name) != RUNNING]
    if down:
        return f"{', '.join(down)} does not run"
    changed = [name for name in cluster.spec.names if cluster.version_of(name) != OLD]
    if changed:
        return f"{', '.join(changed)} is of another version"
    owed = [entry.words for entry in _entries(cluster) if entry.open and entry.words not in own]
    if owed:
        return f"it still owes: {'; '.join(owed)}"
    try:
        changed = [name for name, state in cluster.edges.client.states().items() if not state.clean]
        if changed:
            return f"the edges {', '.join(changed)} are closed or have toxics"
        if altered := cluster.edges.altered():
            return f"somebody else changed the proxies: {altered}"
        cluster.edges.prove(EDGES_SECONDS)
    except (EdgeError, ToxiproxyError) as error:
        return str(error)
    return up_trouble(cluster, cluster.spec.names)


def _entries(cluster: Cluster) -> list[ledger.Entry]:
    path = cluster.folder / LEDGER
    try:
        return ledger.read(path) if path.exists() else []
    except ledger.LedgerError as error:
        raise ClusterError(str(error)) from None
