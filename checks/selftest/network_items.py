"""The items that the proof network is to show: all that a check asserts."""

from __future__ import annotations

from prowl.checks import (
    test_alerts,
    test_backup,
    test_daily,
    test_drill,
    test_gate,
    test_recovery,
    test_truth,
    test_tuning,
    test_validators,
)
from prowl.checks.registry import Check, check_of

MODULES = (
    test_alerts,
    test_backup,
    test_daily,
    test_drill,
    test_gate,
    test_recovery,
    test_truth,
    test_tuning,
    test_validators,
)


def checks() -> dict[str, tuple[str, Check]]:
    """Return every item that a check asserts, with the check's name and what it is."""
    return {
        found.item: (name, found)
        for module in MODULES
        for name, function in vars(module).items()
        if (found := check_of(function)) is not None
    }
