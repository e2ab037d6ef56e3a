"""Targets in words, by stake: which nodes a fault is for, resolved by a passed ``random.Random``.

A word is a pure function of the stakes (by node name), the chance and, for ``proposer_next`` alone, the name of the
node whose turn to propose is next. Where no node or set of nodes is what it says it raises ValueError, with a sentence.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from math import prod
from typing import Protocol

from prowl.checks.invariants.quorum import is_quorum

MOST_COMBINATIONS = 1 << 20


class Words(Protocol):
    """A target in words."""

    def __call__(self, stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:
        """Return the names of the nodes."""


def one(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return any one node."""
    return (chance.choice(_known(stakes)),)


def all_nodes(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return every node."""
    return tuple(_known(stakes))


def in_drawn_order(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return every node, one after the other in an order that chance draws."""
    names = _known(stakes)
    return tuple(chance.sample(names, len(names)))


def minority(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return a largest set with less than a third of the stake: what BFT survives.

    Largest is the most stake and, where that is the same, the most nodes.
    """
    return _largest(stakes, chance, lambda held, total: 3 * held < total, "less than a third of the stake")


def third(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return a smallest set with more than a third of the stake: what is just too much for BFT.

    Smallest is the least stake and, where that is the same, the fewest nodes.
    """
    return _smallest(stakes, chance, lambda held, total: 3 * held > total, "more than a third of the stake")


def too_many(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return a smallest set without which the others are no quorum: it holds a third of the stake, or more."""
    return _smallest(stakes, chance, lambda held, total: not is_quorum(total - held, total), "a third of the stake")


def half(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return a largest set with at most half of the stake."""
    return _largest(stakes, chance, lambda held, total: 2 * held <= total, "at most half of the stake")


def heaviest(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return the node with the most stake; where several have it, chance decides."""
    most = max(stakes.values(), default=0)
    return (chance.choice([name for name in _known(stakes) if stakes[name] == most]),)


def ring(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return every node in a drawn order, each beside its neighbours; ValueError for fewer than four."""
    names = _known(stakes)
    if len(names) < 4:
        raise ValueError(f"A ring of {len(names)} nodes leaves no link out; it needs at least 4.")
    chance.shuffle(names)
    return tuple(names)


def proposer_next(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return the node whose turn to propose is next: a word until the moment, for it depends on the height."""
    if proposer not in _known(stakes):
        raise ValueError(
            f"The next proposer is {proposer!r}, none of {', '.join(stakes)}."
            if proposer
            else "Who proposes next is known only at a height: resolve this target when the fault is due."
        )
    return (proposer,)


def all_but_one(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
    """Return every node but one."""
    names = _known(stakes)
    left_out = chance.choice(names)
    return tuple(name for name in names if name != left_out)


def after_next(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:
    """Return the node whose turn to propose comes after the next one's: a word until the moment."""
    (first,) = proposer_next(stakes, chance, proposer)
    names = list(stakes)
    return (names[(names.index(first) + 1) % len(names)],)


def two_after_next(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:
    """Return the two nodes whose turns to propose come after the next one's: without them its block stays undecided."""
    (first,) = proposer_next(stakes, chance, proposer)
    names = list(stakes)
    if len(names) < 4:
        raise ValueError(f"Of {len(names)} nodes two are not to be taken without the next proposer's only peer.")
    return tuple(names[(names.index(first) + more) % len(names)] for more in (1, 2))


@dataclass(frozen=True)
class StillUp:
    """A word said of the nodes that no fault holds down at that moment."""

    word: Words

    @property
    def __name__(self) -> str:
        return f"{word_of(self.word)}-still-up"

    def __call__(self, stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:
        """Return what the word means among these nodes."""
        return self.word(stakes, chance, proposer)


def still_up(word: Words) -> Words:
    """Say a word of those nodes alone that no fault holds down."""
    return StillUp(word)


def named(*names: str) -> Words:
    """Return the word for the nodes of these names."""

    def word(stakes: Mapping[str, int], chance: random.Random, proposer: str = "") -> tuple[str, ...]:  # noqa: ARG001
        for name in names:
            if name not in _known(stakes):
                near = get_close_matches(name, stakes, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"No node is called {name!r}; there are {', '.join(stakes)}.{hint}")
        return names

    word.__name__ = ", ".join(names)
    return word


def word_of(target: Words) -> str:
    """Return a target's word, as a plan says it."""
    return getattr(target, "__name__", type(target).__name__).removesuffix("_nodes").replace("_", "-")


Fits = Callable[[int, int], bool]


def _known(stakes: Mapping[str, int]) -> list[str]:
    """Return the names in order; ValueError for stakes that no network has."""
    if not stakes:
        raise ValueError("There is no node to choose from: the network reports no stakes.")
    negative = [name for name, stake in stakes.items() if stake < 0]
    if negative:
        raise ValueError(f"The stake of {', '.join(negative)} is negative; a stake is a whole number from 0.")
    return sorted(stakes)


def _largest(stakes: Mapping[str, int], chance: random.Random, fits: Fits, words: str) -> tuple[str, ...]:
    return _draw(stakes, chance, lambda held, size: (held, size), fits, words)


def _smallest(stakes: Mapping[str, int], chance: random.Random, fits: Fits, words: str) -> tuple[str, ...]:
    return _draw(stakes, chance, lambda held, size: (-held, -size), fits, words)


def _draw(
    stakes: Mapping[str, int],
    chance: random.Random,
    rank: Callable[[int, int], tuple[int, int]],
    fits: Fits,
    words: str,
) -> tuple[str, ...]:
    """Return one of the sets of highest rank among those that fit; chance decides between them.

    Nodes of the same stake are alike, so what is searched is how many of each stake are taken. Nodes without stake are
    never taken: they change nothing of what the word means.
    """
    staked = [name for name in _known(stakes) if stakes[name] > 0]
    total = sum(stakes.values())
    best: list[dict[int, int]] = []
    highest = None
    for taken in _combinations(Counter(stakes[name] for name in staked)):
        held, size = sum(stake * count for stake, count in taken.items()), sum(taken.values())
        if not size or not fits(held, total):
            continue
        ranked = rank(held, size)
        if highest is None or ranked > highest:
            highest, best = ranked, []
        if ranked == highest:
            best.append(taken)
    if not best:
        raise ValueError(f"No set of the {len(staked)} nodes with stake holds {words}: {_told(stakes)}.")
    drawn = chance.choice(best)
    return tuple(
        sorted(
            name
            for stake in sorted(drawn)
            for name in chance.sample([name for name in staked if stakes[name] == stake], drawn[stake])
        )
    )


def _combinations(counts: Mapping[int, int]) -> Iterator[dict[int, int]]:
    """Return every choice of how many nodes of each stake are taken."""
    number = prod(count + 1 for count in counts.values())
    if number > MOST_COMBINATIONS:
        raise ValueError(
            f"{len(counts)} different stakes can be combined in {number} ways; at most {MOST_COMBINATIONS} are "
            "searched. Name the nodes, or give more of them the same stake."
        )
    order = sorted(counts)
    for chosen in product(*(range(counts[stake] + 1) for stake in order)):
        yield dict(zip(order, chosen, strict=True))


def _told(stakes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {stake}" for name, stake in sorted(stakes.items()))
