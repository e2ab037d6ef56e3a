"""Fifteen and more rules that are broken on purpose are found by name, beside one cluster that is really broken."""

from __future__ import annotations

from pathlib import Path

from prowl.chaos.engine import runner
from prowl.chaos.engine.alert_steps import Clears, Floors
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.steps import During, Recover
from prowl.chaos.engine.targets import third
from prowl.chaos.engine.watching import Watch, Watching
from prowl.chaos.faults.crash import Crash
from prowl.chaos.scenarios.alerts import ALL, BLOCKS, DOWN, JUDGES, PEERS, STATE, shape
from prowl.chaos.selftest.broken_rules import BROKEN_RULES, meant, rule_file
from prowl.checks import alerts as five
from prowl.checks.invariants import judge
from prowl.fixtures.alerts import rules as alert_rules
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.reports.timeline import read
from prowl.reports.verdicts import Verdict

LEAST = 15
SCALE = 20.0


def test_broken_rules_are_found_by_a_live_prometheus_and_the_manuals_five_are_not(tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(rule_file(), encoding="utf-8")
    manuals = tmp_path / "manuals.yml"
    manuals.write_text(Watching().texts()[0], encoding="utf-8")
    watching = Watching(SCALE, (manuals, path), meant=meant())
    stalled = During(Crash(), third, (Floors((DOWN, STATE, BLOCKS, PEERS), share=2.2),))
    steps = (Watch((Floors((DOWN,)), stalled, Clears((DOWN,)), Recover()), watching), Recover())
    scenario = Scenario("broken-rules", ALL, "broken rules are found", steps, JUDGES, shape=shape(SCALE))
    print(runner.play(scenario, ClusterSpec(4), tmp_path / "run", 1, print).observed)
    rows = judge(read(tmp_path / "run" / "timeline.jsonl"), [*JUDGES, "alerts-kept"])
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.verdict is Verdict.BROKEN:
            found.setdefault(row.observed.partition(":")[0], set()).add(row.invariant)
    print({name: sorted(names) for name, names in found.items()})
    missed = [rule.name for rule in BROKEN_RULES if rule.found_by not in found.get(rule.name, set())]
    assert missed == []
    assert not {promised.name for promised in five.FIVE} & set(found)


def test_broken_rules_are_found_by_the_rule_checks() -> None:
    found = []
    for rule in BROKEN_RULES:
        text = rule_file()
        own = [each for each in alert_rules.parse(text, "broken.yml") if each.name == rule.name]
        promised = next(each for each in five.FIVE if each.item == f"alerts/{rule.item}")
        judged = five.judge(RuleFiles.of((), own), promised)
        print(f"{rule.name}: {judged.verdict} {judged.words[:150]}")
        found += [rule.name] if judged.verdict is not Verdict.HELD else []
    assert len(found) >= LEAST
    # Whether a job is called so is not in the file: only a Prometheus that watches the network finds this one.
    assert {rule.name for rule in BROKEN_RULES} - set(found) == {"up-no-such-job"}


def test_the_table_is_long_enough_and_names_each_rule_once() -> None:
    assert len({rule.name for rule in BROKEN_RULES}) == len(BROKEN_RULES) >= LEAST
