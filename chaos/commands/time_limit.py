"""The end of a gate: its time limit, and the signal by which a service manager or a CI ends it. Both are a no-go."""

from __future__ import annotations

import signal
import time
from types import FrameType

import pytest

from prowl.reports import plugin as reports

MINUTE_SECONDS = 60.0


def until(config: pytest.Config) -> float | None:
    """Return when a gate must have come to its end, by the monotonic clock; None for a run without a limit."""
    minutes: float | None = config.getoption("within")
    if minutes is None:
        return None
    left = config.stash[reports.RUN].started + minutes * MINUTE_SECONDS - time.time()
    return time.monotonic() + left


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a limit that is not above 0; take SIGTERM as an interrupt: what the gate has started is ended in order."""
    minutes: float | None = config.getoption("within")
    if minutes is not None and not minutes > 0:
        raise pytest.UsageError(f"--within {minutes:g}: a time limit is a number of minutes above 0.")
    if config.getoption("gate") and not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("ended by SIGTERM")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no item after the limit: the run is cut short then."""
    limit = until(item.config)
    if limit is not None and time.monotonic() > limit:
        item.session.shouldstop = f"the time limit of {item.config.getoption('within'):g} minutes is over (--within)"
        pytest.fail("the gate's time limit is over", pytrace=False)
