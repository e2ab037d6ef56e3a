"""A network on paper: says what was done and for how long, and writes the timeline that perfect nodes would show.

    net = Net(4)
    net.run(40)
    net.do("kill n3")
    net.run(60)
    net.do("start n3")
    net.run(60)
    rows = net.judge()

Its own small model of what events do is kept apart from the judge's on purpose. ``halted`` stops the making of blocks;
``tamper`` changes what a node's sample shows (return None for no sample at all, ``{"err": ...}`` for no answer).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prowl.checks.invariants import CRASHED, Judgement, Verdict, judge
from prowl.reports.events import Event
from prowl.reports.recorded_words import translated
from prowl.reports.timeline import Gap, Header, Sample, Timeline, TransferCounts

GENESIS = "0x" + "9" * 64
NOTHING = "0x" + "0" * 64
Tamper = Callable[[float, str, dict[str, Any]], "dict[str, Any] | None"]


def name_of(parent: str, tag: str) -> str:
    """Return the hash of a block that stands on a parent."""
    return "0x" + hashlib.sha256(f"{parent}{tag}".encode()).hexdigest()


@dataclass
class PaperNode:
    """One node: its chain (hashes by height, from 1) and whether it is up."""

    name: str
    chain: list[str] = field(default_factory=lambda: [GENESIS])
    up: bool = True
    ready_at: float = 0.0
    alone_since: float | None = None
    """Since when no quorum is in its reach, seconds."""

    @property
    def height(self) -> int:
        """Number of its latest block."""
        return len(self.chain)


class Net:
    """Nodes n0, n1, ... of equal stake; a block every ``interval`` seconds, a sample of each every ``every``."""

    depth = 3

    def __init__(self, nodes: int = 4, interval: float = 2.0, every: float = 0.5, **header: Any) -> None:
        self.nodes = {f"n{number}": PaperNode(f"n{number}") for number in range(nodes)}
        self.interval, self.every = interval, every
        self.header = Header(**header)
        self.t = 0.0
        self.next_block = interval
        self.sides: list[set[str]] = []
        self.halted = False
        self.minority_makes = False
        self.boot_seconds = 5.0
        self.block_of: dict[str, tuple[int, str, str]] = {}
        self.tampers: list[Tamper] = []
        self.events: list[Event] = []
        self.samples: list[Sample] = []
        self.gaps: list[Gap] = []
        self.transfers: list[TransferCounts] = []

    def do(self, text: str) -> None:
        """Write an event, and do it."""
        self.events.append(Event(self.t, text))
        verb, *words = text.split()
        named = [self.nodes[word] for word in words if word in self.nodes]
        if verb in {"kill", "terminate", "pause"}:
            for node in named:
                node.up = False
        elif verb in {"start", "unpause", "restart", "restore", "wipe", "corrupt"}:
            for node in named:
                node.up = True
                node.ready_at = self.t + (0.0 if verb == "unpause" else self.boot_seconds)
                if verb == "wipe":
                    node.chain = [GENESIS]
                elif verb == "restore":
                    node.chain = node.chain[: max(1, node.height - 10)]
        elif verb == "partition":
            self.sides = [set(side.split()) for side in text.removeprefix("partition").split("|")]
        elif verb == "heal":
            self.sides = []

    def reach(self, one: str, other: str) -> bool:
        """Whether no partition is between two nodes."""
        sides = [next((number for number, side in enumerate(self.sides) if name in side), -1) for name in (one, other)]
        return sides[0] == sides[1] or -1 in sides

    def groups(self) -> list[list[PaperNode]]:
        """Return the nodes that work, in groups that reach each other."""
        left = [node for node in self.nodes.values() if node.up and self.t >= node.ready_at]
        found = []
        while left:
            group = [node for node in left if self.reach(left[0].name, node.name)]
            found.append(group)
            left = [node for node in left if node not in group]
        return found

    def run(self, seconds: float) -> Net:
        """Let so much time pass."""
        until = self.t + seconds
        while self.t < until - 1e-9:
            self._consensus()
            for node in self.nodes.values():
                self._sample(node)
            self.t = round(self.t + self.every, 6)
        return self

    def away(self, seconds: float) -> Net:
        """Let time pass of which the recorder sees nothing."""
        until = self.t + seconds
        while self.t < until - 1e-9:
            self._consensus()
            self.t = round(self.t + self.every, 6)
        self.gaps.append(Gap(self.t, seconds, "starved"))
        return self

    def stand(self, seconds: float) -> Net:
        """Let time pass without a block."""
        self.halted = True
        self.run(seconds)
        self.halted = False
        self.next_block = self.t
        return self

    def extend(self, names: str, blocks: int = 1, tag: str = "fork") -> None:
        """Put blocks of their own on the chains of some nodes, all the same ones."""
        chain = list(self.nodes[names.split()[0]].chain)
        for _ in range(blocks):
            chain.append(name_of(chain[-1], tag))
            self.block_of[chain[-1]] = (len(chain), chain[-2], tag)
        for name in names.split():
            self.nodes[name].chain = list(chain)

    def _consensus(self) -> None:
        for node in self.nodes.values():
            node.alone_since = self.t if node.alone_since is None else node.alone_since
        for group in self.groups():
            able = 3 * len(group) > 2 * len(self.nodes)
            for node in group:
                node.alone_since = None if able else node.alone_since
            if not self.halted or able:
                best = max(group, key=lambda node: node.height).chain
                for node in group:
                    node.chain = list(best)
            if (able or self.minority_makes) and not self.halted and self.t >= self.next_block - 1e-6:
                proposer = f"n{group[0].height % len(self.nodes)}"
                miner = proposer if any(node.name == proposer for node in group) else group[0].name
                tag = "" if able else group[0].name
                self.extend(" ".join(node.name for node in group), tag=tag)
                top = group[0].chain[-1]
                self.block_of[top] = (group[0].height, group[0].chain[-2], miner)
        if self.t >= self.next_block - 1e-6 and not self.halted:
            self.next_block += self.interval

    def _sample(self, node: PaperNode) -> None:
        values: dict[str, Any] | None
        answers = node.up and self.t >= node.ready_at
        values = self._answer(node) if answers else {"err": "ConnectionRefusedError"}
        for tamper in self.tampers:
            values = tamper(self.t, node.name, values) if values is not None else None
        if values is not None:
            error = values.pop("err", None)
            self.samples.append(Sample(self.t, node.name, values, error))

    def _answer(self, node: PaperNode) -> dict[str, Any]:
        working = [each for group in self.groups() for each in group]
        peers = sum(1 for each in working if each is not node and self.reach(each.name, node.name))
        fin = node.height - self.depth
        stuck = node.alone_since is not None and self.t - node.alone_since > 20
        return {
            "block_height": float(node.height),
            "peers_connected": float(peers),
            "consensus_state": 1.0 if stuck else 0.0,
            "bft_equivocations_total": 0.0,
            "latest": [node.height, node.chain[-1], node.chain[-2] if node.height > 1 else NOTHING, False],
            "fin": [fin, node.chain[fin - 1]] if fin > 0 else [0, NOTHING],
        }

    def timeline(self) -> Timeline:
        """Return what was recorded."""
        return Timeline(self.header, translated(self.events, tuple(self.nodes)), tuple(self.samples), tuple(self.gaps))

    def judge(self) -> dict[tuple[str, str | None], Judgement]:
        """Judge what was recorded: rows by invariant and node; an invariant that crashes fails the test that judges."""
        rows = {(row.invariant, row.node): row for row in judge(self.timeline())}
        crashed = [f"{row.invariant}: {row.observed}" for row in rows.values() if row.observed.startswith(CRASHED)]
        assert "\n".join(crashed) == ""
        return rows

    def verdict(self, invariant: str, node: str | None = None) -> Verdict | None:
        """Return one verdict; None where there is no row."""
        row = self.judge().get((invariant, node))
        return None if row is None else row.verdict

    def not_held(self) -> set[tuple[str, str | None]]:
        """Return which rows are not held."""
        return {key for key, row in self.judge().items() if row.verdict is not Verdict.HELD}


def change(node: str, begin: float, end: float = 1e9, **values: Any) -> Tamper:
    """Show other values for a node between two times; a value of None takes the key away."""

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        if name == node and begin <= t < end and "err" not in shown:
            changed = {**shown, **values}
            return {key: value for key, value in changed.items() if value is not None}
        return shown

    return tamper


def silent(node: str, begin: float, end: float = 1e9) -> Tamper:
    """Take a node's answers away between two times."""

    def tamper(t: float, name: str, shown: dict[str, Any]) -> dict[str, Any]:
        return {"err": "TimeoutError"} if name == node and begin <= t < end else shown

    return tamper
