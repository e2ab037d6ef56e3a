"""The survey's figures: on one core, beside bare asyncio sockets that ask the same, and one curl after another.

A row says how many nodes (distinct addresses, 200 series each, RPC, metrics and P2P ports), the wall time without the
survey's own pause between two sweeps, and the CPU time of the one process that asks.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from prowl.fixtures import sweep
from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.network import Network, Node
from prowl.fixtures.survey import ASKED_ONCE, METRICS

SIZES = (100, 1000, 4000)
RUNS = 3
VALIDATORS = 4  # as the pages count them: a node that counts fewer peers than answer would be watched for longer
CURLED = 100  # nodes that the curl loop asks; each costs it the same
ITEMS_NODES = 4000
ITEMS = ("daily/consensus", "daily/peers", "daily/memory")
RUN_SECONDS = 300.0
AT_ONCE = 256
NEEDED = re.compile(rb"^(" + "|".join(METRICS).encode() + rb") (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """What something took, in seconds."""

    wall: float
    cpu: float


def main() -> int:
    """Print the rows."""
    cores = sorted(os.sched_getaffinity(0))
    with _nodes(cores[-1]) as ports:
        os.sched_setaffinity(0, {cores[0]})
        networks = {size: _network(size, ports) for size in SIZES}
        surveys = {size: _median(_survey, network) for size, network in networks.items()}
        floors = {size: _median(_floor, network) for size, network in networks.items()}
        curl = _curl(_network(CURLED, ports))
        print("survey, seconds on one core: wall / cpu; floor: bare asyncio sockets; curl: one after another")
        for size in SIZES:
            ours, floor, loop = surveys[size], floors[size], curl * size / CURLED
            print(
                f"{size:>5} nodes: survey {ours.wall:.2f} / {ours.cpu:.2f}, floor {floor.wall:.2f} / {floor.cpu:.2f} "
                f"(ratio {ours.wall / floor.wall:.2f} / {ours.cpu / floor.cpu:.2f}), curl {loop:.0f} "
                f"({loop / ours.wall:.0f} times the survey)"
            )
        a_node = {size: surveys[size].cpu / size * 1e3 for size in SIZES}
        print("a node, ms of cpu: " + ", ".join(f"{size}: {cost:.3f}" for size, cost in a_node.items()))
        os.sched_setaffinity(0, set(cores))
        each = _items(_network(ITEMS_NODES, ports))
        print(f"{ITEMS_NODES * len(ITEMS)} items reported: {each * 1e3:.2f} ms each, the survey apart")
    return 0


@contextmanager
def _nodes(core: int) -> Iterator[tuple[int, int, int]]:
    """Serve the nodes from a process on another core."""
    with Ports() as free:
        ports = (free.take(), free.take(), free.take())
    command = [sys.executable, "-m", "prowl.chaos.bench_nodes", *map(str, ports), str(core)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield ports
    finally:
        process.kill()
        process.wait()


def _network(size: int, ports: Sequence[int]) -> Network:
    nodes = []
    for number in range(size):
        host = f"127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
        rpc, metrics, p2p = (f"http://{host}:{port}" for port in ports)
        role = "validator" if number < VALIDATORS else "observer"
        nodes.append(Node(f"node-{number + 1}", role, rpc, f"{metrics}/metrics", p2p))
    return replace(COC, nodes=tuple(nodes), dead_proposer_seconds=2.0, round_timeout_seconds=0.1)


def _median(run: Callable[[Network], Cost], network: Network) -> Cost:
    costs = [run(network) for _run in range(RUNS)]
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def _survey(network: Network) -> Cost:
    paused = 0.0
    tick = getattr(sweep, "tick")  # noqa: B009 - replaced for as long as it is counted

    async def counted(seconds: float) -> None:
        nonlocal paused
        paused += seconds
        await tick(seconds)

    gc.collect()
    began, cpu = time.monotonic(), time.process_time()
    setattr(sweep, "tick", counted)  # noqa: B010
    try:
        taken = sweep.survey("bench", network)
    finally:
        setattr(sweep, "tick", tick)  # noqa: B010
    cost = Cost(time.monotonic() - began - paused, time.process_time() - cpu)
    heights = [len(seen.looks) for seen in taken.nodes.values()]
    missing = [name for name, seen in taken.nodes.items() if seen.looks[-1].height is None or not seen.blocks]
    if missing or set(heights) != {2}:
        raise RuntimeError(f"{len(missing)} nodes did not answer the bench; {max(heights)} sweeps instead of 2")
    return cost


# -- the floor ---------------------------------------------------------------------------------------------------------


def _floor(network: Network) -> Cost:
    gc.collect()
    began, cpu = time.monotonic(), time.process_time()
    asyncio.run(_asked_barely(network))
    return Cost(time.monotonic() - began, time.process_time() - cpu)


async def _asked_barely(network: Network) -> None:
    """Ask what a survey asks of each node, sweep by sweep, and take no more than is needed of an answer."""
    places = asyncio.Semaphore(AT_ONCE)
    blocks = [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", [hex(5), False])]

    async def all_of(ask: Callable[[Node], Iterator[tuple[str, bytes]]]) -> None:
        async def one(node: Node) -> None:
            async with places:
                for url, request in ask(node):
                    body = await _bare(url, request)
                    if request.startswith(b"GET /metrics"):
                        {name: float(value) for name, value in NEEDED.findall(body)}
                    elif request.startswith(b"POST"):
                        json.loads(body)

        await asyncio.gather(*(one(node) for node in network.nodes))

    await all_of(lambda node: iter([(node.rpc, _post([(method, []) for method in ASKED_ONCE]))]))
    for _sweep in range(2):
        await all_of(lambda node: iter([(node.rpc, _post([("eth_blockNumber", [])])), _page(node)]))
    await all_of(lambda node: iter([(node.rpc, _post(blocks))]))
    await all_of(lambda node: iter([(base, _get("/health")) for base in _bases(node)]))


def _bases(node: Node) -> list[str]:
    return [node.rpc, (node.metrics or "").removesuffix("/metrics"), node.p2p or ""]


def _page(node: Node) -> tuple[str, bytes]:
    return (node.metrics or "").removesuffix("/metrics"), _get("/metrics")


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def _body(calls: Sequence[tuple[str, object]]) -> bytes:
    rows = [
        {"jsonrpc": "2.0", "id": at, "method": method, "params": params} for at, (method, params) in enumerate(calls)
    ]
    return json.dumps(rows if len(rows) > 1 else rows[0]).encode()


def _post(calls: Sequence[tuple[str, object]]) -> bytes:
    body = _body(calls)
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def _bare(url: str, request: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]))
    writer.close()
    return body


# -- the manual's way --------------------------------------------------------------------------------------------------


def _curl(network: Network) -> float:
    """Ask the same, one curl after another, as a shell's loop does; seconds of wall time."""
    lines = []
    for node in network.nodes:
        once = [
            _body([(method, []) for method in ASKED_ONCE]),
            _body([("eth_getBlockByNumber", ["latest", False])] * 2),
        ]
        posts = [*once, *[_body([("eth_blockNumber", [])])] * 2]
        lines += [f"curl -s -o /dev/null -d '{body.decode()}' {node.rpc}" for body in posts]
        lines += [f"curl -s -o /dev/null {node.metrics}"] * 2
        lines += [f"curl -s -o /dev/null {base}/health" for base in _bases(node)]
    began = time.monotonic()
    subprocess.run(["sh", "-e", "-s"], input="\n".join(lines).encode(), check=True, timeout=RUN_SECONDS)
    return time.monotonic() - began


