"""Recovery: a node that was down, cut off from every quorum, or given another store comes back altogether.

It reaches the tip of before and that of the others, shows the same hashes, and votes or proposes again: synced is not
rejoined. That it votes is seen from a recorder's ``voted``, from its address as ``miner``, or from blocks that came
when no quorum was possible without it. Where a timeline can show none of these, the row promises height and hashes.

It has recovered only from when on, for two rotations of the proposers, it keeps up (never more than three round
time-outs behind the network) and its state is 0; of a rotation that the timeline or another fault cuts short, what
there is counts. After a relapse it must be seen to vote or propose anew.

Owed within the allowance of a heal, counting time in which, by the events, the node was up in a connected quorum; a
return without recovery stays owed across later faults. What comes back under a fault that hinders it owes its recovery
once that is over.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from math import inf

from prowl.checks.invariants import Invariant, Judgement, Verdict, worst
from prowl.checks.invariants.actions import Action
from prowl.checks.invariants.history import ShownBlock, number, seen_of
from prowl.checks.invariants.network_state import Presence, Span, world_of
from prowl.checks.invariants.pace import pace_of
from prowl.checks.invariants.quorum import components
from prowl.checks.invariants.text import several
from prowl.reports.timeline import Timeline

STATE = "consensus_state"
ROTATIONS = 2
"""Turns of every proposer that a node may miss, once its time is over, where only ``miner`` can show it."""
WITHOUT_VOTES = (
    "A node that comes back reaches the tip of before and of the others and shows the same hashes "
    "(whether it votes or proposes can't be seen in this timeline)."
)


@dataclass(frozen=True)
class Rejoin:
    """A node came back at ``t`` (by ``action``) and was in step at ``reached``, or not at all."""

    node: str
    action: Action
    tip: int
    ready: float | None
    reached: float | None
    since: float
    """From when on time counts: the node answers, or its start has taken longer than one may."""
    counted: float
    """Seconds that counted until then, or until the node's last sample."""
    starved: float
    """Seconds of these in which the recorder was starved, so that the node may have been, too."""

    @property
    def t(self) -> float:
        """When the action began."""
        return self.action.t


def _crashed(back: Rejoin, t: float) -> bool:
    """Whether a node with a damaged store did not come up until ``t``; the manual has it crash, and promises nothing.

    Its recovery is owed from the restore on.
    """
    return back.node in back.action.damaged and (back.ready is None or back.ready >= t)


