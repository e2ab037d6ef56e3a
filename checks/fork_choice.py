"""The rules of the fork choice: which of two branches a node takes.

The manual: "The fork choice rule will resolve: BFT finality > chain length > weight" (Failure Recovery > Network
Partition). It does not say what decides between branches that are alike in all three. Here it is the lower hash, as on
both nodes that Prowl knows, so that whoever knows the same blocks takes the same head, in whatever order they came.

COC documents another order: its finalized tip wins only where it is not the shorter one. The two differ where a branch
with a final block is shorter than another; there the documented rule gives up what is final.

    >>> final, longer = Branch(2, 2, 1, "0x0a"), Branch(1, 3, 2, "0x0c")
    >>> MANUAL.prefers(final, longer), DOCUMENTED.prefers(final, longer)
    (True, False)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Branch:
    """A branch as a rule compares it, by its last block.

    ``final`` is the height of the highest block on it that is final, ``length`` that of its last one, ``weight`` the
    sum of all weights on it. The first block has height 1 and is final.
    """

    final: int
    length: int
    weight: int
    hash: str


@dataclass(frozen=True)
class ForkChoiceRule:
    """An order of branches: ``rank`` is the lowest for the one that is taken."""

    name: str
    words: str
    rank: Callable[[Branch], tuple[int | str, ...]]

    def prefers(self, one: Branch, other: Branch) -> bool:
        """Whether one branch is taken rather than another."""
        return self.rank(one) < self.rank(other)


MANUAL = ForkChoiceRule(
    "manual",
    "BFT finality > chain length > weight > lower hash",
    lambda tip: (-tip.final, -tip.length, -tip.weight, tip.hash),
)
DOCUMENTED = ForkChoiceRule(
    "coc",
    "chain length > a tip that is final > weight > lower hash",
    lambda tip: (-tip.length, -(tip.final == tip.length), -tip.weight, tip.hash),
)
