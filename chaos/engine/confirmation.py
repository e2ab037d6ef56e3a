"""The strict "wait for sync": what must be seen of a node whose version was changed before the next one is touched.

A node that has synced may still not vote. So it must reach the height of before and of the others, show the same hashes
and state roots (also of a block with transactions, for empty ones change no root), and propose a block in its own turn.
Then others go, as many as the quorum allows (one of four, one of five), so that no block can come without its vote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from prowl.chaos.engine.complaints import Mark
from prowl.chaos.engine.probes import ask
from prowl.chaos.engine.stage import LOOK_SECONDS, Stage, StepError, StoppedEarlyError
from prowl.chaos.faults.crash import Crash
from prowl.checks.invariants.quorum import holds_quorum
from prowl.fixtures import deadlines
from prowl.fixtures.clusters.protocol import GONE
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event

BLOCKS_LOOKED_BACK = 12


class NotConfirmedError(StepError):
    """A node was not seen to take part in a time in which it must; the text says what was missing."""


@dataclass
class Since:
    """The moment of a change: the timeline's time, the network's height, the length of each log."""

    stage: Stage
    t: float = field(init=False)
    tip: int = field(init=False)
    mark: Mark = field(init=False)

    def __post_init__(self) -> None:
        self.t, self.tip = self.stage.observer.now(), self.stage.observer.tip
        self.mark = Mark.of(self.stage.cluster)


def has_quorum(stage: Stage, without: Iterable[str]) -> bool:
    """Whether more than two thirds of the stake are left without some nodes."""
    return holds_quorum(stage.play.stakes.keys() - set(without), stage.play.stakes)


def confirm(stage: Stage, name: str, since: Since) -> None:
    """Wait for all of it, and write that it was seen; NotConfirmedError for what was not seen in time."""
    try:
        seen = [_in_step(stage, name, since), _needed(stage, name)]
    except NotConfirmedError as error:
        complaints = since.mark.complaints(stage.cluster, name)
        seen = [f"{name} {error}", *([complaints] if complaints else [])]
        stage.write(Event(0.0, "; ".join(seen), step="unconfirmed", unconfirmed=(name,)))
        raise NotConfirmedError("; ".join(seen)) from None
    words = f"{name} takes part: {'; '.join(seen)}"
    stage.write(Event(0.0, words, step="confirmed", confirmed=(name,)))
    stage.play.say(words)
    stage.play.played.lines.append(words)


def _in_step(stage: Stage, name: str, since: Since) -> str:
    """Wait until a node is at the tip, shows what others show, and has proposed in its own turn; say what was seen."""
    limit = deadlines.rejoin_seconds(stage.play.interval_seconds, stage.network)
    trouble, seen = "", ""

    def well() -> bool:
        nonlocal trouble, seen
        stage.observer.check()
        if stage.cluster.state(name) == GONE:
            raise NotConfirmedError(f"ended with exit code {stage.cluster.exit_code(name)} some time after its start")
        proposed = _own_turns(stage, name, since)
        trouble = _behind(stage, name, since) or _silent(stage, name, since, proposed)
        if not trouble:
            trouble, seen = _differs(stage, name, since, proposed[-1])
        return not trouble

    with stage.play.played.timed("confirmation"):
        found = wait_until(well, limit, LOOK_SECONDS)
    if not found:
        starved = stage.observer.trouble()
        if starved:
            raise StoppedEarlyError(starved)
        raise NotConfirmedError(f"{standstill(stage) or trouble}, {limit:.0f} s after its start")
    return f"{seen} {stage.observer.now() - since.t:.1f} s after its stop"


def standstill(stage: Stage) -> str:
    """Say that nobody makes blocks, which the node that is waited for need not be to blame for; "" where they come."""
    t, height = stage.observer.tips[-1] if stage.observer.tips else (0.0, 0)
    quiet_seconds = stage.observer.now() - t
    if quiet_seconds <= _pause(stage):
        return ""
    return f"sees no block from anybody for {quiet_seconds:.0f} s (height {height})"


def _pause(stage: Stage) -> float:
    """Return the longest pause that there may be just after a start, in seconds."""
    return deadlines.pause_seconds(stage.play.interval_seconds, stage.network) + stage.network.start_grace_seconds


def _behind(stage: Stage, name: str, since: Since) -> str:
    height, tip = stage.observer.height(name), stage.observer.tip
    if height is None:
        return "does not answer"
    if height < max(since.tip, tip - 1):
        return f"is at height {height}, where the others are at {tip}"
    return ""


def _turns(stage: Stage) -> list[str]:
    return [node.name for node in stage.network.nodes if node.role == "validator"]


def _own_turns(stage: Stage, name: str, since: Since) -> list[int]:
    """Return the heights that were a node's turn and that it has proposed since."""
    turns, address = _turns(stage), str(stage.cluster.node(name).address).lower()
    proposed = stage.observer.proposals_since(since.t)
    return [
        height
        for height, proposer in sorted(proposed.items())
        if height > since.tip and proposer.lower() == address and turns[(height - 1) % len(turns)] == name
    ]


