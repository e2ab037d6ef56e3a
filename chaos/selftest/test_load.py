"""The load asks no more than it must: where nodes count calls, those are what the transfers themselves need."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from prowl.chaos.engine import load as module
from prowl.chaos.engine.load import Load
from prowl.fixtures.clients.budget import Budget
from prowl.fixtures.network import Network, Node

NODES = tuple(Node(f"node-{number}", "validator", f"http://127.0.0.1:{number}", None) for number in (1, 2))
NETWORK = Network(NODES, 1.0, 2.0, 2.0, 2.0, 0.0, owned=True)


class Chain(Load):
    """A load on a chain that holds every transfer with a nonce below ``mined``."""

    mined = 0

    def __init__(self) -> None:
        super().__init__(NETWORK, random.Random(1))
        self.calls: Counter[str] = Counter()
        self.sent: list[str] = []

    def _asked(self, node: Node, method: str, params: list[Any]) -> Any:
        self.calls[method] += 1
        if method == "eth_getTransactionCount":
            return hex(self.mined)
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
            return f"0x{len(self.sent)}"
        return {"blockNumber": "0x5"} if self.mined else None


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = Chain()
    for nonce in range(3):
        assert made._send(nonce)
    made.calls.clear()
    yield made
    made._http.close()


def test_nobody_is_asked_about_what_was_sent_just_now(chain: Chain) -> None:
    chain.resend()
    assert not chain.calls


def test_what_is_old_and_in_no_block_is_sent_to_every_node_again(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", -1.0)
    chain.mined = 2
    chain.resend()
    assert chain.calls == {"eth_getTransactionCount": 2, "eth_sendRawTransaction": 2}
    assert len(set(chain.sent[3:])) == 1


def test_what_is_in_a_block_is_not_asked_for_again(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", -1.0)
    chain.mined = 3
    chain.resend()
    chain.calls.clear()
    chain.resend()
    assert not chain.calls
    assert chain.flow().flowed
    asked = chain.calls["eth_getTransactionReceipt"]
    assert asked == 3, "one node of the two tells"
    chain.flow()
    assert chain.calls["eth_getTransactionReceipt"] == asked


class Limited(Load):
    """A load whose transfers are all in a block, on nodes that answer four calls each; it knows who was asked."""

    def __init__(self) -> None:
        super().__init__(replace(NETWORK, rpc_calls_per_minute=200.0), random.Random(1), 5.0)
        self.accepted = [f"0x{number:x}" for number in range(8)]
        self.asked: Counter[str] = Counter()
        self._budgets = {node.name: Budget(40.0, lambda: 0.0) for node in NODES}

    def _asked(self, node: Node, method: str, params: list[Any]) -> Any:
        self.asked[node.name] += 1
        return {"blockNumber": "0x5"}


def test_where_calls_are_counted_less_is_sent_and_what_nobody_was_asked_for_is_not_called_lost() -> None:
    load = Limited()
    assert load.rate_per_second == pytest.approx(2 * 40 / 60 / module.CALLS_A_TRANSFER)
    assert load.flow().flowed
    assert load.asked == {"node-1": 4, "node-2": 4}, "each node has its share"
    kept = load.transfers(1.0)
    assert ({name for name, _height in kept.included}, kept.final) == (set(load.accepted), True)
    load._found.clear()  # as when it is stopped
    unasked = load.transfers(2.0)
    assert (unasked.included, unasked.final) == ((), False)
    assert load.asked.total() == 8
    load._http.close()


def test_without_a_limit_what_a_block_no_longer_holds_is_not_found(chain: Chain) -> None:
    chain.mined = 3
    assert chain.flow().flowed
    chain.mined = 0
    assert (chain.transfers(1.0).included, chain.transfers(1.0).final) == ((), True)
