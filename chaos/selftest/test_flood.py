"""A flood up to a limit: one whose answers do not show that the limit was met is none."""

from __future__ import annotations

from collections import Counter

import pytest

from prowl.chaos.engine.flood import LIMIT, WINDOW_MS, Flood, missed
from prowl.fixtures.clusters.spec import ClusterSpec


@pytest.mark.parametrize(
    ("answers", "is_limited", "trouble"),
    [
        ({405: 500, 429: 1}, True, ""),
        ({405: 9, 429: 1}, False, ""),
        ({405: 500}, True, "None of 500 requests was refused, and the limit is 500: 405 came 500 times."),
        ({405: 500}, False, ""),
        ({405: 499, "ConnectError": 9}, False, "Only 499 requests were answered, and the limit is 500: "
         "405 came 499 times, ConnectError came 9 times."),
    ],
)  # fmt: skip
def test_a_flood_has_met_the_limit(answers: dict[int | str, int], is_limited: bool, trouble: str) -> None:
    assert missed(Counter(answers), 500, is_limited) == trouble


def test_a_flood_needs_a_known_limit() -> None:
    assert Flood().unavailable(ClusterSpec(4, settings={LIMIT: 500, WINDOW_MS: 10_000})) is None
    for settings in ({}, {LIMIT: 500}, {LIMIT: "500", WINDOW_MS: 10_000}):
        assert "do not say" in str(Flood().unavailable(ClusterSpec(4, settings=settings)))
