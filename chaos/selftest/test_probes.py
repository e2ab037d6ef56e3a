"""A proof that nobody gave: what was not seen proves neither a fault nor its heal."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from prowl.chaos.engine import probes
from prowl.chaos.engine.probes import Exchange, Reach


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


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "end_seconds", "whole"),
    [
        (PLAIN + b"hello", 0.1, True),
        (PLAIN + b"hello", None, False),
        (PLAIN + b"hell", 0.1, False),
        (PLAIN + b"hello!", 0.1, False),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 0.1, True),
        (CHUNKED + b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 0.1, True),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", None, False),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", 0.1, False),
        (CHUNKED + b"5\r\nhello\r\n", 0.1, False),
        (CHUNKED + b"5\r\nhell", 0.1, False),
        (CHUNKED + b"0\r\n\r\nmore", 0.1, False),
        (CHUNKED, 0.1, False),
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\n\r\nhello", 0.1, False),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", 0.1, False),
        (b"", 0.1, False),
    ],
)
def test_an_answer_is_whole_by_its_length_or_by_its_last_chunk(
    received: bytes, end_seconds: float | None, whole: bool
) -> None:
    assert Exchange(received, 0.01, end_seconds).whole is whole
