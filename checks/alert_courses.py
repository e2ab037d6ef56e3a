"""The courses on which an alert is tried: one node of several is sick, two are, all are; and none is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from prowl.fixtures.alerts.trial import MINUTE, STEP_SECONDS, USUAL, MetricsCourse

LEAD_SECONDS = 10 * MINUTE  # all are well before the fault
AFTER_SECONDS = 10 * MINUTE
SICK_SECONDS = 5 * MINUTE  # longer than an alert waits
SLOW_SECONDS = 285  # between two blocks: within the manual's five minutes
Values = Sequence[float]


def seen_at(seconds: float, every: int) -> int:
    """Return when an evaluation first sees what is so since then; one comes at least once a minute."""
    pace = min(every, MINUTE)
    return math.ceil(seconds / pace) * pace


def lead_steps(back_seconds: float) -> int:
    """Return the steps before a fault: as far back as a rule looks, and one, so that evaluations are late for it."""
    return math.ceil(max(LEAD_SECONDS, back_seconds) / MINUTE) * MINUTE // STEP_SECONDS + 1


def who_is_sick(nodes: int) -> list[frozenset[int]]:
    """Return which nodes are sick: each alone, two of them, all."""
    return [*(frozenset({number}) for number in range(nodes)), frozenset({0, nodes - 1}), frozenset(range(nodes))]


def course(
    words: str, nodes: int, sick: frozenset[int], shown: Mapping[str, Values], firing: Iterable[tuple[int, bool]]
) -> MetricsCourse:
    """Return a course on which the sick nodes show something, and the others are as usual."""
    steps = max(len(values) for values in shown.values())
    rows = [shown if number in sick else {} for number in range(nodes)]
    who = "all nodes" if len(sick) == nodes else f"{len(sick)} of {nodes} nodes" if len(sick) > 1 else "one node"
    return MetricsCourse(f"{words} on {who}", steps, rows, sick, tuple(firing))


@dataclass(frozen=True)
class Threshold:
    """An alert on a metric's value: the usual one, those that are just well, and those that are sick."""

    metric: str
    usual: float
    edges: tuple[float, ...]
    sick: tuple[float, ...]

    def courses(self, nodes: int, for_seconds: int, every: int, back_seconds: float) -> list[MetricsCourse]:
        """Return the courses for so many nodes, and a rule that is evaluated so often and looks back so far."""
        lead, wait = lead_steps(back_seconds), for_seconds // STEP_SECONDS
        after = AFTER_SECONDS // STEP_SECONDS
        begin, end = lead * STEP_SECONDS, lead * STEP_SECONDS + for_seconds + SICK_SECONDS
        fires, clear = seen_at(seen_at(begin, every) + for_seconds, every), seen_at(end, every)
        firing = ((fires - STEP_SECONDS, False), (fires, True), (end - STEP_SECONDS, True), (clear, False))

        def shown(values: Iterable[float], steps: int) -> dict[str, Values]:
            return {self.metric: [self.usual] * lead + list(islice(values, steps)) + [self.usual] * after}

        long = wait + SICK_SECONDS // STEP_SECONDS
        first = self.sick[0]
        found = [
            course(self._says(first), nodes, who, shown(cycle([first]), long), firing) for who in who_is_sick(nodes)
        ]
        more = [*((each,) for each in self.sick[1:]), *([self.sick] if self.sick[1:] else [])]
        for number, values in enumerate(more):
            who = frozenset({number % nodes})
            found.append(course(self._says(*values), nodes, who, shown(cycle(values), long), firing))
        short = ((begin + for_seconds, False), (begin + for_seconds + MINUTE, False))
        found.append(
            course(f"{self._says(first)}, not long enough,", nodes, frozenset({1}), shown(cycle([first]), wait), short)
        )
        return [*found, *self._well(nodes, len(found[0].nodes[0][self.metric]))]

    def _well(self, nodes: int, steps: int) -> list[MetricsCourse]:
        never = tuple((steps * STEP_SECONDS * part // 4, False) for part in (1, 2, 3))
        found = []
        for value in (self.usual, *self.edges):
            shown = {self.metric: [value] * steps}
            found.append(course(f"well ({self._says(value)})", nodes, frozenset(range(nodes)), shown, never))
            if value != self.usual:
                found.append(course(f"well ({self._says(value)})", nodes, frozenset({1}), shown, never))
        return found

    def _says(self, *values: float) -> str:
        return f"{self.metric} {' and '.join(f'{value:.10g}' for value in values)}"


@dataclass(frozen=True)
class Heights:
    """The alert on a height that has not changed in five minutes."""

    def courses(self, nodes: int, for_seconds: int, every: int, back_seconds: float) -> list[MetricsCourse]:
        """Return the courses for so many nodes, and a rule that is evaluated so often and looks back so far."""
        lead = lead_steps(back_seconds)
        rise = [USUAL["coc_block_height"](step) for step in range(lead + 1)]
        last, top = lead * STEP_SECONDS, rise[-1]
        stands = _then(rise, [top] * (15 * MINUTE // STEP_SECONDS), lambda step: top + step + 1, lead)
        end = last + 15 * MINUTE + STEP_SECONDS
        fires = seen_at(last + 5 * MINUTE + for_seconds, every)
        firing = (
            (fires - 2 * STEP_SECONDS, False), (fires, True), (end - STEP_SECONDS, True), (seen_at(end, every), False)
        )  # fmt: skip
        falls = _then(rise, [top - step - 1 for step in range(8 * MINUTE // STEP_SECONDS)], lambda _step: top, 2)
        slow = [float(number // (SLOW_SECONDS // STEP_SECONDS)) for number in range(3 * lead)]
        metric = "coc_block_height"
        never = tuple((last + minutes * MINUTE, False) for minutes in (5, 6, 7))
        every_node, one = frozenset(range(nodes)), frozenset({1})
        return [
            *(course("the height stands still", nodes, who, {metric: stands}, firing) for who in who_is_sick(nodes)),
            course("the height falls", nodes, one, {metric: falls}, never),
            course(
                "the height rises", nodes, every_node, {metric: [float(number) for number in range(3 * lead)]}, never
            ),
            course("the height rises slowly", nodes, every_node, {metric: slow}, never),
            course("the height rises slowly", nodes, one, {metric: slow}, never),
        ]


def _then(rise: Values, middle: Values, end: Callable[[int], float], steps: int) -> list[float]:
    return [*rise, *middle, *(end(step) for step in range(steps))]
