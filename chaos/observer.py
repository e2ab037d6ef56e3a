"""The observer: one loop of its own thread samples every node and writes the timeline as it goes.

A sample is one RPC batch, one metrics page and one health answer of one node, at the same instant for all nodes. The
observer knows its own lateness: a loop that was starved writes a gap, so that its silence is never read as a node's.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import aiohttp

from prowl.fixtures.metrics_page import read_metrics
from prowl.fixtures.network import Network, Node
from prowl.fixtures.waiting import tick, wait_until
from prowl.reports.timeline import TimelineWriter

SLOWEST_SECONDS = 0.5
FASTEST_SECONDS = 0.1
SAMPLES_PER_BLOCK = 4
ANSWER_SECONDS = 2.0
PAGE_LIMIT_BYTES = 1_000_000
# A loop that comes this much later than it should, in paces, was starved: half the time it should have looked, it did
# not, so what it saw says nothing about that stretch.
LATE_PACES = 2.0
BLOCKS_A_SAMPLE = 20  # at most so many blocks that came between two samples are asked for one by one
JOIN_SECONDS = 10.0

METRICS = (
    "coc_block_height",
    "coc_consensus_state",
    "coc_peers_connected",
    "coc_process_memory_bytes",
    "coc_bft_round_height",
    "coc_bft_equivocations_total",
    "coc_fork_choice_max_depth_blocks",
    "coc_tx_pool_pending",
    "coc_uptime_seconds",
)


class Observer:
    """Samples a network into a timeline until it is closed; a context manager."""

    def __init__(self, network: Network, writer: TimelineWriter) -> None:
        self.network = network
        self.writer = writer
        interval = network.block_interval_seconds or 1.0
        self.pace_seconds = min(max(interval / SAMPLES_PER_BLOCK, FASTEST_SECONDS), SLOWEST_SECONDS)
        self.newest: dict[str, dict[str, Any]] = {}
        self.tips: list[tuple[float, int]] = []  # when the network's height was first seen, in seconds
        self._proposals: list[tuple[float, str]] = []  # when a block of that proposer was first seen
        self._known: dict[str, int] = {}
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prowl-observer", daemon=True)
        self._failure: Future[None] = Future()

    def __enter__(self) -> Observer:
        self.event("cluster started")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(JOIN_SECONDS)
        with self._lock:
            self.writer.event(self.now(), "end" if error is None else f"cut short: {type(error).__name__}")
            self.writer.close()

    def now(self) -> float:
        """Return the timeline's time in seconds."""
        return time.monotonic() - self._began

    def event(self, text: str) -> None:
        """Write what is about to be done, in the timeline's words."""
        with self._lock:
            self.writer.event(self.now(), text)

    def check(self) -> None:
        """Raise what ended the observer, if it has ended before its time."""
        if self._failure.done():
            self._failure.result()

    def hold(self, seconds: float) -> None:
        """Watch for so long; raises what ended the observer, if that happens meanwhile."""
        until = time.monotonic() + seconds

        def over() -> bool:
            self.check()
            return time.monotonic() >= until

        wait_until(over, seconds, self.pace_seconds)

    def height(self, node: str) -> int | None:
        """Return the height in the node's newest sample; None if it did not answer."""
        height = self.newest.get(node, {}).get("rpc_height")
        return height if isinstance(height, int) else None

    def interval_seconds(self, least_blocks: int) -> float | None:
        """Return the block interval by the heights seen; None until so many blocks have been seen to come."""
        tips = self.tips[1:]  # the first was there before we looked
        if not tips or tips[-1][1] - tips[0][1] < least_blocks:
            return None
        return (tips[-1][0] - tips[0][0]) / (tips[-1][1] - tips[0][1])

    def proposers_since(self, t: float) -> set[str]:
        """Return the addresses that have proposed a block first seen after ``t`` seconds."""
        with self._lock:
            return {address for seen, address in self._proposals if seen > t}

    # -- its loop ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._loop())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks: an observer that died is no calm network
            self._failure.set_exception(error)

    async def _loop(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
            self.http = http
            due = time.monotonic()
            pending: dict[str, asyncio.Task[None]] = {}
            while not self._ended.is_set():
                self._note_lateness(time.monotonic() - due)
                for node in self.network.nodes:
                    # A node that has not answered its last sample yet is not asked again: that sample will say so.
                    if node.name not in pending or pending[node.name].done():
                        _raise_failure(pending.get(node.name))
                        pending[node.name] = asyncio.create_task(self._sample(node))
                due = max(due + self.pace_seconds, time.monotonic())
                await tick(max(0.0, due - time.monotonic()))
            for task in pending.values():
                task.cancel()
            await asyncio.gather(*pending.values(), return_exceptions=True)

    def _note_lateness(self, late_seconds: float) -> None:
        if late_seconds > LATE_PACES * self.pace_seconds:
            with self._lock:
                self.writer.gap(self.now(), late_seconds, "the observer was starved")

    async def _sample(self, node: Node) -> None:
        asked = self.now()
        try:
            values = await self._values(node)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            with self._lock:
                self.newest[node.name] = {}
                self.writer.error(asked, node.name, type(error).__name__)
            return
        with self._lock:
            self.newest[node.name] = values
            height = values.get("rpc_height")
            if isinstance(height, int) and (not self.tips or height > self.tips[-1][1]):
                self.tips.append((asked, height))
                self._proposals += [(asked, block[3]) for block in values.get("blocks", ())]
                self._proposals.append((asked, str(values.get("miner"))))
            self.writer.sample(asked, node.name, values)

    async def _values(self, node: Node) -> dict[str, Any]:
        """Return a sample; raises what ``_sample`` writes down as no answer only if the RPC does not answer."""
        head, page, health = await asyncio.gather(self._head(node), self._page(node), self._health(node))
        values: dict[str, Any] = {**page, **health, **head}
        if "latest" in head:
            values["blocks"] = await self._between(node, head["latest"][0])
        return values

    async def _head(self, node: Node) -> dict[str, Any]:
        number, latest, final = await self._batch(
            node,
            [("eth_blockNumber", []), *(("eth_getBlockByNumber", [tag, False]) for tag in ("latest", "finalized"))],
        )
        values: dict[str, Any] = {}
        if isinstance(number, str):
            values["rpc_height"] = int(number, 16)
        if isinstance(latest, dict):
            values["latest"] = [
                int(latest["number"], 16), latest["hash"], latest["parentHash"], bool(latest.get("finalized"))
            ]  # fmt: skip
            values["miner"] = latest.get("miner")
            values["stamp"] = int(latest["timestamp"], 16)
        if isinstance(final, dict):
            values["fin"] = [int(final["number"], 16), final["hash"]]
        return values

    async def _between(self, node: Node, height: int) -> list[list[Any]]:
        """Return the blocks that came since the node's sample before this, so that each one's proposer is known."""
        known = self._known.get(node.name, height)
        self._known[node.name] = max(height, known)
        missed = range(max(known + 1, height - BLOCKS_A_SAMPLE), height)
        if not missed:
            return []
        blocks = await self._batch(node, [("eth_getBlockByNumber", [hex(number), False]) for number in missed])
        return [
            [int(block["number"], 16), block["hash"], block["parentHash"], block["miner"], int(block["timestamp"], 16)]
            for block in blocks
            if isinstance(block, dict)
        ]

    async def _batch(self, node: Node, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        async with self.http.post(node.rpc, json=body) as answer:
            rows = json.loads(await answer.content.read(PAGE_LIMIT_BYTES))
        if not isinstance(rows, list):
            raise ValueError(f"{node.rpc} answered a batch with {str(rows)[:100]}")
        by_id = {row.get("id"): row.get("result") for row in rows if isinstance(row, dict)}
        return [by_id.get(number) for number in range(len(calls))]

    async def _page(self, node: Node) -> dict[str, Any]:
        if node.metrics is None:
            return {}
        try:
            async with self.http.get(node.metrics) as answer:
                page = (await answer.content.read(PAGE_LIMIT_BYTES)).decode("utf-8", "replace")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}
        found = read_metrics(page, METRICS)
        return {name.removeprefix("coc_"): metric.value for name, metric in found.items() if metric.value is not None}

    async def _health(self, node: Node) -> dict[str, Any]:
        try:
            async with self.http.get(node.rpc.rstrip("/") + "/health") as answer:
                return {"health": answer.status}
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}


def _raise_failure(task: asyncio.Task[None] | None) -> None:
    if task is not None and not task.cancelled():
        task.result()
