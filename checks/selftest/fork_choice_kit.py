"""What the tests of the fork choice share: a tree of blocks, a follower of it, and the manual's sentence in steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from prowl.checks.fork_choice import MANUAL, Branch, ForkChoiceRule
from prowl.fixtures.reference.chain.forkchoice import Candidate, better
from prowl.fixtures.reference.defects.storage import length_before_finality, tie_by_arrival, weight_before_length

GENESIS = "0x00"
WEIGHTS = (0, 1, 1, 2, 10**18, 2**200)
Prefers = Callable[[Branch, Branch], bool]


def of_the_node(choice: Callable[[Candidate, Candidate], bool]) -> Prefers:
    """Return how a reference node's choice, which may be a planted one, compares branches."""

    def candidate(tip: Branch) -> Candidate:
        return Candidate(tip.final, tip.length, tip.weight, tip.hash)

    return lambda one, other: choice(candidate(one), candidate(other))


REFERENCE = of_the_node(better)
PLANTED = {
    "length-before-finality": of_the_node(length_before_finality),
    "weight-before-length": of_the_node(weight_before_length),
    "tie-by-arrival": of_the_node(tie_by_arrival),
}
"""Wrong choices of a reference node, by the names of the defects."""


@dataclass(frozen=True)
class Block:
    """A block: its hash, that of the block below it, and the stake of its proposer."""

    hash: str
    parent: str
    weight: int


class FinalTwiceError(ValueError):
    """Two blocks are final of which none stands on the other: no rule decides that, for it must never be."""


class Tree:
    """The blocks that somebody knows, each on another, and those that are final."""

    def __init__(self, genesis: str) -> None:
        self.blocks: dict[str, Block] = {}
        self._tips = {genesis: Branch(1, 1, 0, genesis)}
        self._leaves = {genesis}
        self._final = genesis

    def __contains__(self, name: str) -> bool:
        return name in self._tips

    def add(self, block: Block) -> None:
        """Take a block; KeyError where the one below it is not there. One that is there already changes nothing."""
        if block.hash in self._tips:
            return
        below = self._tips[block.parent]
        self.blocks[block.hash] = block
        self._tips[block.hash] = Branch(below.final, below.length + 1, below.weight + block.weight, block.hash)
        self._leaves.discard(block.parent)
        self._leaves.add(block.hash)

    def finalize(self, name: str) -> None:
        """Note that a block is final, and with it all below it; FinalTwiceError where another one is."""
        if name in self.path(self._final):
            return
        if self._final not in self.path(name):
            raise FinalTwiceError(f"{name} is to be final, and {self._final} is, which is on another branch.")
        self._final = name
        height = self._tips[name].length
        for each, tip in self._tips.items():
            if tip.length >= height and name in self.path(each, height):
                self._tips[each] = replace(tip, final=height)

    def tip(self, name: str) -> Branch:
        """Return the branch that ends in a block."""
        return self._tips[name]

    def tips(self) -> list[Branch]:
        """Return the branches that nothing stands on."""
        return [self._tips[name] for name in self._leaves]

    def head(self, rule: ForkChoiceRule = MANUAL) -> Branch:
        """Return the branch that a rule takes."""
        return min(self.tips(), key=rule.rank)

    def path(self, name: str, height: int = 1) -> Iterator[str]:
        """Return the hashes from a block down to a height."""
        while True:
            yield name
            if self._tips[name].length <= height:
                return
            name = self.blocks[name].parent


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

    def _compare(self, tip: Branch) -> None:
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
