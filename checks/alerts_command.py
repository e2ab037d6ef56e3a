"""``prowl alerts [FILE...]``: rule files against the manual's five, with no network; without a file, the five."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from prowl.checks import alerts, chain
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts.files import RuleFiles
from prowl.reports.verdicts import Verdict

USAGE_ERROR = 4
WORDS = {Verdict.UNKNOWN: "can't be told", Verdict.BROKEN: "differs"}


def main(paths: Sequence[Path]) -> int:
    """Print a line for each of the five, and what promtool says; 0 if all are held, as the checks judge, else 1."""
    if not paths:
        print(files("prowl.fixtures.alerts").joinpath("alerts.yml").read_text(encoding="utf-8"), end="")
        return 0
    rule_files = RuleFiles.read(paths)
    if rule_files.problem and not rule_files.rules:
        print(f"prowl alerts: {rule_files.problem}", file=sys.stderr)
        return USAGE_ERROR
    judged = [alerts.judge(rule_files, promised) for promised in alerts.FIVE]
    for each in judged:
        _print(each)
    wrong = sum(each.verdict is not Verdict.HELD for each in judged)
    if promtool.find() is None:
        print(f"not tried: {promtool.MISSING}")
    if rule_files.problem:
        print(rule_files.problem)
        wrong += 1
    meant = [each.rule for each in judged]
    others = [rule.name for rule in rule_files.rules if all(rule is not each for each in meant)]
    print(f"{len(alerts.FIVE)} alerts of the manual, {wrong} findings; others: {chain.some(others) or 'none'}")
    return 1 if wrong else 0


def _print(judged: alerts.Judged) -> None:
    held = judged.verdict is Verdict.HELD
    word = (
        ("does what the manual's does" if judged.differs else "as the manual has it") if held else WORDS[judged.verdict]
    )
    place = f" ({judged.rule.name}, {judged.rule.place})" if judged.rule is not None else ""
    print(f"{judged.promised.item:<28} {word}{place}")
    for line in (judged.label, *judged.differs, *judged.wrong):
        if line:
            print(f"  {line}")