def _silent(stage: Stage, name: str, since: Since, proposed: list[int]) -> str:
    if proposed:
        return ""
    turns = _turns(stage)
    due = [
        height for height in range(since.tip + 1, stage.observer.tip + 1) if turns[(height - 1) % len(turns)] == name
    ]
    return f"has not proposed a block in its own turn ({len(due)} of its turns came)"


def _differs(stage: Stage, name: str, since: Since, own: int) -> tuple[str, str]:
    """Return what a node shows otherwise than the others, or what all show alike."""
    up = [each for each in stage.network.nodes if each.name not in stage.play.holds.down()]
    heights = [stage.observer.height(each.name) for each in up]
    common = min((height for height in heights if height is not None), default=0)
    loaded = _with_transactions(stage, name, since, common)
    if stage.play.load is not None and loaded is None:
        return f"shows no block with a transaction among the {common - since.tip} since", ""
    compared = sorted({height for height in (common, own, loaded) if height and height <= common})
    for height in compared:
        shown = {each.name: _block(each.rpc, height) for each in up}
        mine = shown.pop(name, None)
        for other, theirs in shown.items():
            if theirs is None or mine is None:
                continue  # asked again at the next look
            for key, words in (("hash", "hash"), ("stateRoot", "state root")):
                if mine.get(key) != theirs.get(key):
                    at = f"at height {height}"
                    return f"shows the {words} {mine.get(key)} {at}, where {other} shows {theirs.get(key)}", ""
        if mine is None or (shown and all(theirs is None for theirs in shown.values())):
            return f"shows no block {height} that others show, too", ""
    places = ", ".join(map(str, compared))
    with_one = f" ({loaded} with transactions)" if loaded is not None else ""
    return "", f"height {common}, hashes and state roots alike at {places}{with_one}, block {own} proposed in its turn"


def _with_transactions(stage: Stage, name: str, since: Since, tip: int) -> int | None:
    rpc = stage.cluster.node(name).rpc
    for height in range(tip, max(since.tip, tip - BLOCKS_LOOKED_BACK), -1):
        if (_block(rpc, height) or {}).get("transactions"):
            return height
    return None


def _block(rpc: str, height: int) -> dict[str, Any] | None:
    answer = ask(rpc, "eth_getBlockByNumber", hex(height), False)
    return answer if isinstance(answer, dict) else None


def _needed(stage: Stage, name: str) -> str:
    """Let others go until no block can come without a node's vote, and wait for a rotation of blocks."""
    gone: list[str] = []
    for other in stage.chance.sample(sorted(stage.play.stakes), len(stage.play.stakes)):
        if other != name and has_quorum(stage, gone) and not _is_needed(stage, name, gone):
            gone += [other] if has_quorum(stage, [*gone, other]) else []
    if not gone:
        if _is_needed(stage, name, ()):
            return "no quorum is possible without it, so each block since has its vote"
        return "its vote is not needed, whoever goes"
    after = f"with {', '.join(gone)} gone too"
    with stage.during(Crash(), tuple(gone)):
        stage.play.say(f"{after}, no block comes without the vote of {name}")
        begin, count = stage.observer.now(), len(_turns(stage))
        spent = blocks_come(stage, count)
        seen = len(stage.observer.proposals_since(begin))
    if spent is None:
        raise NotConfirmedError(f"does not vote: {after}, no rotation of {count} blocks came (only {seen} blocks)")
    if stage.recovered() is None:
        raise StepError(f"{', '.join(gone)}, which had gone to prove that {name} votes, did not come back in time")
    proof = "" if _is_needed(stage, name, gone) else ", though its vote was not needed"
    return f"{after}, {count} blocks came in {spent:.1f} s{proof}"


def _is_needed(stage: Stage, name: str, gone: Iterable[str]) -> bool:
    return not has_quorum(stage, [*gone, name])


def blocks_come(stage: Stage, count: int) -> float | None:
    """Wait for so many blocks; None if a pause is longer than it may be just after a start."""
    pause = _pause(stage)
    began, tip = stage.observer.now(), stage.observer.tip
    goal = tip + count
    while tip < goal:
        before = tip

        def risen() -> bool:
            stage.observer.check()
            return stage.observer.tip > before  # noqa: B023 - asked before it changes

        if not wait_until(risen, pause, LOOK_SECONDS):
            starved = stage.observer.trouble()
            if starved:
                raise StoppedEarlyError(starved)
            return None
        tip = stage.observer.tip
    return stage.observer.now() - began
