"""The reference node's speed and size, for ``tox -e bench``: each figure with what it is compared to, and its limit."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import psutil

from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID, ClusterSpec
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.chain.transactions import decode_transaction, sign_transfer
from prowl.fixtures.waiting import wait_until

NODES = 4
RUNS = 5
LIMIT_SECONDS = 600.0
ANSWER_SECONDS = 10.0
IMPORTS = "import aiohttp, coincurve, plyvel, rlp, trie"
STAY = f"{IMPORTS}; import sys; print('ready', flush=True); sys.stdin.read()"

BLOCKS = 1000
QUICK_BLOCK_MS = 100
LOAD_BLOCK_MS = 250
LOAD_SECONDS = 20.0
SENDERS = range(4, 10)
PER_SENDER = 1500
BATCH = 50
WAITING_TRANSFERS = 1500
IDLE_SECONDS = 30.0
GAS_PRICE_WEI = 3 * 10**9


@dataclass(frozen=True)
class Figure:
    """What was measured, its limit (None: it has none, and is only told), and whether it keeps it."""

    words: str
    value: float
    limit: float | None = None
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the figure is within its limit; one without a limit is."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        if self.limit is None:
            return self.words
        side = "at least" if self.at_least else "at most"
        return f"{self.words} ({side} {self.limit:g}: {'kept' if self.kept else 'MISSED'})"


def figures() -> Iterator[Figure]:
    """Measure one after another."""
    yield _start()
    yield _memory()
    yield _transfers()
    yield _idle()


@contextmanager
def _cluster(count: int, block_ms: int) -> Iterator[EmbeddedCluster]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedCluster(ClusterSpec(count, block_ms), Path(folder)) as made:
        made.start()
        yield made


def _bare_seconds() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, timeout=LIMIT_SECONDS)
    return time.monotonic() - began


def _start() -> Figure:
    """From the process's start to its first answer, on a chain that is there, by turns with bare interpreters."""
    bare, node = [], []
    with _cluster(1, QUICK_BLOCK_MS) as cluster:
        for _run in range(RUNS):
            cluster.terminate("node-1")
            bare.append(_bare_seconds())
            began = time.monotonic()
            cluster.start_node("node-1")
            node.append(time.monotonic() - began)
    beyond = median(node) - median(bare)
    words = (
        f"start of a node to RPC: {median(node):.2f} s ({min(node):.2f} to {max(node):.2f}), a bare interpreter with"
        f" its imports {median(bare):.2f} s, ratio {median(node) / median(bare):.1f}; beyond it {beyond:.2f} s"
    )
    return Figure(words, beyond, 1.5)


