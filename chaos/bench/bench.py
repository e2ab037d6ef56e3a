"""``tox -e bench``: the figures that the README quotes, measured, with the median and something to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import bench_node
import httpx

from prowl.fixtures.clusters.embedded import EmbeddedCluster
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.network import Node
from prowl.fixtures.waiting import wait_until

RUNS = 5
NODES = 4
LIMIT_SECONDS = 120.0
ANSWER_SECONDS = 5.0
IMPORTS = "import aiohttp, coincurve, plyvel, rlp, trie"


def main() -> int:
    """Measure and print a line a figure: what, median, minimum, maximum, and the ratio to what it is compared with.

    Returns 1 if a figure that has a limit misses it.
    """
    print(f"{os.cpu_count()} cores, {RUNS} runs of each, seconds: median (minimum to maximum)")
    bare = _measure(f"{NODES} bare interpreters with a node's imports, side by side", _bare_interpreters)
    edges = NODES * (NODES - 1)
    common = _measure(f"start of {NODES} nodes and {edges} edges to the first common block", _first_common)
    print(f"ratio {common / bare:.1f}")
    kept = True
    for figure in bench_node.figures():
        print(figure, flush=True)
        kept = kept and figure.kept
    return 0 if kept else 1


def _measure(what: str, run: Callable[[], float]) -> float:
    seconds = [run() for _run in range(RUNS)]
    print(f"{what}: {median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})", flush=True)
    return median(seconds)


def _bare_interpreters() -> float:
    began = time.monotonic()
    started = [subprocess.Popen([sys.executable, "-c", IMPORTS]) for _node in range(NODES)]
    for process in started:
        process.wait(LIMIT_SECONDS)
    return time.monotonic() - began


def _first_common() -> float:
    """From the call of ``start`` until all nodes show the same hash at a height after the genesis block."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedCluster(ClusterSpec(NODES), Path(folder)) as cluster:
        began = time.monotonic()
        cluster.start()
        if not wait_until(lambda: _common(cluster.network.nodes), LIMIT_SECONDS):
            raise RuntimeError(f"{NODES} nodes had no common block within {LIMIT_SECONDS:g} s.")
        return time.monotonic() - began


def _common(nodes: tuple[Node, ...]) -> bool:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x2", False]}
    blocks = [httpx.post(node.rpc, json=request, timeout=ANSWER_SECONDS).json().get("result") for node in nodes]
    return all(blocks) and len({block["hash"] for block in blocks}) == 1


if __name__ == "__main__":
    sys.exit(main())
