"""What diagnoses share, and the plainest one: several items give one reason, in the same words, for being unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prowl.reports.causes import Cause
from prowl.reports.findings import on, without_chance
from prowl.reports.verdicts import Result, Verdict

# Why this machine reaches nobody; of one node alone it may be that one's host.
UNREACHABLE = ("Network is unreachable", "No route to host", "Name or service not known", "name resolution")
NO_ANSWER = re.compile(r"no answer from (\S+?): (.*)")
NOT_THERE = re.compile(r"(/\S+) (?:can't be read: .*No such file or directory|does not exist, so)")
LONGEST_NAME = 120

Explains = Callable[[Result], bool]


@dataclass(frozen=True)
class TargetWords:
    """Who was looked at: the target's spec, the command that looks again, and the inventory's keys.

    ``keys`` are by the path or address that each names.
    """

    target: str
    program: str
    words: str
    keys: dict[str, str]

    def again(self, *nodes: str) -> str:
        """Return the command that looks at one node again, or at all."""
        return f"{self.program}{f' --node {nodes[0]}' if len(nodes) == 1 else ''} {self.words}"


def without_network(problems: Sequence[str]) -> str:
    """Return why this machine reaches nobody, by what every address that was asked has for a problem; "" if it does."""
    found = [NO_ANSWER.match(problem) for problem in problems]
    reasons = {match[2] if match is not None else "" for match in found}
    if not all(any(word in reason for word in UNREACHABLE) for reason in reasons):
        return ""
    return ", ".join(sorted(reasons))


Diagnosis = tuple[Cause, Explains]


def names_of(names: Sequence[str]) -> str:
    """Return names as a list in words, shortened where they are many."""
    return on(names).removeprefix(" on ")


def of_words(results: Sequence[Result], asked: TargetWords) -> list[Diagnosis]:
    """Return a diagnosis for each sentence that several items give as the reason for being unknown."""
    groups: dict[str, list[Result]] = {}
    for row in results:
        if row.verdict is Verdict.UNKNOWN and row.scenario is None:
            match = NOT_THERE.search(row.observed)
            key = asked.keys.get(match[1]) if match is not None else None
            groups.setdefault(f"{key} is not there" if key else without_chance(row.observed), []).append(row)
    return [_diagnosis(text, rows, asked) for text, rows in groups.items() if len({row.item for row in rows}) > 1]


def _diagnosis(text: str, rows: Sequence[Result], asked: TargetWords) -> Diagnosis:
    nodes = tuple(dict.fromkeys(row.node for row in rows if row.node))
    sentence, step = f"{names_of(nodes)}: {text}" if nodes else text, rows[0].next
    missing = dict.fromkeys(match[1] for row in rows if (match := NOT_THERE.search(row.observed)))
    if missing:
        key = asked.keys.get(next(iter(missing)), "the path")
        sentence = f"{names_of(nodes)}: there is no {names_of(list(missing))}"
        step = f"correct {key} in {asked.target}, or make the folder and let the node back up into it (Backup Strategy)"
    elif "Permission denied" in text:
        step = f"let the user that Prowl comes as read it, or look as the node's own user ({asked.target}: host)"
    elif match := NO_ANSWER.search(text):
        key = next((key for at, key in asked.keys.items() if match[1].startswith(at)), "")
        sentence = f"{key + ': ' if key else ''}{match[0]}"
        step = f"start it, or correct {key or 'its address'} in {asked.target}"
    same = {without_chance(row.observed) for row in rows}
    return Cause(
        sentence[:LONGEST_NAME], sentence, step, asked.again(*nodes), nodes
    ), lambda row: without_chance(row.observed) in same
