"""The manual's five alerts against an operator's rules: which rule is meant for which, and in what it differs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from prowl.fixtures.alerts.promtool import STEP_SECONDS, Case
from prowl.fixtures.alerts.rules import Rule, metrics_in

MINUTE = 60
LIKE = 0.6  # how alike two names of alerts are, from 0 to 1, to be taken for the same
OTHERWISE = "written otherwise"


@dataclass(frozen=True)
class Form:
    """An expression of the manual's kind: ``function(metric{selector}[range]) operator threshold``."""

    metric: str
    operator: str
    threshold: float
    function: str = ""
    range: str = ""
    selector: str = ""


@dataclass(frozen=True)
class Promised:
    """An alert of the manual: the catalogue's item, its name, form, duration and severity, and the courses to try."""

    item: str
    name: str
    form: Form
    for_seconds: float
    severity: str
    cases: tuple[Case, ...]


def _steps(*parts: tuple[float, int]) -> tuple[float, ...]:
    """Return a course: each value for so many minutes."""
    return tuple(value for value, minutes in parts for _ in range(minutes * MINUTE // STEP_SECONDS))


def _threshold(metric: str, well: float, sick: float, for_minutes: int, told: str) -> tuple[Case, ...]:
    """Return courses from a well value to a sick one and back: the duration, and both sides of the threshold."""
    begin, end = 10 * MINUTE, (10 + for_minutes + 5) * MINUTE
    fires = begin + for_minutes * MINUTE
    course = _steps((well, 10), (sick, for_minutes + 5), (well, 10))
    firing = ((fires - STEP_SECONDS, False), (fires, True), (end - STEP_SECONDS, True), (end, False))
    short = _steps((well, 10), (sick, for_minutes), (well, 10))
    return (
        Case(f"well ({metric} {well:.10g})", metric, _steps((well, 40)), ((30 * MINUTE, False),)),
        Case(f"{told} ({metric} {sick:.10g})", metric, course, firing),
        Case(f"not long enough ({metric} {sick:.10g})", metric, short, ((fires, False),)),
    )


def _heights() -> tuple[Case, ...]:
    metric = "coc_block_height"
    rising = [float(number) for number in range(10 * MINUTE // STEP_SECONDS + 1)]
    stands = [*rising, *[rising[-1]] * (15 * MINUTE // STEP_SECONDS), *[rising[-1] + 1] * 8]
    again = 25 * MINUTE + STEP_SECONDS
    wobble = [*rising, *([rising[-1]] * 10 + [rising[-1] + 1] + [rising[-1]] * 20)]
    return (
        Case("the height stands still", metric, stands, ((14 * MINUTE, False), (15 * MINUTE, True), (again, False))),
        Case("the height rises", metric, [float(number) for number in range(160)], ((30 * MINUTE, False),)),
        Case("the height rises by one and falls back", metric, wobble, ((15 * MINUTE, True),)),
    )


FIVE: tuple[Promised, ...] = (
    Promised(
        "alerts/node-down", "Node Down", Form("up", "==", 0.0), 2 * MINUTE, "critical",
        _threshold("up", 1, 0, 2, "down"),
    ),
    Promised(
        "alerts/consensus-degraded", "Consensus Degraded", Form("coc_consensus_state", ">", 0.0), 5 * MINUTE, "warning",
        (
            *_threshold("coc_consensus_state", 0, 1, 5, "degraded"),
            *_threshold("coc_consensus_state", -1, 2, 5, "recovering"),
        ),
    ),
    Promised(
        "alerts/high-memory", "High Memory", Form("coc_process_memory_bytes", ">", 2e9), 10 * MINUTE, "warning",
        _threshold("coc_process_memory_bytes", 2e9, 2e9 + 1, 10, "over the limit"),
    ),
    Promised(
        "alerts/no-new-blocks", "No New Blocks", Form("coc_block_height", "==", 0.0, "delta", "5m"), 0, "critical",
        _heights(),
    ),
    Promised(
        "alerts/low-peers", "Low Peers", Form("coc_peers_connected", "<", 2.0), 5 * MINUTE, "warning",
        _threshold("coc_peers_connected", 2, 1, 5, "one peer"),
    ),
)  # fmt: skip

FORM = re.compile(
    r"(?:(?P<function>[a-z_]+)\()?(?P<metric>[a-zA-Z_:][\w:]*)(?P<selector>\{[^{}]*\})?(?:\[(?P<range>\w+)\])?(?P<close>\))?"
    r"(?P<operator>==|!=|>=|<=|>|<)(?P<threshold>[+-]?[\w.+-]+)",
    re.ASCII,
)
TURNED = re.compile(r"(?P<threshold>[+-]?[\d.][\w.+-]*)(?P<operator>==|!=|>=|<=|>|<)(?P<rest>.+)", re.ASCII)
MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def form_of(expr: str) -> Form | None:
    """Return an expression's form; None if it is none of the manual's kind, which says nothing against it."""
    bare = _unwrapped("".join(expr.split()))
    turned = TURNED.fullmatch(bare)
    if turned is not None:
        bare = f"{turned['rest']}{MIRROR[turned['operator']]}{turned['threshold']}"
    match = FORM.fullmatch(bare)
    if match is None or bool(match["function"]) != bool(match["close"]):
        return None
    try:
        threshold = float(match["threshold"])
    except ValueError:
        return None
    selector = match["selector"] or ""
    return Form(
        match["metric"],
        match["operator"],
        threshold,
        match["function"] or "",
        match["range"] or "",
        "" if selector == "{}" else selector,
    )


def _unwrapped(bare: str) -> str:
    """Take brackets away that hold a whole expression, or a metric alone."""
    bare = re.sub(r"(?<![\w])\(([\w:]+(?:\{[^{}]*\})?)\)", r"\1", bare)
    while bare.startswith("(") and bare.endswith(")") and _closes_at_end(bare):
        bare = bare[1:-1]
    return bare


def _closes_at_end(bare: str) -> bool:
    depth = 0
    for place, character in enumerate(bare):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(bare) - 1
    return False


def differences(rule: Rule, promised: Promised) -> list[str]:
    """Return in what a rule differs from the manual's alert, a few words each, with both values."""
    found = []
    form, wanted = form_of(rule.expr), promised.form
    if form is None:
        metrics = metrics_in(rule.expr)
        if wanted.metric not in metrics:
            found.append(f"metric {', '.join(metrics) or 'none'} instead of {wanted.metric}")
        found.append(f"{OTHERWISE}: {rule.expr[:200]}")
    else:
        pairs = [
            ("metric", form.metric, wanted.metric),
            ("function", form.function or "none", wanted.function or "none"),
            ("range", form.range or "none", wanted.range or "none"),
            ("comparison", form.operator, wanted.operator),
            ("threshold", f"{form.threshold:.12g}", f"{wanted.threshold:.12g}"),
            ("selection", form.selector or "none", wanted.selector or "none"),
        ]
        found += [f"{what} {its} instead of {ours}" for what, its, ours in pairs if its != ours]
    if rule.for_seconds != promised.for_seconds:
        found.append(f"duration {_minutes(rule.for_seconds)} instead of {_minutes(promised.for_seconds)}")
    if rule.keeps_seconds:
        found.append(f"keeps firing for {_minutes(rule.keeps_seconds)} after it has cleared")
    if rule.severity != promised.severity:
        found.append(f"label severity {rule.severity or 'missing'} instead of {promised.severity}")
    return found


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(seconds, MINUTE)
    return (f"{minutes:.0f}m" if minutes else "") + (f"{rest:g}s" if rest or not minutes else "")


def meant(rules: Iterable[Rule], promised: Promised) -> Rule | None:
    """Return the rule that is meant to be the manual's alert: by its metric, else by its name; None if there is none.

    Of several the one that differs least, then the one whose name is most alike.
    """
    candidates = [rule for rule in rules if _same_metric(rule, promised) or alike(rule.name, promised.name) >= LIKE]
    return min(candidates, key=lambda rule: _distance(rule, promised), default=None)


def _same_metric(rule: Rule, promised: Promised) -> bool:
    form = form_of(rule.expr)
    return form is not None and form.metric == promised.form.metric


def _distance(rule: Rule, promised: Promised) -> tuple[bool, int, float]:
    found = differences(rule, promised)
    strange = any(each.startswith("metric ") for each in found)
    return strange, len(found), -alike(rule.name, promised.name)


def alike(one: str, other: str) -> float:
    """Return how alike two names of alerts are, whatever their case and blanks."""
    first, second = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (one, other))
    return SequenceMatcher(None, first, second).ratio()


def unknown_metrics(rules: Sequence[Rule], live: Iterable[str]) -> dict[str, str]:
    """Return the metrics of the node (coc_...) that rules use and no live page has, each with an alert that uses it."""
    there = set(live)
    found: dict[str, str] = {}
    for rule in rules:
        for metric in metrics_in(rule.expr):
            if metric.startswith("coc_") and metric not in there:
                found.setdefault(metric, rule.name)
    return found
