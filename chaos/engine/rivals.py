"""Transfers of which the chain can hold only one, all of them accepted by a node: what a wallet at two nodes does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prowl.chaos.engine.load import GAS_PRICE_WEI
from prowl.chaos.engine.probes import ask
from prowl.chaos.engine.stage import Stage, StepError
from prowl.fixtures.clusters.keys import development_key
from prowl.fixtures.clusters.spec import CHAIN_ID, ClusterSpec
from prowl.fixtures.reference.chain.crypto import PrivateKey
from prowl.fixtures.reference.chain.transactions import sign_transfer
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event

SPREAD_SECONDS = 2.0
OFTEN, ONCE = 8, 7  # funded development keys with which no validator of up to seven signs; the load has the next one


@dataclass(frozen=True)
class OneNonce:
    """Sends each node another transfer with the same nonce: one of them comes into the chain, and the others never."""

    words = "send another transfer with the same nonce to each of"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why there are no two nodes to send them to."""
        return None if spec.count > 1 else "a cluster of one node has nobody else to send the other transfer to"

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Sign one for each node, and send them."""
        sender = _Sender(stage, nodes[0], OFTEN)
        sender.send(self.words, [(name, sender.signed(0, 1 + number)) for number, name in enumerate(nodes)])


@dataclass(frozen=True)
class Overdraft:
    """Sends two transfers of one sender, either of which it can pay, but not both: one of them can be in the chain.

    A node's RPC takes both, and to apply the second is refused. It is sent before the first, so that it waits in every
    pool.
    """

    words = "send two transfers, of which the sender can pay one, to"

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any node can be sent them
        """Return None."""
        return None

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Sign two for the first node, and send them one after the other."""
        sender = _Sender(stage, nodes[0], ONCE)
        most = sender.balance() * 6 // 10
        later_first = [sender.signed(number, most) for number in (1, 0)]
        sender.send(self.words, [(nodes[0], transfer) for transfer in later_first], spread=True)


class _Sender:
    """Somebody with funds, as one node sees the account."""

    def __init__(self, stage: Stage, node: str, key: int) -> None:
        self._stage = stage
        self._rpc = stage.cluster.node(node).rpc
        self._key = PrivateKey.from_hex(development_key(key).private)
        self._nonce = self._number("eth_getTransactionCount")

    def balance(self) -> int:
        """Return what it has, in wei."""
        return self._number("eth_getBalance")

    def signed(self, number: int, value_wei: int) -> str:
        """Return a signed transfer with a nonce so far after its last one."""
        to = development_key(0).address
        return sign_transfer(self._key, self._nonce + number, to, value_wei, GAS_PRICE_WEI, CHAIN_ID)

    def send(self, words: str, rows: Sequence[tuple[str, str]], *, spread: bool = False) -> None:
        """Send each to its node, and tell the load about those that were accepted; StepError unless all of them are.

        ``spread``: wait, but not for long, until every node shows one before the next is sent.
        """
        load = self._stage.play.load
        if load is None:
            raise StepError("There is no load that could look for these transfers in blocks.")
        found = []
        for name, transfer in rows:
            found.append(ask(self._stage.cluster.node(name).rpc, "eth_sendRawTransaction", transfer))
            if spread:
                wait_until(lambda: self._is_everywhere(found[-1]), SPREAD_SECONDS, SPREAD_SECONDS / 4)
        accepted = tuple(answer for answer in found if isinstance(answer, str))
        load.rivals.append(accepted)
        self._stage.write(Event(0.0, f"{words} {' '.join(dict.fromkeys(name for name, _ in rows))}"))
        if len(accepted) < len(rows):
            raise StepError(
                f"{len(rows)} transfers of which one can be in the chain were sent; {len(accepted)} were accepted"
            )

    def _is_everywhere(self, transfer: object) -> bool:
        nodes = self._stage.cluster.network.nodes
        return all(ask(node.rpc, "eth_getTransactionByHash", transfer) is not None for node in nodes)

    def _number(self, method: str) -> int:
        answer = ask(self._rpc, method, self._key.address, "latest")
        if not isinstance(answer, str):
            raise StepError(f"{self._rpc} does not answer {method}")
        return int(answer, 16)
