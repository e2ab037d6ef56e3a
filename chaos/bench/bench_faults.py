"""How fast faults come and go, beside bare HTTP calls and signals; what the observer costs (``tox -e bench``)."""

from __future__ import annotations

import http.client
import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import psutil
from bench_node import Figure

from prowl.chaos.engine.fault import Fault, Scene
from prowl.chaos.engine.observer import Observer
from prowl.chaos.engine.probes import up_trouble
from prowl.chaos.engine.runner import header
from prowl.chaos.faults import cut
from prowl.chaos.faults.crash import Crash
from prowl.chaos.faults.cut import Cut, Mode
from prowl.chaos.faults.pause import Pause
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.ports import LOOPBACK
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.proxies.toxiproxy import Toxiproxy
from prowl.fixtures.waiting import wait_until
from prowl.reports.timeline import TimelineWriter, read

NODES = 4
RUNS = 20
KILLS = 5
LIMIT_SECONDS = 120.0
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.0005
WATCH_SECONDS = 20.0
PARTITION_MS, HEAL_MS = 50.0, 100.0
PAIR = ("node-1", "node-2")


def figures() -> Iterator[Figure]:
    """Measure on one cluster of four reference nodes, and give each figure as it comes."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedCluster(ClusterSpec(NODES), Path(folder)) as cluster:
        cluster.start()
        yield from _partition(cluster)
        yield from _signals(cluster)
        yield from _observer(cluster, Path(folder))


def _partition(cluster: EmbeddedCluster) -> Iterator[Figure]:
    scene = Scene(cluster, PAIR)
    for mode in Mode:
        fault = Cut(cut.split, mode)
        names = [edge.name for edge in fault.edges(scene)]
        ends = []
        bare = []
        for _run in range(RUNS):
            bare.append((_timed(lambda: _bare(cluster, names, False)), _timed(lambda: _bare(cluster, names, True))))  # noqa: B023
            ends.append((_timed(lambda: fault.inject(scene)), _timed(lambda: fault.heal(scene))))  # noqa: B023
        for number, (what, limit) in enumerate((("comes", PARTITION_MS), ("is healed", HEAL_MS))):
            ours, plain = (1000 * median(row[number] for row in rows) for rows in (ends, bare))
            words = f"a partition 2/2 ({mode}) {what} in {ours:.1f} ms, {ours / plain:.1f} times the bare calls"
            yield Figure(words, ours, limit)


def _bare(cluster: EmbeddedCluster, names: list[str], enabled: bool) -> None:
    """Open or close proxies by one plain HTTP call each, one after the other; nothing is read back."""
    client = cluster.edges.client
    if not isinstance(client, Toxiproxy):
        raise TypeError("The bench measures one server for all edges.")
    for name in names:
        connection = http.client.HTTPConnection(LOOPBACK, client.port, timeout=ANSWER_SECONDS)
        connection.request("POST", f"/proxies/{name}", json.dumps({"enabled": enabled}))
        connection.getresponse().read()
        connection.close()


def _signals(cluster: EmbeddedCluster) -> Iterator[Figure]:
    """From the signal to what it does, as the kernel shows it; and by the fault, which also probes the port."""
    scene = Scene(cluster, ("node-3",))
    for fault, number, done in (
        (Pause(), signal.SIGSTOP, psutil.STATUS_STOPPED),
        (Crash(), signal.SIGKILL, "gone"),
    ):
        ours, plain = [], []
        for _run in range(KILLS):
            plain.append(_timed(lambda: _bare_signal(cluster, number, done)))  # noqa: B023
            _back(cluster, fault, scene)
            ours.append(_timed(lambda: _proven(fault, scene)))  # noqa: B023
            _back(cluster, fault, scene)
        words = f"{fault.effects(scene).words}: proven {1000 * median(ours):.0f} ms after it began; by the bare signal "
        yield Figure(f"{words}the process is {done} after {1000 * median(plain):.0f} ms", median(ours))


def _proven(fault: Fault, scene: Scene) -> None:
    fault.inject(scene)
    _seen(lambda: not fault.effect_trouble(scene))


def _bare_signal(cluster: EmbeddedCluster, number: signal.Signals, done: str) -> None:
    process = cluster.process("node-3")
    process.identity.signal(number)
    _seen(lambda: process.state == done)


def _back(cluster: EmbeddedCluster, fault: Fault, scene: Scene) -> None:
    fault.heal(scene)
    _seen(lambda: not fault.heal_trouble(scene) and not up_trouble(cluster, scene.nodes))


def _seen(look: Callable[[], bool]) -> None:
    if not wait_until(look, LIMIT_SECONDS, LOOK_SECONDS):
        raise RuntimeError(f"It was not to be seen within {LIMIT_SECONDS:g} s.")


def _observer(cluster: EmbeddedCluster, folder: Path) -> Iterator[Figure]:
    path = folder / "bench.jsonl"
    own = psutil.Process()
    writer = TimelineWriter(path, header(cluster.network, SCENARIOS[0]))
    with Observer(cluster.network, writer, lambda name: cluster.process(name).state) as observer:
        began, used = time.monotonic(), sum(own.cpu_times()[:2])
        observer.hold(WATCH_SECONDS)
        seconds, used = time.monotonic() - began, sum(own.cpu_times()[:2]) - used
    timeline = read(path)
    gaps = [after.t - before.t for name in timeline.nodes for before, after in pairwise(timeline.of(name))]
    words = f"the observer of {NODES} nodes: {len(timeline.samples) / seconds:.1f} samples a second, "
    words += f"{100 * used / seconds:.1f} % of a core, longest gap {max(gaps):.2f} s"
    yield Figure(words, max(gaps), 4 * observer.pace_seconds)


def _timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