# -- the report --------------------------------------------------------------------------------------------------------


def _items(network: Network) -> float:
    """Run three checks of each of 4,000 nodes; return the seconds an item takes in all, the survey apart."""
    rows = [
        f'[[nodes]]\nname = "{node.name}"\nrpc = "{node.rpc}"\nmetrics = "{node.metrics}"' for node in network.nodes
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "testnet.toml"
        file.write_text("[network]\ndead_proposer_seconds = 2\nround_timeout_seconds = 0.1\n" + "\n".join(rows))
        command = [
            sys.executable,
            "-m",
            "prowl.chaos.cli",
            "run",
            "-q",
            "-k",
            " or ".join(ITEMS),
            "--target",
            file.name,
        ]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "--run-dir", "run"], cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
        seconds = time.monotonic() - began
        try:
            survey = json.loads((Path(folder) / "run" / "survey.json").read_text())
            report = json.loads((Path(folder) / "run" / "report.json").read_text())
        except OSError:
            raise RuntimeError(f"the run of many items ended with {done.returncode}: {done.stdout[-2000:]}") from None
    wanted = len(network.nodes) * len(ITEMS)
    if report["totals"]["held"] != wanted:
        raise RuntimeError(f"of {wanted} items {report['totals']} were held")
    return float(seconds - survey["seconds"]) / wanted


if __name__ == "__main__":
    sys.exit(main())
