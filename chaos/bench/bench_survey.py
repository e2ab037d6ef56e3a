"""The survey's figures: on one core, beside bare asyncio sockets that ask the same, and one curl after another.

A sample is as many surveys as look at 4,000 nodes (distinct addresses, 200 series each, RPC, metrics and P2P ports),
with a run of the floor after each, so that large and small networks, ours and the floor are measured in the same
weather. Wall time is told without the survey's own pause between two sweeps; limits on cost are on the CPU time of the
one process that asks: that of others on the machine is not in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench_node import Figure

from prowl.fixtures.clusters.ports import Ports
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.network import Network, Node
from prowl.fixtures.survey import sweep
from prowl.fixtures.survey.survey import ASKED_ONCE, METRICS

SIZES = (100, 1000, 4000)
SAMPLED_NODES = 4000
SAMPLES = 3
VALIDATORS = 4  # as the pages count them: a node that counts fewer peers than answer would be watched for longer
CURLED = 50  # nodes that a curl loop asks, after each sample; each costs it the same
ITEMS = ("daily/consensus", "daily/peers", "daily/memory")
RUN_SECONDS = 600.0
AT_ONCE = 256

MOST_FLOORS = 2.0
LEAST_CURLS = 20.0
LINEAR = 1.10
ITEM_MS = 2.0
NEEDED = re.compile(rb"^(" + "|".join(METRICS).encode() + rb") (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """What something took, in seconds."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{1e3 * self.wall:.2f} / {1e3 * self.cpu:.2f}"

    def over(self, nodes: int) -> Cost:
        """Return the share of one of so many."""
        return Cost(self.wall / nodes, self.cpu / nodes)

    @classmethod
    def sum(cls, costs: Iterable[Cost]) -> Cost:
        """Return what all of them took."""
        every = list(costs)
        return cls(sum(cost.wall for cost in every), sum(cost.cpu for cost in every))

    @classmethod
    def median(cls, costs: Iterable[Cost]) -> Cost:
        """Return the middle of them, of wall and of CPU time."""
        every = list(costs)
        return cls(median(cost.wall for cost in every), median(cost.cpu for cost in every))


def main() -> int:
    """Print the figures, each with its limit; return 1 if one misses it."""
    print(f"{SAMPLES} samples of {SAMPLED_NODES} nodes, on one core; ms a node: wall / CPU", flush=True)
    kept = True
    for figure in _figures():
        print(figure, flush=True)
        kept = kept and figure.kept
    return 0 if kept else 1


def _figures() -> Iterator[Figure]:
    cores = sorted(os.sched_getaffinity(0))
    with _nodes(cores[-1]) as ports:
        networks = {size: _network(size, ports) for size in SIZES}
        os.sched_setaffinity(0, {cores[0]})
        pairs: dict[int, list[tuple[Cost, Cost]]] = {size: [] for size in SIZES}
        curls: dict[int, list[float]] = {size: [] for size in SIZES}
        for _sample in range(SAMPLES):
            for size, network in networks.items():
                pairs[size].append(_sampled(network))
                curls[size].append(_curl(_network(CURLED, ports)) / CURLED)
        os.sched_setaffinity(0, set(cores))
        yield from _of_surveys(pairs, {size: median(each) for size, each in curls.items()})
        survey_cpu = median(survey.cpu for survey, _floor in pairs[SIZES[-1]]) * SIZES[-1]
        yield _items(networks[SIZES[-1]], survey_cpu)


def _of_surveys(pairs: Mapping[int, Sequence[tuple[Cost, Cost]]], curls: Mapping[int, float]) -> Iterator[Figure]:
    for size, rows in pairs.items():
        survey, floor = Cost.median(row[0] for row in rows), Cost.median(row[1] for row in rows)
        ratio = median(ours.cpu / bare.cpu for ours, bare in rows)
        words = f"{size} nodes: survey {survey}, floor {floor}; {survey.wall / floor.wall:.2f} floors of wall time, and"
        yield Figure(f"{words} {ratio:.2f} of CPU", ratio, MOST_FLOORS)
        loops = curls[size] / survey.wall
        words = (
            f"{size} nodes: one curl after another {1e3 * curls[size]:.0f} ms a node, {loops:.0f} times the survey's"
        )
        yield Figure(words, loops, LEAST_CURLS, at_least=True)
    smallest, *larger = (Cost.median(ours for ours, _bare in rows).cpu for rows in pairs.values())
    bare_smallest, *bare_larger = (Cost.median(bare for _ours, bare in rows).cpu for rows in pairs.values())
    dearest = max(larger) / smallest
    words = f"a node of many costs the survey {dearest:.2f} times the CPU of one of {SIZES[0]}"
    yield Figure(f"{words} (the floor: {max(bare_larger) / bare_smallest:.2f})", dearest, LINEAR)


def _sampled(network: Network) -> tuple[Cost, Cost]:
    """Return what a node costs the survey and the floor, over many runs of one and the other in turn."""
    rounds = SAMPLED_NODES // len(network.nodes)
    rows = [(_survey(network), _floor(network)) for _round in range(rounds)]
    survey, floor = (Cost.sum(costs) for costs in zip(*rows, strict=True))
    return survey.over(SAMPLED_NODES), floor.over(SAMPLED_NODES)


@contextmanager
def _nodes(core: int) -> Iterator[tuple[int, int, int]]:
    """Serve the nodes from a process on another core."""
    with Ports() as free:
        ports = (free.take(), free.take(), free.take())
    command = [sys.executable, str(Path(__file__).with_name("bench_nodes.py")), *map(str, ports), str(core)]
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


def _items(network: Network, survey_cpu: float) -> Figure:
    """Run three checks of each node; return what an item takes of the whole run, all but the survey's own time."""
    rows = [
        f'[[nodes]]\nname = "{node.name}"\nrole = "{node.role}"\nrpc = "{node.rpc}"\nmetrics = "{node.metrics}"'
        for node in network.nodes
    ]
    words = ("run", "-q", "-k", " or ".join(ITEMS), "--target", "testnet.toml", "--run-dir", "run")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "testnet.toml").write_text(
            "[network]\ndead_proposer_seconds = 2\nround_timeout_seconds = 0.1\n" + "\n".join(rows)
        )
        began, used = time.monotonic(), _childrens_cpu()
        done = subprocess.run(
            [sys.executable, "-m", "prowl.chaos.commands.cli", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        seconds, cpu = time.monotonic() - began, _childrens_cpu() - used
        try:
            survey = json.loads((Path(folder) / "run" / "survey.json").read_text())
            report = json.loads((Path(folder) / "run" / "report.json").read_text())
        except OSError:
            raise RuntimeError(f"the run of many items ended with {done.returncode}: {done.stdout[-2000:]}") from None
    wanted = len(network.nodes) * len(ITEMS)
    if report["totals"]["held"] != wanted:
        raise RuntimeError(f"of {wanted} items {report['totals']} were held")
    wall_ms, cpu_ms = 1e3 * (seconds - survey["seconds"]) / wanted, 1e3 * (cpu - survey_cpu) / wanted
    return Figure(
        f"{wanted} items reported, the survey apart: {wall_ms:.2f} ms each, {cpu_ms:.2f} ms of CPU", cpu_ms, ITEM_MS
    )


def _childrens_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
