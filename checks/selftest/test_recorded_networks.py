"""Four recordings of COC, blocks of 3 s, judged as a person reads them, and beside each its nearest edits."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prowl.checks.invariants import judge
from prowl.reports.timeline import read

RECORDINGS = Path(__file__).parent / "recordings"
HALT, BYPASS, RELAPSE, BYSTANDER = (
    "n3-baseline-halt", "n3-kill-one-quorum-bypass", "n4-minority-crash-relapse", "n4-pause-one-bystander-stuck"
)  # fmt: skip
Row = dict[str, Any]
Edit = Callable[[list[Row]], Iterable[Row]]


def as_it_is(rows: list[Row]) -> list[Row]:
    return rows


def with_the_key(rows: list[Row]) -> list[Row]:
    return [{**rows[0], "block_interval_seconds": 3.0}, *rows[1:]]


def until(t: float) -> Edit:
    return lambda rows: [row for row in rows if row.get("t", 0) < t]


def changed(change: Callable[[Row], Row], node: str, begin: float, end: float) -> Edit:
    def edit(rows: list[Row]) -> Iterator[Row]:
        for row in rows:
            here = row.get("node") == node and begin <= row["t"] < end
            yield change(row) if here else row

    return edit


def like(other: str, node: str, begin: float) -> Edit:
    """Let a node show what another one shows."""

    def edit(rows: list[Row]) -> Iterator[Row]:
        shown: Row = {}
        for row in rows:
            if row.get("node") == other:
                shown = row
            yield {**shown, "t": row["t"], "node": node} if row.get("node") == node and row["t"] >= begin else row

    return edit


def longer(seconds: int) -> Edit:
    """Let node-1 go on showing what it showed last, and the others a new block each three seconds."""

    def edit(rows: list[Row]) -> Iterator[Row]:
        yield from with_the_key(rows)
        last = {row["node"]: row for row in rows if "latest" in row}
        height, names = 18, [last["node-2"]["latest"][1], *(f"0x{number:064x}" for number in range(1, seconds))]
        for second in range(1, seconds + 1):
            new = second // 3
            latest = [height + new, names[new], names[new - 1] if new else last["node-2"]["latest"][2], False]
            for node, row in last.items():
                shown = {} if node == "node-1" else {"latest": latest, "rpc_height": height + new}
                yield {
                    **row,
                    **shown,
                    "block_height": shown.get("rpc_height", row["block_height"]),
                    "t": 156.0 + second,
                }

    return edit


def votes(**count: int) -> Callable[[Row], Row]:
    return lambda row: {**row, "bft": {**row["bft"], **count}} if "bft" in row else row


def late(row: Row) -> Row:
    return {**row, "err": "TimeoutError"} if "err" in row else row


PEERS = {"peers on node-2": "broken", "peers on node-3": "broken", "peers on node-4": "broken"}
PAUSED = {"peers on node-1": "broken", "peers on node-2": "broken", "peers on node-4": "broken"}
ALL_STUCK = {"progress-with-quorum": "broken", **{f"signals on node-{n}": "broken" for n in (1, 2, 3)}}
NO_VOTES = {"no-progress-without-quorum": "broken"}
READINGS: tuple[tuple[str, str, Edit, dict[str, str]], ...] = (
    # a recording, an edit, and what of it is not held
    (HALT, "as it is", as_it_is, ALL_STUCK),
    (HALT, "with the key", with_the_key, ALL_STUCK),
    (HALT, "with the key, until the allowance", lambda rows: with_the_key(until(165.0)(rows)), {}),  # type: ignore[arg-type]
    (HALT, "until the allowance of an interval seen over two blocks", until(170.0), {}),
    (BYPASS, "as it is", as_it_is, NO_VOTES),
    (BYPASS, "three commit votes are seen", changed(votes(commitVotes=3), "node-2", 36.0, 36.5), {}),
    (BYPASS, "two are seen", changed(votes(commitVotes=2), "node-2", 36.0, 36.5), NO_VOTES),
    (BYPASS, "three prepare votes are seen", changed(votes(prepareVotes=3), "node-2", 33.0, 33.5), {}),
    (BYPASS, "its vote is seen later", changed(lambda row: {**row, "voted": 8}, "node-3", 38.4, 38.6), {}),
    (BYPASS, "a later vote is seen", changed(lambda row: {**row, "voted": 9}, "node-3", 38.4, 99.0), NO_VOTES),
    (BYPASS, "its answer only came too late", changed(late, "node-3", 35.9, 38.5), {}),
    (BYPASS, "just after the block", changed(late, "node-3", 36.4, 38.5), NO_VOTES),
    (RELAPSE, "as it is", as_it_is, {**PEERS, "recovery on node-1": "unknown"}),
    (RELAPSE, "it goes on like the others", like("node-2", "node-1", 141.0), {**PEERS, "peers on node-1": "broken"}),
    (RELAPSE, "with a state of 0", changed(lambda row: {**row, "consensus_state": 0.0}, "node-1", 141.0, 192.0),
     {**PEERS, "recovery on node-1": "unknown"}),
    (BYSTANDER, "as it is", as_it_is, {**PAUSED, "unharmed on node-1": "unknown"}),
    (BYSTANDER, "it goes on like the others", like("node-2", "node-1", 106.0), PAUSED),
    (BYSTANDER, "it is behind for as long as a signal may be late", until(136.9), PAUSED),
    (BYSTANDER, "and longer", until(138.1), {**PAUSED, "unharmed on node-1": "unknown"}),
    (BYSTANDER, "nearly as long as a heal may take", longer(104), {**PAUSED, "unharmed on node-1": "unknown"}),
    (BYSTANDER, "longer than a heal may take", longer(108), {**PAUSED, "unharmed on node-1": "broken"}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "expected"), [(row[0], row[2], row[3]) for row in READINGS],
                         ids=[f"{row[0]}: {row[1]}" for row in READINGS])  # fmt: skip
def test_a_recording_is_judged_as_a_person_reads_it(
    name: str, edit: Edit, expected: dict[str, str], tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in gzip.decompress((RECORDINGS / f"{name}.jsonl.gz").read_bytes()).splitlines()]
    path = tmp_path / "timeline.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in edit(rows)))
    found = {f"{row.invariant} on {row.node}" if row.node else row.invariant: row for row in judge(read(path))}
    not_held = {name: row.verdict.value for name, row in found.items() if row.verdict.value != "held"}
    assert not_held == expected, {name: found[name].observed for name in not_held}
