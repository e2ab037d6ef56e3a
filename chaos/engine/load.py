"""The load: signed transfers at a bounded rate, counted at the sender and found again in blocks.

Empty blocks leave the state root as it was, so that without load equal roots prove nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

from prowl.fixtures.clients.budget import Budget
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID
from prowl.fixtures.network import Network, Node
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.chain.transactions import intrinsic_gas, sign_transfer, sign_typed_transfer
from prowl.reports.timeline import TransferCounts

ANSWER_SECONDS = 2.0
GAS_PRICE_WEI = 3_000_000_000
VALUE_WEI = 10**12
JOIN_SECONDS = 10.0
KINDS = ((0, b""), (1, b""), (2, b""), (0, b"prowl"), (2, b"prowl"))  # type and data of a transfer
SENDER = 9  # the last of the funded development keys: no validator of a cluster of up to nine signs with it
CALLS_A_TRANSFER = 5  # where calls are limited: it is sent, looked for twice, and now and then sent again
SHARE_OF_LIMIT = 0.2  # of a node's rate limit for the load: the observer has the larger part
AGAIN_SECONDS = 3.0  # a transfer that no block holds by then is sent again: its node may have died with it


@dataclass(frozen=True)
class Flow:
    """What became of the load: transfers accepted by a node, those found in blocks, and the first refusals' words."""

    accepted: int
    found: int
    refusals: tuple[str, ...] = ()

    @property
    def flowed(self) -> bool:
        """Whether every accepted transfer was found in a block, and there was one."""
        return self.accepted > 0 and self.found == self.accepted


