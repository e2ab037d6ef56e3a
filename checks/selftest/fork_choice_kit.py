"""What the tests of the fork choice share: who follows blocks one by one, and the manual's sentence, read by steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from prowl.checks.fork_choice import MANUAL, Block, Tip, Tree
from prowl.fixtures.reference.chain.forkchoice import Candidate, better
from prowl.fixtures.reference.defects.storage import length_before_finality, tie_by_arrival, weight_before_length

GENESIS = "0x00"
WEIGHTS = (0, 1, 1, 2, 10**18, 2**200)
Prefers = Callable[[Tip, Tip], bool]


def of_the_node(choice: Callable[[Candidate, Candidate], bool]) -> Prefers:
    """Return how a reference node's choice, which may be a planted one, compares branches."""

    def candidate(tip: Tip) -> Candidate:
        return Candidate(tip.final, tip.length, tip.weight, tip.hash)

    return lambda one, other: choice(candidate(one), candidate(other))


REFERENCE = of_the_node(better)
PLANTED = {
    "length-before-finality": of_the_node(length_before_finality),
    "weight-before-length": of_the_node(weight_before_length),
    "tie-by-arrival": of_the_node(tie_by_arrival),
}
"""Wrong choices of a reference node, by the names of the defects."""


class Follower:
    """Who takes blocks one by one, and at each arrival compares what it changes with the head that it has."""

    def __init__(self, prefers: Prefers = MANUAL.prefers, genesis: str = GENESIS) -> None:
        self.tree = Tree(genesis)
        self.head = self.tree.tip(genesis)
        self.finals: list[str] = []
        self._prefers = prefers
        self._waiting: dict[str, list[Block]] = {}
        self._final_later: set[str] = set()

    def take(self, block: Block) -> None:
        """Take a block; one whose parent is not there waits for it."""
        if block.parent not in self.tree:
            self._waiting.setdefault(block.parent, []).append(block)
            return
        self.tree.add(block)
        self._compare(self.tree.tip(block.hash))
        if block.hash in self._final_later:
            self.finalize(block.hash)
        for child in self._waiting.pop(block.hash, []):
            self.take(child)

    def finalize(self, name: str) -> None:
        """Learn that a block is final, perhaps before the block itself."""
        if name not in self.tree:
            self._final_later.add(name)
            return
        self.tree.finalize(name)
        self.finals.append(name)
        self.head = self.tree.tip(self.head.hash)
        for tip in self.tree.tips():
            self._compare(tip)

    def _compare(self, tip: Tip) -> None:
        if self._prefers(tip, self.head):
            self.head = tip


def by_the_sentence(blocks: Iterable[Block], finals: Collection[str], genesis: str = GENESIS) -> str:
    """Return the head that the manual's sentence names, word by word; shares nothing with the model."""
    below = {block.hash: block for block in blocks}

    def branch(name: str) -> list[str]:
        names = [name]
        while names[-1] in below:
            names.append(below[names[-1]].parent)
        return names[::-1]

    left = {name: branch(name) for name in (genesis, *below)}
    for measure in (
        lambda names: max((height for height, name in enumerate(names, 1) if name in finals), default=1),
        len,
        lambda names: sum(below[name].weight for name in names if name in below),
    ):
        most = max(map(measure, left.values()))
        left = {name: names for name, names in left.items() if measure(names) == most}
    return min(left)
