"""What one sample of one node holds: its RPC's batch, its metrics page and its health."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp

from prowl.fixtures.clients.budget import Budget
from prowl.fixtures.clients.metrics_page import read_metrics
from prowl.fixtures.network import Network, Node

PAGE_LIMIT_BYTES = 1_000_000
SLOW_PAGE_MS = 50.0  # how long a page took is told from here on: a scrape may not have that time
BLOCKS_A_SAMPLE = 20  # at most so many blocks that came between two samples are asked for one by one
LIMITED = 429
LOOKS_A_CALL = 10  # of a node that is silent altogether only every tenth look asks what it counts
SHARE_OF_LIMIT = 0.6  # of a node's rate limit for the observer; the load and the proofs need the rest
HEAD = (
    ("eth_blockNumber", ()),
    ("eth_getBlockByNumber", ("latest", False)),
    ("eth_getBlockByNumber", ("finalized", False)),
)
BFT = ("coc_getBftStatus", ())
DOUBLE_VOTES = "bft_equivocations_total"
HEALTH_CALLS = 1  # the health address lies on the RPC port, and is counted there

METRICS = (
    "coc_block_height",
    "coc_consensus_state",
    "coc_peers_connected",
    "coc_process_memory_bytes",
    "coc_bft_round_height",
    "coc_bft_equivocations_total",
)

Call = tuple[str, tuple[Any, ...]]


class RateLimitedError(Exception):
    """The node refused the recorder for asking too much: this says nothing about the node."""


class Sampler:
    """Asks the nodes of a network; stays below their rate limit where they have one."""

    def __init__(self, network: Network, http: aiohttp.ClientSession) -> None:
        limit = network.rpc_calls_per_minute
        self._http = http
        self._limited = limit is not None
        self._budgets = {node.name: Budget(None if limit is None else SHARE_OF_LIMIT * limit) for node in network.nodes}
        self._silent: dict[str, int] = {}  # looks since a node's RPC accepted a call and did not answer it in time
        self._known: dict[str, int] = {}
        self._double_votes: dict[str, tuple[int, float]] = {}  # when a node was asked, in ms, and its count

    def may_ask(self, node: Node) -> bool:
        """Whether the node's rate limit leaves room for a sample; if so, its calls are counted."""
        return self._budgets[node.name].take(len(self._head_calls) + HEALTH_CALLS)

    @property
    def _head_calls(self) -> tuple[Call, ...]:
        return HEAD if self._limited else (*HEAD, BFT)

    async def sample(self, node: Node) -> dict[str, Any]:
        """Return a sample's values; what could not be read is left out.

        Raises RateLimitedError, and for an RPC that does not answer aiohttp's errors, OSError, TimeoutError or
        ValueError.
        """
        asked_ms = int(1000 * time.time())
        if self._limited and node.name in self._silent:
            self._silent[node.name] += 1
            if self._silent[node.name] % LOOKS_A_CALL and await self._page_is_silent(node):
                raise TimeoutError
        try:
            head, page, health = await asyncio.gather(self._head(node), self._page(node), self._health(node))
        except TimeoutError:
            self._silent.setdefault(node.name, 0)
            raise
        self._silent.pop(node.name, None)
        values: dict[str, Any] = {**page, **health, **head}
        values.update(await self._twice(node, values.get(DOUBLE_VOTES), asked_ms))
        if "latest" in head:
            values["blocks"] = await self._between(node, head["latest"][0])
        return values

    async def _head(self, node: Node) -> dict[str, Any]:
        number, latest, final, *bft = await self._batch(node, self._head_calls)
        values: dict[str, Any] = {}
        if isinstance(number, str):
            values["rpc_height"] = int(number, 16)
        if isinstance(latest, dict):
            values["latest"] = [
                int(latest["number"], 16), latest["hash"], latest["parentHash"], bool(latest.get("finalized"))
            ]  # fmt: skip
            values["miner"] = latest.get("miner")
            values["stamp"] = int(latest["timestamp"], 16)
            if isinstance(latest.get("stateRoot"), str):
                values["root"] = latest["stateRoot"]
        if isinstance(final, dict):
            values["fin"] = [int(final["number"], 16), final["hash"]]
        if bft and isinstance(bft[0], dict):
            values["bft"] = {key: bft[0].get(key) for key in ("height", "phase", "prepareVotes", "commitVotes")}
        return values

    async def _twice(self, node: Node, count: float | None, asked_ms: int) -> dict[str, list[str]]:
        """Return who has voted twice, if the node counts more double votes than in its sample before this."""
        if count is None:
            return {}
        since_ms, before = self._double_votes.get(node.name, (asked_ms, count))
        self._double_votes[node.name] = asked_ms, count
        if count <= before:
            return {}
        self._budgets[node.name].spend(1)
        (rows,) = await self._batch(node, [("coc_getEquivocations", (since_ms,))])
        found = rows if isinstance(rows, list) else []
        names = {str(row["validatorId"]).lower() for row in found if isinstance(row, dict) and row.get("validatorId")}
        return {"twice": sorted(names)} if names else {}

    async def _between(self, node: Node, height: int) -> list[list[Any]]:
        """Return the blocks that came since the node's sample before this, so that each one's proposer is known."""
        highest = self._known.get(node.name, height)
        self._known[node.name] = max(height, highest)
        missed = range(max(highest + 1, height - BLOCKS_A_SAMPLE), height)
        if not missed:
            return []
        self._budgets[node.name].spend(len(missed))
        blocks = await self._batch(node, [("eth_getBlockByNumber", (hex(number), False)) for number in missed])
        return [
            [int(block["number"], 16), block["hash"], block["parentHash"], block["miner"], int(block["timestamp"], 16)]
            for block in blocks
            if isinstance(block, dict)
        ]

    async def _batch(self, node: Node, calls: tuple[Call, ...] | list[Call]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(calls)
        ]
        async with self._http.post(node.rpc, json=body) as answer:
            if answer.status == LIMITED:
                raise RateLimitedError(f"{node.rpc} answered {LIMITED}")
            rows = json.loads(await answer.content.read(PAGE_LIMIT_BYTES))
        if not isinstance(rows, list):
            raise ValueError(f"{node.rpc} answered a batch with {str(rows)[:100]}")
        by_id = {row.get("id"): row.get("result") for row in rows if isinstance(row, dict)}
        return [by_id.get(number) for number in range(len(calls))]

    async def _page(self, node: Node) -> dict[str, Any]:
        if node.metrics is None:
            return {}
        began = time.monotonic()
        try:
            async with self._http.get(node.metrics) as answer:
                page = (await answer.content.read(PAGE_LIMIT_BYTES)).decode("utf-8", "replace")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}
        found = read_metrics(page, METRICS)
        values = {name.removeprefix("coc_"): metric.value for name, metric in found.items() if metric.value is not None}
        milliseconds = round(1000 * (time.monotonic() - began), 1)
        return {"page_ms": milliseconds, **values} if milliseconds > SLOW_PAGE_MS else values

    async def _page_is_silent(self, node: Node) -> bool:
        """Whether the metrics page, which has no limit, is accepted and not answered either.

        What a paused node's RPC is asked waits for it: all at once, it would be above its limit when it goes on.
        """
        if node.metrics is None:
            return False
        try:
            async with self._http.get(node.metrics):
                return False
        except TimeoutError:
            return True
        except (aiohttp.ClientError, OSError):
            return False

    async def _health(self, node: Node) -> dict[str, Any]:
        try:
            async with self._http.get(node.rpc.rstrip("/") + "/health") as answer:
                return {} if answer.status == LIMITED else {"health": answer.status}
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}