@dataclass
class _Transfer:
    nonce: int
    raw: str
    hash: str
    once: bool = False
    sent: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether it was sent so long ago that it is time to ask, and perhaps to send it again."""
        return not self.once and time.monotonic() - self.sent > AGAIN_SECONDS


class Load:
    """Sends transfers to the network's nodes in turn until it is closed; a context manager.

    Where the nodes have a rate limit it stays below its share of it, and so sends less often than it is told to.
    """

    def __init__(
        self, network: Network, chance: random.Random, rate_per_second: float = 2.0, *, every_kind: bool = False
    ) -> None:
        self.network = network
        self.chance = chance
        self.rate_per_second = rate_per_second
        self.every_kind = every_kind
        self.accepted: list[str] = []
        self.refusals: list[str] = []
        self.rivals: list[tuple[str, ...]] = []
        self._pending: list[_Transfer] = []
        self._found: dict[str, int] = {}  # by hash, the height of its block
        self._unasked: set[str] = set()  # for which a limit left no call when they were last looked for
        limit = network.rpc_calls_per_minute
        if limit is not None:
            every = len(network.nodes) * SHARE_OF_LIMIT * limit / 60
            self.rate_per_second = min(rate_per_second, every / CALLS_A_TRANSFER)
        self._budgets = {node.name: Budget(None if limit is None else SHARE_OF_LIMIT * limit) for node in network.nodes}
        self._key = PrivateKey.from_hex(development_key(SENDER).private)
        self._only: tuple[str, ...] = ()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prowl-load", daemon=True)
        self._http = httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._http.close()

    @contextmanager
    def through(self, names: tuple[str, ...]) -> Iterator[None]:
        """Send to these nodes only for the length of a block, and what they accept to nobody else."""
        self._only = names
        try:
            yield
        finally:
            self._only = ()

    def stop(self) -> None:
        """Send no more; what was found is looked for anew, for a reorganisation may have dropped it."""
        self._ended.set()
        self._thread.join(JOIN_SECONDS)
        self._found.clear()

    def flow(self) -> Flow:
        """Ask the nodes for the receipt of each accepted transfer not found yet, and count those that a block holds."""
        accepted = list(self.accepted)
        for each in accepted:
            height = None if each in self._found else self._height_of(each)
            if height is not None:
                self._found[each] = height
        return Flow(len(accepted), len(self._found), tuple(self.refusals[:3]))

    def transfers(self, t: float) -> TransferCounts:
        """Return what became of all of it, for the timeline; every accepted one is asked for once more.

        What a limit leaves no call for stays as it was when it was asked for since the load was stopped; where one of
        those had not been found, the row is not final.
        """
        before = dict(self._found)
        self._found.clear()
        self.flow()
        rivals = {each: height for group in self.rivals for each in group if (height := self._height_of(each))}
        kept = {each: height for each, height in before.items() if each in self._unasked}
        included = {**kept, **self._found, **rivals}
        final = included.keys() >= self._unasked
        return TransferCounts(t, tuple(self.accepted), tuple(included.items()), rivals=tuple(self.rivals), final=final)

    def resend(self) -> None:
        """Send what no block has held for a while to every node again; with nothing so old nobody is asked."""
        if not any(transfer.due for transfer in self._pending):
            return
        mined = max((nonce for node in self.network.nodes if (nonce := self._mined(node)) is not None), default=0)
        self._pending = [transfer for transfer in self._pending if transfer.nonce >= mined]
        for transfer in self._pending:
            if transfer.due:
                transfer.sent = time.monotonic()
                for node in self.network.nodes:
                    self._call(node, "eth_sendRawTransaction", [transfer.raw])

    def _run(self) -> None:
        nonce = None
        while not self._ended.wait(1 / self.rate_per_second):
            if nonce is None:
                nonce = next((found for node in self.network.nodes if (found := self._mined(node)) is not None), None)
            if nonce is not None and self._send(nonce):
                nonce += 1
            self.resend()

    def _send(self, nonce: int) -> bool:
        to = development_key(self.chance.randrange(SENDER)).address
        kind, data = KINDS[nonce % len(KINDS)] if self.every_kind else KINDS[0]
        raw = (
            sign_typed_transfer(self._key, kind, nonce, to, VALUE_WEI, GAS_PRICE_WEI, CHAIN_ID, data)
            if kind
            else sign_transfer(
                self._key, nonce, to, VALUE_WEI, GAS_PRICE_WEI, CHAIN_ID, gas_limit=intrinsic_gas(data), data=data
            )
        )
        only = self._only
        for node in self.chance.sample(self.network.nodes, len(self.network.nodes)):
            if only and node.name not in only:
                continue
            answer = self._call(node, "eth_sendRawTransaction", [raw])
            if isinstance(answer, str):
                self.accepted.append(answer)
                self._pending.append(_Transfer(nonce, raw, answer, bool(only)))
                return True
        return False

    def _mined(self, node: Node) -> int | None:
        answer = self._call(node, "eth_getTransactionCount", [self._key.address, "latest"])
        return int(answer, 16) if isinstance(answer, str) else None

    def _height_of(self, transfer: str) -> int | None:
        """Return the height of the block that holds a transfer, as the first node tells that knows one."""
        self._unasked.discard(transfer)
        first = int(transfer, 16) % len(self.network.nodes)  # each node has its share of the calls
        for node in (*self.network.nodes[first:], *self.network.nodes[:first]):
            if not self._budgets[node.name].take(1):
                self._unasked.add(transfer)
                continue
            receipt = self._asked(node, "eth_getTransactionReceipt", [transfer])
            height = receipt.get("blockNumber") if isinstance(receipt, dict) else None
            if isinstance(height, str):
                self._unasked.discard(transfer)
                return int(height, 16)
        return None

    def _call(self, node: Node, method: str, params: list[Any]) -> Any:
        """Return the result; None if there is none or the budget leaves no call."""
        return self._asked(node, method, params) if self._budgets[node.name].take(1) else None

    def _asked(self, node: Node, method: str, params: list[Any]) -> Any:
        """Return the result; None if there is none (a refusal's words are kept)."""
        try:
            answer = self._http.post(node.rpc, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            body = answer.json()
        except (httpx.HTTPError, ValueError):
            return None
        if isinstance(body, dict) and "error" in body and method == "eth_sendRawTransaction":
            self.refusals.append(f"{node.name}: {str(body['error'])[:200]}")
        return body.get("result") if isinstance(body, dict) else None
