"""What came of a start on a store that a node must not take; each hit and its miss."""

from __future__ import annotations

from typing import Any

import pytest

from prowl.checks.invariants import Verdict
from prowl.checks.selftest.network import Net
from prowl.reports.events import Event

HELD, BROKEN = Verdict.HELD, Verdict.BROKEN
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Verdict]]] = {
    "it ended and named the store": ([{"step": "symptom", "confirmed": ("n1",)}], {"n1": HELD}),
    "it started": ([{"step": "symptom", "unconfirmed": ("n1",)}], {"n1": BROKEN}),
    "one of two started": (
        [{"step": "symptom", "confirmed": ("n1",)}, {"step": "symptom", "unconfirmed": ("n2",)}],
        {"n1": HELD, "n2": BROKEN},
    ),
    "an upgrade that was not confirmed is another matter": ([{"step": "unconfirmed", "unconfirmed": ("n1",)}], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_start_on_a_damaged_store_ends_and_names_it(case: str) -> None:
    events, expected = CASES[case]
    net = Net().run(20)
    net.events += [Event(net.t, "start n1 on its damaged store", **event) for event in events]
    rows = net.run(20).judge()
    assert {node: row.verdict for (name, node), row in rows.items() if name == "corrupt-store"} == expected
    confirmation = [row.verdict for (name, _), row in rows.items() if name == "confirmation"]
    assert confirmation == ([] if expected else [BROKEN])
