"""A proof that nobody gave: what was not seen proves neither a fault nor its heal."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from prowl.chaos.engine import probes
from prowl.chaos.engine.probes import Reach


@pytest.mark.parametrize(
    ("error", "met"),
    [
        (TimeoutError(), Reach.SILENT),
        (ConnectionRefusedError(), Reach.REFUSED),
        (OSError(errno.EMFILE, "Too many open files"), Reach.UNTRIED),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Reach.UNTRIED),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), Reach.UNTRIED),
    ],
)
def test_that_it_could_not_be_asked_is_no_silence(monkeypatch: pytest.MonkeyPatch, error: OSError, met: Reach) -> None:
    def connect(*_words: object, **_more: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", connect)
    assert probes.reach(9) is met


@pytest.mark.parametrize(
    ("heights", "trouble"),
    [
        ({"a": 10, "b": 10, "c": 10}, ""),
        ({"a": 9, "b": 10, "c": 10}, ""),
        ({"a": 8, "b": 10, "c": 9}, "a is at height 8; the highest is at 10"),
        ({"a": None, "b": 10, "c": 10}, "the RPC of a does not answer"),
        ({"a": 0, "b": None, "c": 1}, ""),
        ({"a": 0, "b": None, "c": None}, "the RPC of b, c does not answer, so that there is nothing to compare with"),
    ],
)
def test_level_with_nobody_is_not_level(
    monkeypatch: pytest.MonkeyPatch, heights: dict[str, int | None], trouble: str
) -> None:
    monkeypatch.setattr(probes, "height_of", lambda _cluster, name: heights[name])
    cluster: Any = SimpleNamespace(spec=SimpleNamespace(names=tuple(heights)))
    assert probes.level_trouble(cluster, ("a",)) == trouble
