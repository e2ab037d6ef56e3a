"""Options that make no sense together, or that nothing would heed: each is refused, with what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Given = Mapping[str, Any]
NEXT = ("next_home", "next_image", "next_version")

# What is given, what makes it senseless, and the sentence.
REFUSED: tuple[tuple[str, Callable[[Given], bool], str], ...] = (
    (
        "gate",
        lambda given: bool(given["chaos"]),
        "--gate and --chaos: a gate asks whether a network is ready for an upgrade and breaks nothing. Run the gate "
        "alone, and --chaos in a run of its own.",
    ),
    (
        "gate",
        lambda given: bool(given["drill"]),
        "--gate and --drill: the drill is none of the gate's items, so it would be left out. Run the gate alone, and "
        "--drill in a run of its own.",
    ),
    (
        "strict_gate",
        lambda given: not given["gate"],
        "--strict-gate is about a gate that does not try the upgrade itself. Add --gate, or leave --strict-gate out.",
    ),
    (
        "within",
        lambda given: not given["gate"],
        "--within limits a gate's time, and none is asked for. Add --gate, or leave --within out.",
    ),
    (
        "gate",
        lambda given: bool(given["node_home"]) and not given["next_home"],
        "--gate and --node-home without --next-home: a gate tries an upgrade from one to the other. Name both, or "
        "neither for readiness alone.",
    ),
    (
        "chaos",
        lambda given: bool(given["node"] or given["role"]),
        "--chaos and --node or --role: these leave only items of some nodes, and a scenario is not about a node of the "
        "target. Choose scenarios with -k NAME, or leave --chaos out.",
    ),
    (
        "time_scale",
        lambda given: not given["chaos"],
        "--time-scale says how fast alerts are watched while a cluster is broken, and no chaos is asked for. Add "
        "--chaos, or leave --time-scale out.",
    ),
    (
        "cluster",
        lambda given: not (given["chaos"] or (given["gate"] and any(given[name] for name in NEXT))),
        "--cluster says where chaos happens, and none is asked for. Add --chaos, or leave --cluster out (--target says "
        "who is judged).",
    ),
)


def refusal(given: Given) -> str | None:
    """Return why options can't go together, given the value of each by its name; None if they can."""
    return next((words for name, senseless, words in REFUSED if _is_given(given[name]) and senseless(given)), None)


def _is_given(value: object) -> bool:
    return value is not None and value is not False  # a 0 is given, too


def asked(option: Callable[[str], Any]) -> Given:
    """Return the values of the options that this is about."""
    names = ("gate", "strict_gate", "within", "chaos", "drill", "node", "role", "cluster", "time_scale")
    return {name: option(name) for name in (*names, "node_home", *NEXT)}
