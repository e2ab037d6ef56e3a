"""The topology table: what to expect of a network under each class of fault, and what the manual promises of it.

Data. What a chain does follows from the stake that is left and from who reaches whom
(:func:`prowl.checks.invariants.quorum.course`, by which every timeline is judged); a selftest computes each cell by it
and compares. What comes afterwards, and the operator's step, are the manual's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from prowl.checks.invariants.quorum import Course
from prowl.fixtures.manual import catalogue as manual


class Return(StrEnum):
    """Who brings a network back."""

    BY_ITSELF = "recovers by itself"
    OPERATOR = "needs the operator"


NETWORKS: dict[str, tuple[int, ...]] = {
    "3": (1, 1, 1),
    "4": (1, 1, 1, 1),
    "5": (1, 1, 1, 1, 1),
    "7": (1, 1, 1, 1, 1, 1, 1),
    "5+2+2+2": (5, 2, 2, 2),
    "6+6+6+2+2+2": (6, 6, 6, 2, 2, 2),
}
"""The networks of the table, by the stakes of their validators: equal ones, one that outweighs, and light ones."""

GOES_ON, STANDS_STILL, EITHER = Course.GOES_ON, Course.STANDS_STILL, Course.EITHER
NONE_SUCH = None
"""Stands in a cell where a network has no such validators: of three equal ones none holds less than a third."""

Row = tuple[Course | None, Course | None, Course | None, Course | None, Course | None, Course | None]
SPARED: Row = (NONE_SUCH, GOES_ON, GOES_ON, GOES_ON, GOES_ON, GOES_ON)
HALTED: Row = (STANDS_STILL,) * 6


@dataclass(frozen=True)
class FaultClass:
    """A class of faults: what the chain does meanwhile, by network, and how the network comes back from it.

    ``item`` is the line of the manual, or beyond it, that it is about; ``step`` ends it, where it needs the operator,
    else says from when on the network recovers.
    """

    name: str
    words: str
    item: str
    courses: Row
    back: Return
    step: str

    @property
    def promise(self) -> str:
        """Return the sentence of its item."""
        return manual.item(self.item).sentence

    def course(self, network: str) -> Course | None:
        """Return what the chain of a network does under it; None where the network has no such validators."""
        return self.courses[list(NETWORKS).index(network)]


STALL, PARTITION, CORRUPT = "recovery/consensus-stall", "recovery/partition", "recovery/corrupt-store"
RESTART = "restart affected nodes"
REACH = "once all nodes reach each other"
CLASSES: tuple[FaultClass, ...] = (
    FaultClass("few-stop", "less than a third stops", STALL, SPARED, Return.OPERATOR, RESTART),
    FaultClass("many-stop", "a third or more stops", STALL, HALTED, Return.OPERATOR, RESTART),
    FaultClass("all-stop", "all stop at one instant", STALL, HALTED, Return.OPERATOR, RESTART),
    FaultClass("few-pause", "less than a third is silent a while", STALL, SPARED, Return.BY_ITSELF, "once they go on"),
    FaultClass(
        "many-pause", "a third or more is silent a while", "recovery/stall-signal", HALTED, Return.BY_ITSELF,
        "once they go on",
    ),
    FaultClass(
        "restarts", "one after the other is restarted (the heaviest)", "upgrade/zero-downtime",
        (STANDS_STILL, GOES_ON, GOES_ON, GOES_ON, STANDS_STILL, GOES_ON), Return.BY_ITSELF, "once it is back",
    ),
    FaultClass("few-parted", "less than a third is parted from the rest", PARTITION, SPARED, Return.BY_ITSELF, REACH),
    FaultClass("halves", "no side of a partition is a quorum", PARTITION, HALTED, Return.BY_ITSELF, REACH),
    FaultClass(
        "ring", "each reaches its neighbours only", PARTITION, (NONE_SUCH, *(EITHER,) * 5), Return.BY_ITSELF, REACH,
    ),
    FaultClass("one-way", "what less than a third sends is lost", PARTITION, SPARED, Return.BY_ITSELF, REACH),
    FaultClass(
        "slow", "half of the messages take longer than a round", PARTITION, (EITHER,) * 6, Return.BY_ITSELF,
        "once messages take less than a round",
    ),
    FaultClass(
        "parted-without-bft", "BFT is off, and each side of a partition", "recovery/fork-choice",
        (GOES_ON,) * 6, Return.BY_ITSELF, "once all nodes reach each other, by the fork choice",
    ),
    FaultClass(
        "few-damaged", "the store of less than a third is damaged", "recovery/restore-latest", SPARED,
        Return.OPERATOR, "stop the node and restore from the latest backup",
    ),
    FaultClass(
        "few-wiped", "less than a third loses its data", CORRUPT, SPARED, Return.BY_ITSELF,
        "once it is started and has its blocks from its peers",
    ),
    FaultClass(
        "many-wiped", "a third or more loses its data", CORRUPT, HALTED, Return.BY_ITSELF,
        "once they are started with the record of their votes; else the operator puts that back",
    ),
    FaultClass(
        "few-out-of-memory", "less than a third is ended for want of memory", "recovery/out-of-memory", SPARED,
        Return.OPERATOR, "restart the node with storage.cacheSize 500",
    ),
    FaultClass(
        "few-starved", "less than a third lacks disk, files, processor", "resilience/resources", SPARED,
        Return.BY_ITSELF, "once it has room again",
    ),
    FaultClass(
        "few-clocks", "the clocks of less than a third are wrong", "resilience/clocks", SPARED, Return.BY_ITSELF,
        "at once",
    ),
    FaultClass(
        "few-deceive", "less than a third deceives", "resilience/deceit", SPARED, Return.BY_ITSELF, "at once",
    ),
)  # fmt: skip
"""A third or more that deceives is no class: BFT promises nothing then."""


def lines() -> Iterator[str]:
    """Return the table as text: a row a class, with the way back and the manual's promise below it."""
    wide = max(len(each.words) for each in CLASSES)
    columns = {network: max(len(network), len(STANDS_STILL)) for network in NETWORKS}
    yield "What the chain does while validators with a share of the stake fail; networks by their stakes"
    yield " ".join([" " * wide, *(network.ljust(columns[network]) for network in NETWORKS)]).rstrip()
    for each in CLASSES:
        shown = (str(course or "-").ljust(wide) for course, wide in zip(each.courses, columns.values(), strict=True))
        yield " ".join([each.words.ljust(wide), *shown]).rstrip()
        yield f"    {each.back}: {each.step}"
        yield f"    {each.item}: {each.promise}"
    yield "goes on: finalizes blocks. stands still: nothing is finalized, and nothing that was is lost. -: none such."
    yield "A quorum is more than two thirds of the stake: with three equal validators that is all of them."
