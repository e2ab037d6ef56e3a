"""The fork choice: ten thousand trees by the model, and twenty of them by real reference nodes.

One node, which makes no block itself, is served by peers that the test plays with the validators' keys: each claims one
branch of a tree and serves its blocks (or pushes them unasked), in two orders, what is final last or first. It must
end with the model's head.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from prowl.checks.fork_choice import DOCUMENTED, MANUAL
from prowl.checks.selftest.fork_choice_kit import PLANTED, Follower, by_the_sentence
from prowl.checks.selftest.fork_choice_stories import MEASURES, Peer, Story, certificate, draw, peers_of
from prowl.fixtures.reference.chain.blocks import InvalidBlock
from prowl.fixtures.reference.chain.chain import Chain, UnknownParent
from prowl.fixtures.reference.config import load
from prowl.fixtures.reference.node import chain_spec
from prowl.fixtures.reference.selftest.chain_kit import MemoryStores, certificate_of, spec, verify
from prowl.fixtures.reference.selftest.node_kit import Network, key_of, network
from prowl.fixtures.waiting import wait_until

TREES = 10_000
REPLAYED = 20
VALIDATORS = 4
NODE = VALIDATORS  # the node that is served; the peers come before it
STAKES = (1, 1, 3, 10**30)
SETTLE_SECONDS = 15.0
STAYS_SECONDS = 0.5


def fed(chance: random.Random, story: Story, follower: Follower) -> str:
    """Give somebody all of a tree in a drawn order; return the head."""
    lines: list[tuple[str, Any]] = [("block", block) for block in story.modelled]
    lines += [("final", name) for name in story.finals]
    for kind, what in chance.sample(lines, len(lines)):
        follower.take(what) if kind == "block" else follower.finalize(what)
    return follower.head.hash


def taken(chance: random.Random, story: Story, chain: Chain) -> str:
    """Give a node's chain all of a tree in a drawn order, parents first; return its tip."""
    left = list(story.blocks)
    there = {story.genesis.hash}
    late = []
    while left:
        block = chance.choice([each for each in left if each.parent_hash in there])
        left.remove(block)
        there.add(block.hash)
        proof = certificate_of(block) if block.hash in story.finals else None
        late += [(block, proof)] if proof and chance.random() < 0.5 else []
        with contextlib.suppress(InvalidBlock, UnknownParent):
            chain.append(block, None if late and late[-1][0] is block else proof)
    for block, proof in late:
        chain.append(block, proof)
    return chain.tip.hash


def test_ten_thousand_trees() -> None:
    """The model at once and step by step, the manual's sentence, and the node's own chain: one head."""
    network_spec = spec(stakes=STAKES)
    genesis = Chain(network_spec, MemoryStores(), verify).genesis
    decided = dict.fromkeys(MEASURES, 0)
    other = found = 0
    for seed in range(TREES):
        chance = random.Random(seed)
        story = draw(chance, genesis, network_spec)
        head = story.tree.head().hash
        assert head == by_the_sentence(story.modelled, story.finals, genesis.hash), seed
        for _ in range(2):
            assert head == fed(chance, story, Follower(MANUAL.prefers, genesis.hash)), seed
        assert head == taken(chance, story, Chain(network_spec, MemoryStores(), verify)), seed
        other += head != story.tree.head(DOCUMENTED).hash
        found += head != fed(chance, story, Follower(PLANTED["tie-by-arrival"], genesis.hash))
        if len(story.tree.tips()) > 1:
            decided[story.decided_by] += 1
    print(f"{TREES} trees; decided by {decided}; COC's documented rule takes another head in {other}")
    print(f"a node that keeps what came first where branches are equal has another head in {found}")
    assert min(decided.values()) > TREES / 50
    assert other > 0 < found


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Story]]:
    """Return the drawn trees to be replayed: as many of each kind of decision.

    In each a wrong measure would choose another branch.
    """
    with laid_out(tmp_path_factory.mktemp("drawn")) as net:
        described = chain_spec(load(net.config_path(NODE), net.environment(NODE)))
    genesis = Chain(described, MemoryStores(), verify).genesis
    found: dict[str, list[Story]] = {name: [] for name in MEASURES}
    drawn = (draw(random.Random(seed), genesis, described) for seed in range(TREES))
    for story in drawn:
        kind = story.decided_by if 2 <= len(story.tree.tips()) <= VALIDATORS else ""
        if kind and story.tempts and len(found[kind]) < REPLAYED / len(MEASURES):
            found[kind].append(story)
        if sum(map(len, found.values())) == REPLAYED:
            break
    return found


