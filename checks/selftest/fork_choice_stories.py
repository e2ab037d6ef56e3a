"""Drawn trees of real blocks, and peers of the suite that serve their branches to a reference node."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from prowl.checks.fork_choice import MANUAL, Branch
from prowl.checks.selftest import fork_choice_kit
from prowl.checks.selftest.fork_choice_kit import Tree
from prowl.fixtures.clusters.ports import LOOPBACK
from prowl.fixtures.reference.chain.blocks import Block
from prowl.fixtures.reference.chain.roots import EMPTY_ROOT
from prowl.fixtures.reference.chain.spec import ChainSpec
from prowl.fixtures.reference.consensus.messages import Certificate, Kind, Vote, encode_certificate, vote_bytes
from prowl.fixtures.reference.peers import envelope
from prowl.fixtures.reference.selftest.node_kit import CHAIN_ID, HTTP, Network, key_of

MEASURES = ["final", "length", "weight", "hash"]
"""What decides between branches, in the manual's order; of two hashes the lower one."""
MOST_BLOCKS = 9
LONG = 0.7  # of the blocks stand on one of the last two
FINAL = 0.5  # of the trees have a final block


@dataclass(frozen=True)
class Story:
    """A tree of blocks, parents first, and the hashes of those that are final, each above the last."""

    genesis: Block
    blocks: tuple[Block, ...]
    finals: tuple[str, ...]
    stakes: dict[str, int]

    @cached_property
    def modelled(self) -> tuple[fork_choice_kit.Block, ...]:
        """Return the blocks as the model has them."""
        return tuple(
            fork_choice_kit.Block(each.hash, each.parent_hash, self.stakes[each.miner]) for each in self.blocks
        )

    @cached_property
    def tree(self) -> Tree:
        """Return the whole tree with all that is final."""
        tree = Tree(self.genesis.hash)
        for block in self.modelled:
            tree.add(block)
        for name in self.finals:
            tree.finalize(name)
        return tree

    @property
    def decided_by(self) -> str:
        """Return what decides between the head and the branch that comes next."""
        first, second = sorted(self.tree.tips(), key=MANUAL.rank)[:2]
        return next(name for name in MEASURES if vars(first)[name] != vars(second)[name])

    @property
    def tempts(self) -> bool:
        """Whether who passes over the measure that decides would take another head, or has nothing to decide by."""
        passed = MEASURES.index(self.decided_by)
        rest = {tip.hash: (*MANUAL.rank(tip)[:passed], *MANUAL.rank(tip)[passed + 1 :]) for tip in self.tree.tips()}
        return passed == len(MEASURES) - 1 or min(rest, key=rest.__getitem__) != self.tree.head().hash

    def branch(self, leaf: str) -> list[Block]:
        """Return the blocks from the genesis up to one."""
        by_hash = {block.hash: block for block in (self.genesis, *self.blocks)}
        return [by_hash[name] for name in self.tree.path(leaf)][::-1]


def draw(chance: random.Random, genesis: Block, spec: ChainSpec) -> Story:
    """Draw a tree that a node of this network takes as valid: proposers in turn, times that their rounds allow."""
    validators = list(spec.stakes)
    blocks = [genesis]
    for count in range(chance.randint(2, MOST_BLOCKS)):
        parent = chance.choice(blocks[-2:] if chance.random() < LONG else blocks)
        miner = chance.randrange(len(validators))
        round_ = (miner - parent.number) % len(validators)
        waited = 0 if parent is genesis else round_ * spec.round_timeout_ms
        blocks.append(
            Block(
                number=parent.number + 1,
                parent_hash=parent.hash,
                miner=validators[miner],
                round=round_,
                timestamp_ms=parent.timestamp_ms + max(1, waited) + count,
                state_root=genesis.state_root,
                transactions_root=EMPTY_ROOT,
                receipts_root=EMPTY_ROOT,
                gas_used=0,
                raw_transactions=(),
            )
        )
    story = Story(genesis, tuple(blocks[1:]), (), dict(spec.stakes))
    if chance.random() >= FINAL:
        return story
    top = chance.choice(blocks[1:]).hash
    path = [block.hash for block in story.branch(top)[1:]]
    finals = tuple(name for name in path if name == top or chance.random() < FINAL)
    return Story(genesis, story.blocks, finals, story.stakes)


def certificate(block: Block, validators: int) -> dict[str, Any]:
    """Return the certificate of a block that all validators have signed."""
    votes = []
    for key in map(key_of, range(validators)):
        vote = Vote(Kind.COMMIT, block.number, 0, block.hash, key.address)
        votes.append(replace(vote, signature=key.sign_message(vote_bytes(CHAIN_ID, vote))))
    return encode_certificate(Certificate(block.number, 0, block.hash, tuple(votes)))


class Peer:
    """A peer of one node: it holds a validator's key, claims a chain, and serves its blocks."""

    def __init__(self, net: Network, number: int, node: int, genesis: Block) -> None:
        self._net, self._number, self._node = net, number, node
        self.rows: list[dict[str, Any]] = []
        self.claim: dict[str, Any] = {}
        self.show([genesis], Branch(1, 1, 0, genesis.hash), {})
        self._server = ThreadingHTTPServer((LOOPBACK, net.ports[number]["p2pPort"]), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def show(self, branch: Sequence[Block], tip: Branch, certificates: Mapping[str, Any]) -> None:
        """Serve and claim this branch from now on."""
        self.rows = [block.to_json() | {"certificate": certificates.get(block.hash)} for block in branch]
        self.claim = {"height": tip.length, "hash": tip.hash, "weight": str(tip.weight), "finalized": tip.final}

    def tell(self) -> None:
        """Say to the node what it claims, at once."""
        assert self.post("/p2p/ping", self.claim).status_code == 200

    def push(self) -> None:
        """Send the node every block of the branch, whatever it says to them."""
        for row in self.rows[1:]:
            self.post("/p2p/gossip-block", {"blocks": [row]})

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Send a signed message."""
        key = key_of(self._number)
        auth = envelope.sign_text(path, envelope.canonical(body).decode(), key.address, key, int(time.time() * 1000))
        return HTTP.post(self._net.url(self._node, "p2pPort", path), json={"_auth": auth, **body})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_words: object) -> None:
                """Stay silent."""

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.reply({"ok": True, **(peer.claim if self.path == "/p2p/ping" else {})})

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                first, last = (int(query[name][0]) for name in ("from", "to"))
                self.reply({"blocks": [row for row in peer.rows if first <= int(row["number"]) <= last]})

            def reply(self, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        return Handler


@contextmanager
def peers_of(net: Network, count: int, node: int, genesis: Block) -> Iterator[list[Peer]]:
    """Serve as so many peers of a node."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Peer(net, number, node, genesis))) for number in range(count)]