class _Node:
    """One node's returns, judged."""

    def __init__(self, timeline: Timeline, node: str) -> None:
        self.timeline, self.node = timeline, node
        self.world, self.seen, self.pace = world_of(timeline), seen_of(timeline), pace_of(timeline)
        self.runs = self.seen.runs[node]
        self.track = self.world.honest(node)
        self.times = self.track.times
        measured = self.pace.heal_seconds
        self.interval_known = measured is not None
        self.allowed = timeline.header.heal_seconds if measured is None else measured

    def returns(self) -> list[Rejoin]:
        """Return every time it came back and owed a recovery; several before one recovery count as one."""
        found: list[Rejoin] = []
        waits = False  # it came back under a fault that hinders it: it owes its recovery once that is over
        for action in self.world.actions:
            if action.t >= self.timeline.end:
                break
            back = self._comes_back(action)
            if self.node in action.slow:
                waits = waits or back
                continue
            waits = waits and self.node not in action.stopped
            if not (back or waits):
                continue
            waits = False
            if found and _crashed(found[-1], action.t):
                found.pop()
            if found and (found[-1].reached is None or action.t <= found[-1].reached):
                continue
            found.append(self._return(action))
        return found

    def _comes_back(self, action: Action) -> bool:
        if self.node in action.lying:
            return False  # what a liar shows is no evidence; it owes its recovery once it is honest again
        if action.joined:
            before = self.world.at(action.t - 1e-9)
            near = [other for other in self.timeline.nodes if not {(self.node, other), (other, self.node)} & before.cut]
            if self.node in before.started and not self.world.has_quorum(near):
                return True
        was_up = self.node in self.world.at(action.t - 1e-9).started
        return not action.launch and (self.node in action.starts or (self.node in action.resumed and not was_up))

    def _return(self, action: Action) -> Rejoin:
        tip = self.seen.tip_at(action.t) or 0
        ready = next(
            (
                max(span.begin, action.t)
                for span in self.world.spans
                if span.end > action.t and span.phases[self.node] is Presence.UP
            ),
            None,
        )
        reached = None if ready is None else next(
            (max(run.first, ready) for run in self.runs if run.last >= ready and self._in_step(run, ready, tip)), None
        )  # fmt: skip
        end = self.times[-1] if reached is None else reached
        since = action.t
        if self.node in action.starts and ready is not None:
            since = min(ready, action.t + self.timeline.header.start_seconds)
        counted = self.world.counted(self.node, since, end)
        starved = min(counted, self.timeline.starved_seconds(since, end))
        return Rejoin(self.node, action, tip, ready, reached, since, counted, starved)

    def _in_step(self, run: ShownBlock, ready: float, tip: int) -> bool:
        """Whether it shows the tip from before and that of the others, with a hash that another node shows, too."""
        others = self.seen.tip_at(max(run.first, ready) - self.timeline.header.round_timeout_seconds) or 0
        if run.height < max(tip, others):
            return False
        if run.hash is None:
            return not self.seen.has_hashes
        shown = self._others(run.height)
        if not shown and run.parent is not None:
            return run.parent in self._others(run.height - 1)
        return run.hash in shown

    def _others(self, height: int) -> set[str]:
        hashes = self.seen.at.get(height, {})
        return {name for name, shows in hashes.items() if any(node != self.node for _, node in shows)}

    def judge(self, back: Rejoin) -> tuple[Verdict, str, bool]:
        """Return the verdict of one return, what was seen, and whether votes could be."""
        if back.reached is None:
            return *self._missing(back), True
        late = back.counted > self.allowed
        text = f"back at height {back.tip} or above {back.counted:.1f} s after '{back.action.words}' at {back.t:.1f} s"
        if late:
            return self._too_long(back), f"{text}; {self.allowed:.0f} s are allowed", True
        after = self._afterwards(back)
        if after is not None:
            return *after, True
        settled, relapse = self._settled(back.reached)
        if relapse:
            counted = self.world.counted(self.node, back.since, self.times[-1] if settled is None else settled)
            until = "to the end" if settled is None else f"until {settled:.1f} s"
            text = f"{text}, and then {relapse} {until}; {counted:.1f} s of {self.allowed:.0f} s counted"
            if settled is None or counted > self.allowed:
                return self._too_long() if counted > self.allowed else Verdict.UNKNOWN, text, True
        if self.world.stakes[self.node] <= 0:
            return Verdict.HELD, text, True
        proof = self._vote(back, settled if relapse and settled is not None else back.t)
        if proof is not None:
            return Verdict.HELD, f"{text}; {proof}", True
        if (self.seen.tip_at(self.timeline.end) or 0) <= back.tip:
            return Verdict.UNKNOWN, f"{text}, but no block came since that it could vote for", True
        if not self._votes_visible():
            return Verdict.HELD, f"{text}, hashes equal; votes and proposers are not in this timeline", False
        return *self._no_vote(back, text), True

    def _too_long(self, back: Rejoin | None = None) -> Verdict:
        sure = back is None or back.counted - back.starved > self.allowed
        return Verdict.BROKEN if self.interval_known and sure else Verdict.UNKNOWN

    def _missing(self, back: Rejoin) -> tuple[Verdict, str]:
        since = f"'{back.action.words}' at {back.t:.1f} s"
        if _crashed(back, self.timeline.end):
            return Verdict.UNKNOWN, (
                f"it did not answer after {since}; the manual has a node with a damaged store crash, and promises a "
                "recovery by a restore, which did not come"
            )
        heights = [run for run in self.runs if back.ready is not None and run.last >= back.ready]
        if back.ready is None:
            what = f"no answer after {since}"
        elif heights and heights[-1].height >= back.tip and heights[-1].hash is not None:
            what = f"not in step after {since}: height {heights[-1].height} with a hash that no other node shows"
        else:
            at = heights[-1].height if heights else "none"
            tip_at_end = self.seen.tip_at(self.timeline.end)
            what = f"not at the tip ({back.tip} before, {tip_at_end} at the end) after {since}: height {at}"
        verdict = self._too_long(back) if back.counted > self.allowed else Verdict.UNKNOWN
        return verdict, f"{what}; {back.counted:.1f} s of {self.allowed:.0f} s counted"

    def _afterwards(self, back: Rejoin) -> tuple[Verdict, str] | None:
        """Say what went wrong after the recovery and before the next fault: it fell behind, or fell silent."""
        assert back.reached is not None
        faults = [
            action.t
            for action in self.world.actions
            if action.t > back.reached and (action.newly_cut or self.node in action.stopped | action.restarted)
        ]
        end = min(faults, default=self.timeline.end)
        own = [run for run in self.runs if back.reached <= run.last and run.first <= end]
        last = own[-1]
        silent = self.world.at(end - 1e-9)
        if silent.phases[self.node] is Presence.SILENT and silent.begin > back.reached:
            return (
                Verdict.UNKNOWN,
                f"it came back at {back.reached:.1f} s, and does not answer since {silent.begin:.1f} s",
            )
        seen_until = min(last.last, end)
        expected = self.seen.tip_at(seen_until - self.allowed) or 0
        if last.height < expected and seen_until - self.allowed > back.reached:
            return self._too_long(), (
                f"it came back at {back.reached:.1f} s and fell behind again: height {last.height} at "
                f"{seen_until:.1f} s, where the network had {expected} {self.allowed:.0f} s before"
            )
        return None

    def _settled(self, reached: float) -> tuple[float | None, str]:
        """Return from when on a node keeps up with a state of 0, or None; and the first trouble that came before."""
        begin: float | None = reached
        first = ""
        while begin is not None:
            until = self._rotations(begin)
            troubles = [(t, words) for t, words in self._troubles if begin <= t <= until]
            if not troubles:
                break
            first = first or f"{troubles[0][1]} at {troubles[0][0]:.1f} s"
            last = bisect_right(self.times, troubles[-1][0])
            begin = self.times[last] if last < len(self.times) else None
        return begin, first

    def _rotations(self, begin: float) -> float:
        """Return when every proposer has had its turns since, or another fault begins."""
        height = (self.seen.tip_at(begin) or 0) + ROTATIONS * len(self.world.validators)
        over = next((tip.t for tip in self.seen.tips if tip.height >= height), self.timeline.end)
        faults = (
            action.t
            for action in self.world.actions
            if action.newly_cut or action.stopped or action.restarted or self.node in action.slow
        )
        return min(over, next((t for t in faults if t > begin), inf))

    @cached_property
    def _troubles(self) -> list[tuple[float, str]]:
        """Return the samples in which the node is behind the network, or has no state of 0 though that goes on."""
        late = self.pace.signal_seconds
        found = [
            (t, f"its {STATE} is {state:.0f}")
            for begin, end, value in self.track.runs(STATE)
            if (state := number(value)) is not None and state != 0
            for t in self.times[begin:end]
            if self._goes_on(t, late)
        ]
        for run, after in zip_longest(self.runs, self.runs[1:]):
            place = bisect_right(self.seen.tips, run.height, key=lambda tip: tip.height)
            if place < len(self.seen.tips):
                since = max(run.first, self.seen.tips[place].t + late)
                words = f"it is at height {run.height}, which the network had left {late:.0f} s before"
                numbers = self.track.numbers(since, inf if after is None else after.first)
                found += [(self.times[each], words) for each in numbers]
        return sorted(found)

    def _votes_visible(self) -> bool:
        if self._shows_votes():
            return True
        return self._address() is not None and any(block.miner for block in self.seen.shown.values())

    def _goes_on(self, t: float, late: float) -> bool:
        """Whether the network has had a new block so lately that a node has no reason for another state."""
        place = bisect_right(self.seen.tips, t, key=lambda tip: tip.t)
        return place > 0 and t - self.seen.tips[place - 1].t <= late

    def _shows_votes(self) -> bool:
        return any(number(value) is not None for _, _, value in self.track.runs("voted"))

    def _address(self) -> str | None:
        address = self.timeline.header.addresses.get(self.node)
        return address.lower() if address else None

    def _vote(self, back: Rejoin, since: float) -> str | None:
        """Return the evidence that it votes or proposes again."""
        address = self._address()
        for block in sorted(self.seen.shown.values(), key=lambda block: block.height):
            if address and block.miner == address and block.height > back.tip and block.t >= since:
                return f"it proposed block {block.height}"
        assert back.ready is not None
        begin = max(back.ready, since)
        for _, end, value in self.track.runs("voted"):
            voted = number(value) if self.times[end - 1] >= begin else None
            if voted is not None and voted > back.tip:
                return f"it voted for block {voted:.0f}"
        return self._needed(back, since)

    def _needed(self, back: Rejoin, since: float) -> str | None:
        """A block that came when no quorum was possible without it has its vote."""
        if not self.timeline.header.bft:
            return None
        slack = self.timeline.header.round_timeout_seconds
        tips = self.seen.tips
        for tip in tips[bisect_right(tips, since, key=lambda tip: tip.t) :]:
            before = self.world.over(tip.t - slack, tip.t)
            if tip.height > back.tip and not any(self._possible_without(span) for span in before):
                return f"block {tip.height} could not come without its vote"
        return None

    def _possible_without(self, span: Span) -> bool:
        others = [node for node, phase in span.phases.items() if phase is not Presence.DOWN and node != self.node]
        return any(self.world.has_quorum(group) for group in components(others, span.cut))

    def _no_vote(self, back: Rejoin, text: str) -> tuple[Verdict, str]:
        assert back.reached is not None
        over = self._moment(back.t)
        voting = self._shows_votes()
        blocks = [block for block in self.seen.shown.values() if over is not None and block.t >= over]
        if voting:
            enough, what = bool(blocks), "it is not seen to vote or propose again"
        else:
            mined = [block for block in blocks if block.miner]
            enough = len(mined) >= ROTATIONS * len(self.world.validators)
            what = f"none of {len(mined)} blocks after the allowance is its own"
        return (self._too_long() if enough else Verdict.UNKNOWN), f"{text}, but {what}"

    def _moment(self, begin: float) -> float | None:
        """Return when the allowance that began then is used up."""
        passed = 0.0
        for span in self.world.over(begin, self.timeline.end):
            if self.world.started_quorum(span, self.node):
                if passed + span.end - span.begin >= self.allowed:
                    return span.begin + self.allowed - passed
                passed += span.end - span.begin
        return None


def look(timeline: Timeline) -> list[Judgement]:
    """Judge each node that came back from something."""
    rows = []
    for node in timeline.nodes:
        one = _Node(timeline, node)
        found = [(back, *one.judge(back)) for back in one.returns() if one.times]
        if not found:
            continue
        verdict = worst(row[1] for row in found)
        first = next(row for row in found if row[1] is verdict)
        observed = several([row[2] for row in found if row[1] is verdict])
        end = first[0].reached or timeline.end
        promise = INVARIANT.promise if all(row[3] for row in found) else WITHOUT_VOTES
        rows.append(INVARIANT.row(verdict, first[0].t, end, observed, node, promise))
    return rows


INVARIANT = Invariant(
    "recovery",
    "A node that comes back reaches the tip of before and of the others, shows the same hashes, and votes or proposes.",
    look,
)
