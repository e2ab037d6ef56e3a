"""A flood up to a limit: one whose answers do not show that the limit was met is none."""

from __future__ import annotations

from collections import Counter

import pytest

from prowl.chaos.engine.flood import LIMIT, WINDOW_MS, Flood, FloodAnswers, missed
from prowl.fixtures.clusters.spec import ClusterSpec

LATE = "the limit is 500 in 10 s: 405 came"


@pytest.mark.parametrize(
    ("answers", "seconds", "is_limited", "trouble"),
    [
        ({405: 500, 429: 1}, 99.0, True, ""),
        ({405: 9, 429: 1}, 99.0, False, ""),
        ({405: 500}, 10.0, True, f"None of 500 requests was refused, and {LATE} 500 times in 10.0 s."),
        ({405: 500}, 10.0, False, ""),
        ({405: 500}, 10.1, False, f"Only 500 requests were answered, and {LATE} 500 times in 10.1 s."),
        ({405: 499, "ConnectError": 9}, 10.0, False, f"Only 499 requests were answered, and {LATE} 499 times, "
         "ConnectError came 9 times in 10.0 s."),
    ],
)  # fmt: skip
def test_a_flood_has_met_the_limit(
    answers: dict[int | str, int], seconds: float, is_limited: bool, trouble: str
) -> None:
    assert missed(FloodAnswers(Counter(answers), seconds), 500, 10.0, is_limited) == trouble


def test_a_flood_needs_a_known_limit() -> None:
    assert Flood().unavailable(ClusterSpec(4, settings={LIMIT: 500, WINDOW_MS: 10_000})) is None
    for settings in ({}, {LIMIT: 500}, {LIMIT: "500", WINDOW_MS: 10_000}):
        assert "do not say" in str(Flood().unavailable(ClusterSpec(4, settings=settings)))
