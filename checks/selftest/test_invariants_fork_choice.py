"""Fork choice, as a timeline shows it: which branch a node left for which; each hit with its nearest miss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prowl.checks.invariants import Judgement, Verdict, judge
from prowl.checks.selftest.network import GENESIS, NOTHING
from prowl.reports.events import Event, Phase
from prowl.reports.samples import Samples
from prowl.reports.timeline import Header, Sample, Timeline

HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
STAKES = {"a": 5, "b": 2, "c": 2, "d": 2}
NODES = tuple(STAKES)
LEFT, TAKEN = "aa", "bb"  # how the hashes of the two branches begin
Rows = list[tuple[int, str, str, str | None]]


def branch(miners: str, begin: str, pad: str = "0") -> Rows:
    """Return the blocks above the genesis with these proposers: number, hash, parent, proposer ("?": not seen)."""
    rows: Rows = [(1, GENESIS, NOTHING, None)]
    for number, miner in enumerate(miners, 2):
        rows.append((number, f"0x{begin}{number:02x}{pad * 60}", rows[-1][1], None if miner == "?" else miner))
    return rows[1:]


def looks(t: float, nodes: str, chain: Rows, *, hide: int = 0) -> Iterator[Sample]:
    """Let nodes show the top of a chain and the blocks below it, but for one that nobody fetched."""
    for node in nodes:
        number, name, parent, miner = chain[-1]
        below = [[*row, 0] for row in chain[:-1] if row[0] != hide]
        yield Sample(t, node, {"latest": [number, name, parent, False], "miner": miner, "blocks": below})


def judged(*samples: Iterator[Sample], events: tuple[Event, ...] = (), bft: bool = False) -> Judgement | None:
    """Return the row about the fork choice."""
    every = [Sample(0.0, node, {"latest": [1, GENESIS, NOTHING, False]}) for node in NODES]
    header = Header(nodes=NODES, stakes=STAKES, bft=bft, block_interval_seconds=1.0)
    timeline = Timeline(header, events, Samples([*every, *(one for part in samples for one in part)]), ())
    return next(iter(judge(timeline, ["fork-choice"])), None)


@pytest.mark.parametrize(
    ("left", "taken", "begins", "expected", "words"),
    [
        ("bc", "bcd", (LEFT, TAKEN), HELD, "by length: the manual's rule"),
        ("bcd", "bc", (LEFT, TAKEN), BROKEN, "by length the manual's rule"),
        ("aaa", "bcdb", (LEFT, TAKEN), HELD, "by length"),  # the longer one is the lighter one
        ("bcdb", "aaa", (LEFT, TAKEN), BROKEN, "by length"),
        ("bc", "ac", (LEFT, TAKEN), HELD, "by weight"),
        ("ac", "bc", (TAKEN, LEFT), BROKEN, "by weight"),
        ("bc", "cd", (TAKEN, LEFT), HELD, "by the lower hash"),
        ("bc", "cd", (LEFT, TAKEN), BROKEN, "by the lower hash"),
        ("bc", "c?", (TAKEN, LEFT), UNKNOWN, "could not be seen whole"),  # a proposer was not seen
        ("bc", "c?d", (LEFT, TAKEN), HELD, "by length"),
    ],
)
def test_what_a_node_left_and_took(
    left: str, taken: str, begins: tuple[str, str], expected: Verdict, words: str
) -> None:
    one, other = (branch(miners, begin) for miners, begin in zip((left, taken), begins, strict=True))
    row = judged(looks(1.0, "ab", one), looks(1.0, "cd", other), looks(2.0, "ab", other))
    assert row is not None
    assert row.verdict is expected, row.observed
    assert words in row.observed
    if expected is BROKEN:
        assert (row.begin, row.end) == (1.0, 2.0)
        assert "lower hash) was not kept" in row.observed, "both orders agree where nothing is final"


def test_who_only_goes_on_or_falls_back_has_not_chosen() -> None:
    whole = branch("abcd", LEFT)
    assert judged(looks(1.0, "ab", whole[:2]), looks(2.0, "ab", whole), looks(3.0, "ab", whole[:1])) is None


@pytest.mark.parametrize(
    ("taken", "hide", "expected"), [("bc", 0, BROKEN), ("bc", 2, UNKNOWN), ("bcd", 2, UNKNOWN), ("bcdb", 2, None)]
)
def test_a_branch_whose_lower_end_nobody_showed(taken: str, hide: int, expected: Verdict | None) -> None:
    """A tip that is higher may stand on the one before; one that is not surely does not."""
    row = judged(looks(1.0, "ab", branch("bcd", LEFT), hide=hide), looks(2.0, "ab", branch(taken, TAKEN), hide=hide))
    assert (None if row is None else row.verdict) is expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(1.5, "", fault=1, phase=Phase.INJECT, slow=("a",)), BROKEN),
        (Event(1.5, "", fault=1, phase=Phase.INJECT, down=("b",)), BROKEN),
        (Event(1.5, "", step="restore", surgery=("a",)), None),
        (Event(1.5, "", step="restart", restarted=("a",)), None),
        (Event(1.5, "", fault=1, phase=Phase.INJECT, down=("a",)), None),
        (Event(2.5, "", step="restart", restarted=("a",)), BROKEN),
    ],
)
def test_who_was_down_or_got_another_store_has_not_chosen(event: Event, expected: Verdict | None) -> None:
    row = judged(looks(1.0, "a", branch("bcd", LEFT)), looks(2.0, "a", branch("bc", TAKEN)), events=(event,))
    assert (None if row is None else row.verdict) is expected


@pytest.mark.parametrize(
    ("left", "taken", "finals", "expected", "words"),
    [
        ("bc", "bcd", "left", BROKEN, "weight > lower hash) was kept"),
        ("bc", "bcd", "left", BROKEN, "final up to 3) for block 4"),
        ("bcd", "bc", "taken", HELD, "weight > lower hash) was not kept"),
        ("bcd", "bc", "", BROKEN, "by length"),
    ],
)
def test_what_a_quorum_had_is_final(left: str, taken: str, finals: str, expected: Verdict, words: str) -> None:
    """More than two thirds of 11 are the heavy one and two others; with BFT what they show together is final."""
    chains = {"left": branch(left, LEFT), "taken": branch(taken, TAKEN)}
    quorum = [looks(1.0, "abc", chains[finals])] if finals else []
    row = judged(*quorum, looks(2.0, "d", chains["left"]), looks(3.0, "d", chains["taken"]), bft=True)
    assert row is not None
    assert row.verdict is expected, row.observed
    assert words in row.observed