def laid_out(folder: Path) -> contextlib.AbstractContextManager[Network]:
    """Lay out a network of validators without BFT and one node beside them."""
    addresses = [key_of(number).address for number in range(VALIDATORS)]
    stakes = [{"id": one, "address": one, "stake": str(stake)} for one, stake in zip(addresses, STAKES, strict=True)]
    return network(
        folder, VALIDATORS + 1, enableBft=False, validators=addresses, validatorStakes=stakes, syncIntervalMs=100,
        enableWireProtocol=False, enableDht=False,
    )  # fmt: skip


@dataclass
class Replay:
    """A tree that is shown to one node, branch by branch and final block by final block."""

    net: Network
    peers: dict[str, Peer]
    """By the last block of the branch that each has."""
    story: Story
    pushed: bool
    model: Follower = field(init=False)
    shown: list[str] = field(default_factory=list)
    certificates: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = Follower(MANUAL.prefers, self.story.genesis.hash)

    def play(self, backward: bool) -> bool:
        """Show all of it, the branches first and what is final late, or the other way; False once a head is wrong."""
        steps = [(self.show, leaf) for leaf in self.peers] + [(self.finalize, name) for name in self.story.finals]
        return all(self.settles(step, name) for step, name in (steps[::-1] if backward else steps))

    def show(self, leaf: str) -> None:
        """Let the peer that has it show a branch."""
        self.shown.append(leaf)
        for block in self.story.modelled:
            if block.hash in self.story.tree.path(leaf):
                self.model.take(block)

    def finalize(self, name: str) -> None:
        """Let a quorum have signed a block."""
        self.certificates[name] = certificate(self.story.branch(name)[-1], VALIDATORS)
        self.model.finalize(name)

    def settles(self, step: Callable[[str], None], name: str) -> bool:
        """Take a step; return whether the node then has the model's head."""
        step(name)
        for leaf in self.shown:
            peer = self.peers[leaf]
            peer.show(self.story.branch(leaf), self.model.tree.tip(leaf), self.certificates)
            peer.push() if self.pushed else peer.tell()
        return bool(wait_until(lambda: self.head() == self.model.head.hash, SETTLE_SECONDS))

    def head(self) -> str:
        """Return the node's latest block."""
        return str(self.net.rpc(NODE, "eth_getBlockByNumber", "latest", False)["hash"])

    def is_whole(self) -> bool:
        """Whether the node's chain is the head's branch, block by block, and stays so."""
        branch = self.story.branch(self.model.head.hash)
        shown = [self.net.rpc(NODE, "eth_getBlockByNumber", hex(block.number), False)["hash"] for block in branch]
        same = shown == [block.hash for block in branch]
        return same and not wait_until(lambda: self.head() != branch[-1].hash, STAYS_SECONDS)


@contextlib.contextmanager
def replayed(folder: Path, story: Story, *, pushed: bool = False, defect: str | None = None) -> Iterator[Replay]:
    """Start a node with an empty chain, and a peer for each branch of the tree."""
    with laid_out(folder) as net, peers_of(net, VALIDATORS, NODE, story.genesis) as peers:
        net.start(NODE, defect=defect)
        leaves = sorted(tip.hash for tip in story.tree.tips())
        yield Replay(net, dict(zip(leaves, peers, strict=False)), story, pushed)


@pytest.mark.parametrize(("kind", "pushed"), [*((kind, False) for kind in MEASURES), ("final", True)])
def test_trees_replayed_on_a_real_node(
    tmp_path: Path, stories: dict[str, list[Story]], kind: str, pushed: bool
) -> None:
    assert len(stories[kind]) == REPLAYED / len(MEASURES)
    for number, story in enumerate(stories[kind]):
        for backward in (False, True):
            with replayed(tmp_path / f"{number}-{backward}", story, pushed=pushed) as replay:
                assert replay.play(backward), (number, backward, replay.head(), replay.model.head)
                assert replay.model.head == story.tree.head()
                assert replay.is_whole()
    other = sum(story.tree.head(DOCUMENTED) != story.tree.head() for story in stories[kind])
    print(f"{len(stories[kind])} trees decided by {kind}, each in two orders: the manual's rule was kept")
    print(f"COC's documented rule takes another head in {other} of them")


@pytest.mark.parametrize(
    ("defect", "kind", "pushed"),
    [
        ("tie-by-arrival", "hash", False),
        ("weight-before-length", "length", False),
        ("length-before-finality", "final", False),
        ("longer-over-final", "final", True),  # a branch that claims less than what is final here is not asked for
    ],
)
def test_a_planted_choice_is_found_by_the_replay(
    tmp_path: Path, stories: dict[str, list[Story]], defect: str, kind: str, pushed: bool
) -> None:
    found = ""
    for number, backward in product(range(len(stories[kind])), (True, False)):
        story = stories[kind][number]
        with replayed(tmp_path / f"{number}-{backward}", story, pushed=pushed, defect=defect) as replay:
            if not replay.play(backward):
                found = f"in tree {number} the node has {replay.head()}, the manual's rule {replay.model.head.hash}"
                break
    assert found
    print(f"{defect}: {found}")
