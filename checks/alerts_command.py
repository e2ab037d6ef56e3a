"""``prowl alerts [FILE...]``: rule files against the manual's five, with no network; without a file, the five."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from prowl.checks import alerts, chain
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts import rules as alert_rules
from prowl.fixtures.alerts.rules import Rule, RuleFileError

USAGE_ERROR = 4


def main(paths: Sequence[Path]) -> int:
    """Print a line for each of the five, and what promtool says; 0 if all are as the manual has them, else 1."""
    if not paths:
        print(files("prowl.fixtures.alerts").joinpath("alerts.yml").read_text(encoding="utf-8"), end="")
        return 0
    try:
        rules = alert_rules.read(paths)
    except RuleFileError as error:
        print(f"prowl alerts: {error}", file=sys.stderr)
        return USAGE_ERROR
    wrong = 0
    for promised in alerts.FIVE:
        rule = alerts.meant(rules, promised)
        found = alerts.differences(rule, promised) if rule is not None else ["there is no such alert"]
        place = f" ({rule.name}, {rule.place})" if rule is not None else ""
        print(f"{promised.item:<28} {'differs' if found else 'as the manual has it'}{place}")
        for each in found:
            print(f"  {each}")
        for each in _tried(rule, promised):
            print(f"  in promtool's unit test, {each}")
            found.append(each)
        wrong += bool(found)
    if promtool.find() is None:
        print(f"not tried: {promtool.MISSING}")
    elif said := promtool.check_rules(paths):
        print(f"promtool check rules: {said}")
        wrong += 1
    others = [rule.name for rule in rules if all(rule is not alerts.meant(rules, each) for each in alerts.FIVE)]
    print(f"{len(alerts.FIVE)} alerts of the manual, {wrong} findings; others: {chain.some(others) or 'none'}")
    return 1 if wrong else 0


def _tried(rule: Rule | None, promised: alerts.Promised) -> list[str]:
    if rule is None or promtool.find() is None:
        return []
    try:
        return promtool.fails(rule, promised.cases)
    except promtool.PromtoolError as error:
        return [str(error)]
