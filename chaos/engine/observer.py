"""The observer: one loop of its own thread samples every node and writes the timeline as it goes.

A sample is one RPC batch, one metrics page and one health answer of one node, at the same instant for all nodes. The
observer knows its own lateness: a loop that was starved writes a gap, so that its silence is never read as a node's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Any

import aiohttp

from prowl.chaos.engine.sampling import RateLimitedError, Sampler
from prowl.fixtures.network import Network, Node
from prowl.fixtures.waiting import tick, wait_until
from prowl.reports.events import Event
from prowl.reports.timeline import TimelineWriter, TransferCounts

SLOWEST_SECONDS = 0.5
FASTEST_SECONDS = 0.1
SAMPLES_PER_BLOCK = 4
ANSWER_SECONDS = 2.0
# A loop that comes this much later than it should, in paces, was starved: half the time it should have looked, it did
# not, so what it saw says nothing about that stretch.
LATE_PACES = 2.0
COMPARE_SECONDS = 7.0  # longer than a call to the proxies' server may take
COMPARE_PAUSES = 9.0  # between two looks at the proxies, in lengths of a look: thousands of them take their time
MOST_PAUSE_SECONDS = 5.0
JOIN_SECONDS = 10.0
# A machine on which the observer was away for half of the last half minute shows nothing that a node could be held to.
STARVED_WINDOW_SECONDS = 30.0
STARVED_SHARE = 0.5


class TimeOverError(RuntimeError):
    """The time that a run was given is over; the text is a sentence."""


class Observer:
    """Samples a network into a timeline until it is closed; a context manager.

    ``process_of`` tells what a node's process does, where it is on this machine. ``altered`` tells how somebody else
    has changed the proxies between the nodes; "" if nobody has, None if it can't. ``footprint_of`` tells what
    a node takes of this machine.
    """

    def __init__(
        self,
        network: Network,
        writer: TimelineWriter,
        process_of: Callable[[str], str] | None = None,
        altered: Callable[[], str | None] = lambda: "",
        footprint_of: Callable[[str], dict[str, float]] = lambda _name: {},
    ) -> None:
        self.network = network
        self.writer = writer
        self._process_of = process_of
        self._altered = altered
        self._footprint_of = footprint_of
        interval = network.block_interval_seconds or 1.0
        self.pace_seconds = min(max(interval / SAMPLES_PER_BLOCK, FASTEST_SECONDS), SLOWEST_SECONDS)
        self.newest: dict[str, dict[str, Any]] = {}
        self.tips: list[tuple[float, int]] = []  # when the network's height was first seen, in seconds
        self._proposals: list[tuple[float, int, str]] = []  # when a block was first seen, its height, its proposer
        self._starved_at = 0.0  # when the loop was last found to be late
        self._lateness: list[tuple[float, float]] = []  # when it was late, and by how many seconds
        self._finals: dict[int, tuple[str, str]] = {}  # by height, the finalized hash and who showed it first
        self._conflict = ""
        self._began = time.monotonic()
        self.until: float | None = None  # by the monotonic clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prowl-observer", daemon=True)
        self._failure: Future[None] = Future()

    def __enter__(self) -> Observer:
        nodes = tuple(node.name for node in self.network.nodes)
        self.write(Event(0.0, "cluster started", step="launch", started=nodes))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(JOIN_SECONDS)
        with self._lock:
            words = "end" if error is None else f"cut short: {type(error).__name__}"
            self.writer.event(Event(self.now(), words))
            self.writer.close()

    def now(self) -> float:
        """Return the timeline's time in seconds."""
        return time.monotonic() - self._began

    def write(self, event: Event) -> None:
        """Write what is about to be done, at this moment."""
        with self._lock:
            self.writer.event(replace(event, t=self.now()))

    def write_watched(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write what a Prometheus saw, read afterwards."""
        with self._lock:
            for row in rows:
                self.writer.watched(row)

    def write_transfers(self, row: Callable[[float], TransferCounts]) -> None:
        """Write what became of the load, as it is asked for at this moment."""
        found = row(self.now())
        with self._lock:
            self.writer.transfers(replace(found, t=self.now()))

    def check(self) -> None:
        """Raise what ended the observer, if it has ended before its time, and TimeOverError once the run's is over."""
        if self.until is not None and time.monotonic() > self.until:
            raise TimeOverError("the run's time limit was reached, so that this did not come to its end")
        if self._failure.done():
            self._failure.result()

    @property
    def tip(self) -> int:
        """Return the network's height, as it was seen so far; 0 before a block was seen."""
        return self.tips[-1][1] if self.tips else 0

    def hold(self, seconds: float, trouble: Callable[[], str] = lambda: "") -> str:
        """Watch for so long, or until there is a trouble, and return that; raises what ended the observer."""
        until = time.monotonic() + seconds
        why = ""

        def over() -> bool:
            nonlocal why
            self.check()
            why = trouble()
            return bool(why) or time.monotonic() >= until

        wait_until(over, seconds, self.pace_seconds)
        return why

    def trouble(self) -> str:
        """Return why it is useless to go on: two final blocks at a height, or a machine that starves; "" if neither."""
        with self._lock:
            since = self.now() - STARVED_WINDOW_SECONDS
            late = sum(seconds for t, seconds in self._lateness if t > since)
        if self._conflict or late <= STARVED_SHARE * STARVED_WINDOW_SECONDS:
            return self._conflict
        return f"the machine starves: the observer was away for {late:.0f} of the last {STARVED_WINDOW_SECONDS:.0f} s"

    def _compare_finals(self, node: str, final: object) -> None:
        if not (isinstance(final, list) and len(final) == 2 and isinstance(final[0], int) and final[1]):
            return
        height, shown = final
        earlier, first = self._finals.setdefault(height, (str(shown), node))
        if earlier != shown and not self._conflict:
            self._conflict = f"{first} and {node} call two blocks final at height {height}"

    def height(self, node: str) -> int | None:
        """Return the height in the node's newest sample; None if it did not answer."""
        height = self.newest.get(node, {}).get("rpc_height")
        return height if isinstance(height, int) else None

    @property
    def blocks_seen(self) -> int:
        """Return how many blocks have been seen to come."""
        tips = self.tips[1:]  # the first was there before we looked
        return tips[-1][1] - tips[0][1] if tips else 0

    def proposers_since(self, t: float) -> set[str]:
        """Return the addresses that have proposed a block first seen after ``t`` seconds."""
        with self._lock:
            return {address for seen, _height, address in self._proposals if seen > t}

    def proposals_since(self, t: float) -> dict[int, str]:
        """Return, by height, who has proposed the blocks first seen after ``t`` seconds."""
        with self._lock:
            return {height: address for seen, height, address in self._proposals if seen > t}

    # -- its loop ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._loop())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks: an observer that died is no calm network
            self._failure.set_exception(error)

    async def _loop(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
            sampler = Sampler(self.network, http)
            due = time.monotonic()
            pending: dict[str, asyncio.Task[None]] = {}
            comparing = asyncio.create_task(self._compare_proxies())
            while not self._ended.is_set():
                self._note_lateness(time.monotonic() - due)
                if comparing.done():
                    comparing.result()
                for node in self.network.nodes:
                    # A node that has not answered its last sample yet is not asked again: that sample will say so.
                    if node.name not in pending or pending[node.name].done():
                        _raise_failure(pending.get(node.name))
                        if sampler.may_ask(node):
                            pending[node.name] = asyncio.create_task(self._sample(sampler, node))
                due = max(due + self.pace_seconds, time.monotonic())
                await tick(max(0.0, due - time.monotonic()))
            for task in pending.values():
                task.cancel()
            await asyncio.gather(*pending.values(), return_exceptions=True)
            await asyncio.wait({comparing}, timeout=COMPARE_SECONDS)

    async def _compare_proxies(self) -> None:
        """Compare the proxies with what the run made, once a pace and a last time.

        Where they differ, nothing is known of the network from the last look at which they did not, to the next.
        """
        since, was = 0.0, ""  # the recording's begin, however late this begins to look
        while True:
            ended, began = self._ended.is_set(), self.now()
            found = await asyncio.to_thread(self._altered)
            if found or (was and found is not None):
                why = f"somebody else changed the proxies: {found or was}"
                with self._lock:
                    t = self.now()
                    self.writer.gap(t, t - since, why, proxies=True)
            if found is not None:
                since, was = began, found
            if ended:
                return
            await tick(max(self.pace_seconds, min(COMPARE_PAUSES * (self.now() - began), MOST_PAUSE_SECONDS)))

    def _note_lateness(self, late_seconds: float) -> None:
        if late_seconds > LATE_PACES * self.pace_seconds:
            with self._lock:
                self._starved_at = self.now()
                self._lateness.append((self._starved_at, late_seconds))
                self.writer.gap(self._starved_at, late_seconds, "the observer was starved")

    async def _sample(self, sampler: Sampler, node: Node) -> None:
        asked = self.now()
        process = self._process_of(node.name) if self._process_of is not None else None
        try:
            values = {**await sampler.sample(node), **await asyncio.to_thread(self._footprint_of, node.name)}
        except RateLimitedError:
            with self._lock:
                self.writer.gap(self.now(), self.now() - asked, "its rate limit refused the observer", node.name)
            return
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            with self._lock:
                self.newest[node.name] = {}
                if isinstance(error, TimeoutError) and self._starved_at > asked:
                    self.writer.gap(self.now(), self.now() - asked, "the observer was starved meanwhile", node.name)
                else:
                    self.writer.error(asked, node.name, type(error).__name__, process)
            return
        with self._lock:
            self.writer.sample(asked, node.name, values if process is None else {**values, "process": process})
            self.newest[node.name] = values
            self._compare_finals(node.name, values.get("fin"))
            height = values.get("rpc_height")
            if isinstance(height, int) and (not self.tips or height > self.tips[-1][1]):
                self.tips.append((asked, height))
                self._proposals += [(asked, block[0], block[3]) for block in values.get("blocks", ())]
                self._proposals.append((asked, height, str(values.get("miner"))))


def _raise_failure(task: asyncio.Task[None] | None) -> None:
    if task is not None and not task.cancelled():
        task.result()