def _memory() -> Figure:
    """Resident memory of four nodes after a thousand blocks under a little load, beside a bare interpreter."""
    with subprocess.Popen([sys.executable, "-c", STAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        bare_mb = psutil.Process(bare.pid).memory_info().rss / 1e6
        bare.kill()
    with _cluster(NODES, QUICK_BLOCK_MS) as cluster, httpx.Client(timeout=ANSWER_SECONDS) as http:
        transfers = iter(_signed(SENDERS[0], PER_SENDER))

        def look() -> bool:
            _send(http, cluster, 0, list(itertools.islice(transfers, 1)))
            return _height(http, cluster) > BLOCKS

        if not wait_until(look, LIMIT_SECONDS, 0.2):
            raise RuntimeError(f"{BLOCKS} blocks did not come within {LIMIT_SECONDS:g} s.")
        sizes = [process.memory_info().rss / 1e6 for process in _processes(cluster)]
    words = (
        f"resident memory after {BLOCKS} blocks: {median(sizes):.0f} MB ({min(sizes):.0f} to {max(sizes):.0f}), a bare"
        f" interpreter with its imports {bare_mb:.0f} MB, ratio {median(sizes) / bare_mb:.1f}"
    )
    return Figure(words, max(sizes), 120)


def _transfers() -> Figure:
    """Transfers a second that four nodes finalize, and how many one process alone only reads and checks."""
    ready = [_signed(sender, PER_SENDER) for sender in SENDERS]
    began = time.monotonic()
    for raw in ready[0]:
        decode_transaction(raw, CHAIN_ID)
    alone = PER_SENDER / (time.monotonic() - began)
    with _cluster(NODES, LOAD_BLOCK_MS) as cluster, httpx.Client(timeout=ANSWER_SECONDS) as http:
        if not wait_until(lambda: _height(http, cluster) > 5, LIMIT_SECONDS):
            raise RuntimeError("The nodes make no blocks.")
        waiting = [list(rows) for rows in ready]
        turns = itertools.cycle(range(len(waiting)))
        first, began = _height(http, cluster), time.monotonic()

        def look() -> bool:
            turn = next(turns)
            if _pending(http, cluster) < WAITING_TRANSFERS and waiting[turn]:
                _send(http, cluster, turn % NODES, waiting[turn][:BATCH])
                del waiting[turn][:BATCH]
            return time.monotonic() - began >= LOAD_SECONDS or not any(waiting)

        wait_until(look, LIMIT_SECONDS, 0.01)
        last, seconds = _height(http, cluster), time.monotonic() - began
        count = sum(_count(http, cluster, height) for height in range(first + 1, last + 1))
        blocks = last - first
    words = (
        f"transfers finalized by {NODES} nodes at {LOAD_BLOCK_MS} ms blocks: {count / seconds:.0f} a second over"
        f" {seconds:.0f} s ({blocks} blocks, every {seconds / max(1, blocks):.2f} s), one process alone reads and"
        f" checks {alone:.0f} a second, ratio {count / seconds / alone:.2f}"
    )
    return Figure(words, count / seconds, 100, at_least=True)


def _idle() -> Figure:
    """Share of a core that an unobserved node takes at one block a second without load."""
    with _cluster(NODES, 1000) as cluster:
        wait_until(lambda: None, IDLE_SECONDS / 3)  # the start is over
        processes = _processes(cluster)
        before, since = [_cpu_seconds(process) for process in processes], time.monotonic()
        wait_until(lambda: None, IDLE_SECONDS)
        seconds = time.monotonic() - since
        shares = [(_cpu_seconds(one) - then) / seconds for one, then in zip(processes, before, strict=True)]
    bare = _bare_cpu_seconds()
    words = (
        f"CPU of {NODES} idle nodes at 1 s blocks over {seconds:.0f} s: {median(shares):.1%} of a core each"
        f" ({min(shares):.1%} to {max(shares):.1%}); a minute of it is {median(shares) * 60 / bare:.1f} times what a"
        f" bare interpreter takes for its imports ({bare:.2f} s)"
    )
    return Figure(words, median(shares), 0.05)


def _bare_cpu_seconds() -> float:
    code = f"{IMPORTS}; import time; print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=LIMIT_SECONDS)
    return float(done.stdout)


def _processes(cluster: EmbeddedCluster) -> list[psutil.Process]:
    return [psutil.Process(cluster.process(name).identity.pid) for name in cluster.spec.names]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _signed(sender: int, count: int) -> list[str]:
    key = PrivateKey.from_hex(development_key(sender).private)
    to = development_key(0).address
    return [sign_transfer(key, nonce, to, 1, GAS_PRICE_WEI, CHAIN_ID) for nonce in range(count)]


def _send(http: httpx.Client, cluster: EmbeddedCluster, number: int, raws: list[str]) -> None:
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]} for raw in raws]
    if batch:
        http.post(cluster.network.nodes[number].rpc or "", json=batch).raise_for_status()


def _call(http: httpx.Client, cluster: EmbeddedCluster, method: str, *params: object) -> object:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return http.post(cluster.network.nodes[0].rpc or "", json=request).json()["result"]


def _height(http: httpx.Client, cluster: EmbeddedCluster) -> int:
    return int(str(_call(http, cluster, "eth_blockNumber")), 16)


def _pending(http: httpx.Client, cluster: EmbeddedCluster) -> int:
    status = _call(http, cluster, "txpool_status")
    assert isinstance(status, dict)
    return sum(int(count, 16) for count in status.values())


def _count(http: httpx.Client, cluster: EmbeddedCluster, height: int) -> int:
    block = _call(http, cluster, "eth_getBlockByNumber", hex(height), False)
    assert isinstance(block, dict)
    return len(block["transactions"])
