"""The fork choice as a pure model: a tree of blocks, what of it is final, and the head that a rule takes.

The manual: "The fork choice rule will resolve: BFT finality > chain length > weight" (Failure Recovery > Network
Partition). It does not say what decides between branches that are alike in all three. Here it is the lower hash, as on
both nodes that Prowl knows, so that whoever knows the same blocks takes the same head, in whatever order they came.

COC documents another order: its finalized tip wins only where it is not the shorter one. The two differ where a branch
with a final block is shorter than another; there the documented rule gives up what is final.

    >>> tree = Tree("0x00")
    >>> for name, parent in (("0x0a", "0x00"), ("0x0b", "0x00"), ("0x0c", "0x0b")):
    ...     tree.add(Block(name, parent, weight=1))
    >>> tree.head(MANUAL).hash
    '0x0c'
    >>> tree.finalize("0x0a")
    >>> tree.head(MANUAL).hash, tree.head(DOCUMENTED).hash
    ('0x0a', '0x0c')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Block:
    """A block: its hash, that of the block below it, and the stake of its proposer."""

    hash: str
    parent: str
    weight: int


@dataclass(frozen=True)
class Tip:
    """A branch as a rule compares it, by its last block.

    ``final`` is the height of the highest block on it that is final, ``length`` that of its last one, ``weight`` the
    sum of all weights on it. The block that the tree begins with has height 1 and is final.
    """

    final: int
    length: int
    weight: int
    hash: str


@dataclass(frozen=True)
class Rule:
    """An order of branches: ``rank`` is the lowest for the one that is taken."""

    name: str
    words: str
    rank: Callable[[Tip], tuple[int | str, ...]]

    def prefers(self, one: Tip, other: Tip) -> bool:
        """Whether one branch is taken rather than another."""
        return self.rank(one) < self.rank(other)


MANUAL = Rule(
    "manual",
    "BFT finality > chain length > weight > lower hash",
    lambda tip: (-tip.final, -tip.length, -tip.weight, tip.hash),
)
DOCUMENTED = Rule(
    "coc",
    "chain length > a tip that is final > weight > lower hash",
    lambda tip: (-tip.length, -(tip.final == tip.length), -tip.weight, tip.hash),
)
RULES = {rule.name: rule for rule in (MANUAL, DOCUMENTED)}


class FinalTwiceError(ValueError):
    """Two blocks are final of which none stands on the other: no rule decides that, for it must never be."""


class Tree:
    """The blocks that somebody knows, each on another, and those that are final."""

    def __init__(self, genesis: str) -> None:
        self.blocks: dict[str, Block] = {}
        self._tips = {genesis: Tip(1, 1, 0, genesis)}
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
        self._tips[block.hash] = Tip(below.final, below.length + 1, below.weight + block.weight, block.hash)
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

    def tip(self, name: str) -> Tip:
        """Return the branch that ends in a block."""
        return self._tips[name]

    def tips(self) -> list[Tip]:
        """Return the branches that nothing stands on."""
        return [self._tips[name] for name in self._leaves]

    def head(self, rule: Rule = MANUAL) -> Tip:
        """Return the branch that a rule takes."""
        return min(self.tips(), key=rule.rank)

    def path(self, name: str, height: int = 1) -> Iterator[str]:
        """Return the hashes from a block down to a height."""
        while True:
            yield name
            if self._tips[name].length <= height:
                return
            name = self.blocks[name].parent
