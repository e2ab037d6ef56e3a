"""Requests to a node's peer-to-peer port from one address, more than its limit by address lets through."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from prowl.chaos.engine.stage import Stage, StepError
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.single_request import FAILURES, fetch
from prowl.fixtures.waiting import wait_until
from prowl.reports.events import Event

PATH = "/p2p/gossip-tx"  # with GET it is refused before anybody is asked who he is, and counts against the limit
ANSWER_SECONDS = 2.0
LIMIT, WINDOW_MS = "p2pRateLimitMaxRequests", "p2pRateLimitWindowMs"
PACE = 1.5  # times what the limit lets through
WINDOWS = 1.25  # so long: the limit is met, and what comes after its window is let through again
REFUSED = 429


@dataclass(frozen=True)
class Flood:
    """Ask each node from this machine's address, faster than the limit by address allows, for more than its window.

    Its peers have addresses of their own where the limiters are on. Where these are off every request is answered: as
    many as the limit would let through, and more.
    """

    words = "flood the P2P port of"

    def unavailable(self, spec: ClusterSpec) -> str | None:
        """Return why the limit is not known."""
        wanting = [key for key in (LIMIT, WINDOW_MS) if not isinstance(spec.settings.get(key), int)]
        return f"the nodes' settings do not say {' and '.join(wanting)}" if wanting else None

    def do(self, stage: Stage, nodes: tuple[str, ...]) -> None:
        """Ask one node after the other; StepError where the limit was not met."""
        settings = stage.cluster.spec.settings
        limit, window_seconds = int(str(settings[LIMIT])), int(str(settings[WINDOW_MS])) / 1000
        is_limited = stage.cluster.network.rpc_calls_per_minute is not None
        for name in nodes:
            stage.write(Event(0.0, f"{self.words} {name}"))
            flood = _asked(f"{stage.cluster.node(name).p2p}{PATH}", limit, window_seconds)
            words = f"end of the flood of {name}{'' if is_limited else ', whose limits are off'}: {counted(flood)}"
            stage.write(Event(0.0, words))
            stage.play.say(words)
            if trouble := missed(flood, limit, window_seconds, is_limited):
                raise StepError(f"{name}: {trouble}")


@dataclass(frozen=True)
class FloodAnswers:
    """How often each status, or kind of error, came in so many seconds."""

    counts: Counter[int | str]
    seconds: float


def _asked(url: str, limit: int, window_seconds: float) -> FloodAnswers:
    """Ask evenly for some windows."""
    began = time.monotonic()
    counts: Counter[int | str] = Counter()

    def is_due() -> bool:
        return time.monotonic() >= began + counts.total() * window_seconds / (PACE * limit)

    while counts.total() < int(PACE * WINDOWS * limit):
        wait_until(is_due, window_seconds, 0.005)
        try:
            counts[fetch(url, timeout_seconds=ANSWER_SECONDS).status] += 1
        except FAILURES as error:
            counts[type(error).__name__] += 1
    return FloodAnswers(counts, time.monotonic() - began)


def counted(flood: FloodAnswers) -> str:
    """Return how often each answer came, such as ``405 came 500 times in 12.5 s``."""
    counts = ", ".join(f"{what} came {count} times" for what, count in flood.counts.most_common())
    return f"{counts} in {flood.seconds:.1f} s"


def missed(flood: FloodAnswers, limit: int, window_seconds: float, is_limited: bool) -> str:
    """Return why such answers show no flood up to the limit, as a sentence; "" if they do."""
    if flood.counts[REFUSED]:
        return ""
    met = f"the limit is {limit} in {window_seconds:g} s: {counted(flood)}."
    if is_limited:
        return f"None of {flood.counts.total()} requests was refused, and {met}"
    answered = sum(count for status, count in flood.counts.items() if isinstance(status, int))
    if answered * window_seconds < limit * flood.seconds:
        return f"Only {answered} requests were answered, and {met}"
    return ""
