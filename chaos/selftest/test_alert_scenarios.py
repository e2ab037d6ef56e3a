"""The scenarios of alerts as literals: every one can be, each rule has its promise, and a scale is refused in time."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from prowl.chaos.engine import refusals
from prowl.chaos.engine.plan import lines
from prowl.chaos.engine.registry import all_scenarios
from prowl.chaos.engine.watching import Watch, Watching, memory_divisor, promised_rules
from prowl.chaos.scenarios import alerts
from prowl.fixtures.alerts.scaling import scaled
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.monitoring import binary

FIVE = {alerts.DOWN, alerts.STATE, alerts.MEMORY, alerts.BLOCKS, alerts.PEERS}
OPERATORS = """\
groups:
  - name: coc
    interval: 30s
    rules:
      - {alert: NodeDown, expr: 'up{job="coc-node"} == 0', for: 1m, labels: {severity: critical}}
      - {alert: Stalled, expr: 'increase(coc_block_height[5m]) == 0', for: 3m, labels: {severity: critical}}
      - {alert: Mempool, expr: coc_tx_pool_pending > 500, for: 5m, labels: {severity: warning}}
"""


@pytest.mark.parametrize("scale", [1.0, 3.0, 10.0, 20.0, 30.0])
def test_every_scenario_can_be_at_every_scale(scale: float) -> None:
    own = alerts.scenarios(Watching(scale))
    assert len([scenario for scenario in all_scenarios(own) if scenario in own]) == len(own) >= 25
    spec = alerts.shape(scale).spec(ClusterSpec(4))
    assert Watching(scale).refusal(spec.block_ms / 1000, refusals.described(spec)) == ""
    for scenario in own:
        assert ("divided by" in scenario.why) is (scale != 1)


def test_a_plan_tells_who_watches_and_what_must_fire() -> None:
    chosen = [each for each in alerts.scenarios(Watching(10.0)) if each.name == "alert-down-killed"]
    output = "\n".join(lines({"seed": "1"}, (), chosen, ClusterSpec(4)))
    for words in ("a Prometheus of this run's own", "divided by 10", "fires     alerts/node-down for node-", "clears"):
        assert words in output


def test_a_scale_that_the_rules_do_not_allow_is_refused() -> None:
    spec = alerts.shape(30.0).spec(ClusterSpec(4))
    network = refusals.described(spec)
    assert Watching(42.0).refusal(0.25, network) == ""
    assert "at most --time-scale 42.86 is allowed here" in Watching(43.0).refusal(0.25, network)


def test_without_a_prometheus_its_scenarios_are_unavailable_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scenario = alerts.scenarios(Watching(10.0))[0]
    monkeypatch.setenv(binary.VARIABLE, str(tmp_path / "nowhere"))
    assert "no executable file" in refusals.obstacle(scenario, ClusterSpec(4))


def test_each_rule_of_the_manual_has_its_promise_and_the_times_that_follow() -> None:
    rules = {rule.promise: rule for rule in promised_rules(Watching(10.0), 0.0)}
    assert set(rules) == FIVE
    assert {item: rule.floor_seconds for item, rule in rules.items()} == {
        alerts.DOWN: pytest.approx(15.0),
        alerts.STATE: pytest.approx(33.0),
        alerts.MEMORY: pytest.approx(63.0),
        alerts.BLOCKS: pytest.approx(33.0),
        alerts.PEERS: pytest.approx(33.0),
    }


def test_an_operators_rules_are_held_to_what_the_manual_promises(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(OPERATORS, encoding="utf-8")
    rules = {rule.name: rule for rule in promised_rules(Watching(10.0, (path,)), 0.0)}
    assert rules["NodeDown"].promise == alerts.DOWN
    assert (rules["NodeDown"].for_seconds, rules["NodeDown"].evaluation_seconds) == (12.0, 3.0)
    assert (rules["Stalled"].promise, rules["Stalled"].for_seconds) == (alerts.BLOCKS, 0.0)
    assert (rules["Mempool"].promise, rules["Mempool"].for_seconds) == ("", 30.0)


@pytest.mark.parametrize(("available", "threshold"), [(24e9, "2e9"), (3e9, "500000000")])
def test_a_machine_that_is_too_small_has_its_own_threshold_and_says_so(
    monkeypatch: pytest.MonkeyPatch, available: float, threshold: str
) -> None:
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(available))
    memory_divisor.cache_clear()
    try:
        (text,) = Watching().texts()
        assert f"coc_process_memory_bytes > {threshold}\n" in scaled(text, 1)
        rule = next(rule for rule in promised_rules(Watching(), 0.0) if rule.promise == alerts.MEMORY)
        assert rule.limit == float(threshold)
        (scenario,) = (each for each in alerts.scenarios(Watching()) if each.name == "alert-memory")
        assert ("a real allocation" in scenario.why) is (threshold == "2e9")
        assert ("too small" in scenario.why) is (threshold != "2e9")
    finally:
        memory_divisor.cache_clear()


def test_only_what_is_to_lose_scrapes_goes_through_a_gateway() -> None:
    through = {
        scenario.name
        for scenario in alerts.scenarios(Watching(10.0))
        for step in scenario.every_step()
        if isinstance(step, Watch) and step.gateway
    }
    assert through == {
        "alert-watcher-drop", "alert-watcher-hang-brief", "alert-watcher-hang-long", "alert-sick-drop",
    }  # fmt: skip
