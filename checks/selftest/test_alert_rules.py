"""A rule is judged by what it does on several nodes of which some are sick, not by its wording: one table of rules."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from prowl.checks import alerts
from prowl.checks.selftest.survey_kit import BROKEN, HELD, UNKNOWN
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts.expression import ExpressionError, Matcher, Selector, parse
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.alerts.fleet import fleets, strings_of
from prowl.fixtures.alerts.rules import parse as parse_rules

MANUAL = files("prowl.fixtures.alerts").joinpath("alerts.yml").read_text(encoding="utf-8")
HAS_PROMTOOL = pytest.mark.skipif(promtool.find() is None, reason=promtool.MISSING)
ITEMS = [promised.item.removeprefix("alerts/") for promised in alerts.FIVE]
PROMISED = dict(zip(ITEMS, alerts.FIVE, strict=True))


def judged(item: str, expr: str, changes: dict[str, Any]) -> alerts.Judged:
    """What is said of the manual's five, one of them with another expression, and what else is changed beside it."""
    content = yaml.safe_load(MANUAL)
    (group,) = content["groups"]
    group["rules"][ITEMS.index(item)].update({"expr": expr, **changes.get("rule", {})})
    group["rules"] += changes.get("more", [])
    group.update(changes.get("group", {}))
    rules = parse_rules(yaml.safe_dump(content), "rules.yml")
    return alerts.judge(RuleFiles.of((Path("rules.yml"),), rules), PROMISED[item])


RULES: list[tuple[str, str, dict[str, Any], str]] = [
    # it does not fire when the manual's does, or does when that does not
    ("node-down", "max by (job) (up) == 0", {}, BROKEN),
    ("node-down", "max(up) == 0", {}, BROKEN),
    ("low-peers", "avg by (job) (coc_peers_connected) < 2", {}, BROKEN),
    ("consensus-degraded", "min by (job) (coc_consensus_state) > 0", {}, BROKEN),
    ("high-memory", "avg by (job) (coc_process_memory_bytes) > 2e9", {}, BROKEN),
    ("low-peers", 'max by (instance) (coc_peers_connected{instance="node-1"}) < 2', {}, BROKEN),
    ("low-peers", 'coc_peers_connected{instance="node-1"} < 2', {}, BROKEN),
    ("low-peers", 'coc_peers_connected{instance=~"node-1|node-2"} < 2', {}, BROKEN),
    ("low-peers", 'coc_peers_connected{node="node-1"} < 2', {}, BROKEN),
    ("low-peers", "sum(coc_peers_connected) < 2", {}, BROKEN),
    ("low-peers", "avg without (instance) (coc_peers_connected) < 2", {}, BROKEN),
    ("low-peers", "quantile(0.5, coc_peers_connected) < 2", {}, BROKEN),
    ("low-peers", "count(coc_peers_connected < 2) > 1", {}, BROKEN),
    ("low-peers", "topk(1, coc_peers_connected) < 2", {}, BROKEN),
    ("consensus-degraded", "avg(coc_consensus_state) > 0.5", {}, BROKEN),
    ("consensus-degraded", "coc_consensus_state == 1", {}, BROKEN),
    ("consensus-degraded", "coc_consensus_state > 0 and delta(coc_block_height[5m]) == 0", {}, BROKEN),
    ("high-memory", "sum(coc_process_memory_bytes) > 2e9", {}, BROKEN),
    (
        "high-memory",
        "coc_process_memory_bytes > 2e9",
        {"rule": {"labels": {"severity": "warning", "value": "{{ $value }}"}}},
        BROKEN,
    ),
    ("node-down", "up == 0", {"rule": {"labels": {"severity": "critical", "instance": "coc"}}}, BROKEN),
    ("node-down", "up == 0", {"group": {"interval": "10m"}}, BROKEN),
    ("node-down", "up == 0", {"group": {"interval": "5m"}}, BROKEN),
    ("node-down", "up == 0", {"group": {"interval": "2m"}}, BROKEN),
    ("node-down", "up == 0", {"group": {"limit": 1}}, BROKEN),
    ("node-down", "up == 0", {"group": {"limit": 3}}, BROKEN),
    ("no-new-blocks", "delta(coc_block_height[5m]) == 0", {"group": {"interval": "10m"}}, BROKEN),
    ("no-new-blocks", "delta(max(coc_block_height)[5m:15s]) == 0", {}, BROKEN),
    ("no-new-blocks", "max by (job) (delta(coc_block_height[5m])) == 0", {}, BROKEN),
    ("node-down", "up == 0 and on(instance) coc_block_height > 0", {}, BROKEN),
    ("node-down", 'absent(up{job="coc"})', {}, BROKEN),
    ("node-down", 'up{instance=~"node-[12]"} == 0', {}, BROKEN),
    ("node-down", "max by (cluster) (up) == 0", {}, BROKEN),
    ("node-down", "up == bool 0", {}, BROKEN),
    ("node-down", "min_over_time(up[2m]) == 0", {"rule": {"for": "0s"}}, BROKEN),
    ("node-down", "avg_over_time(up[10m]) < 0.9", {}, BROKEN),
    ("node-down", "up == 0", {"rule": {"for": "2m30s"}}, BROKEN),
    ("no-new-blocks", "idelta(coc_block_height[5m]) == 0", {}, BROKEN),
    ("no-new-blocks", "changes(coc_block_height[4m]) == 0", {}, BROKEN),
    ("no-new-blocks", "changes(coc_block_height[10m]) == 0", {}, BROKEN),
    ("no-new-blocks", "changes(coc_block_height[5m]) == 0", {"rule": {"for": "1m"}}, BROKEN),
    ("no-new-blocks", "changes(coc_block_height[5m]) == 1", {}, BROKEN),
    ("no-new-blocks", "resets(coc_block_height[5m]) == 0", {}, BROKEN),
    ("no-new-blocks", "changes(coc_block_height[5m]) > 0", {}, BROKEN),
    ("no-new-blocks", "delta(coc_block_height[5m]) < 1", {}, BROKEN),
    ("no-new-blocks", "delta(coc_block_height[5m]) <= 0", {}, BROKEN),
    ("no-new-blocks", "delta(coc_block_height[5m]) == 0", {"rule": {"for": "5m"}}, BROKEN),
    ("low-peers", "coc:peers < 2", {"more": [{"record": "coc:peers", "expr": "avg(coc_peers_connected)"}]}, BROKEN),
    (
        "low-peers",
        'coc:peers{tier="b"} < 2',
        {"more": [{"record": "coc:peers", "expr": "coc_peers_connected", "labels": {"tier": "a"}}]},
        BROKEN,
    ),
    ("low-peers", "coc_peers_connected < 1", {}, BROKEN),
    ("high-memory", "coc_process_memory_bytes > 2 * 1024 ^ 3", {}, BROKEN),
    ("high-memory", "avg_over_time(coc_process_memory_bytes[10m]) > 2e9", {}, BROKEN),
    ("consensus-degraded", "coc_consensus_state != 0", {}, BROKEN),
    ("low-peers", "coc_peers_connected < 2 and on(instance) coc_uptime_seconds > 600", {}, BROKEN),
    ("low-peers", "coc_peers_connected < 2 and on(instance) coc_consensus_state == 0", {}, BROKEN),
    ("low-peers", 'coc_peers_connected{validator_name="v1"} < 2', {}, BROKEN),
    ("node-down", "(up == 0) and on() (count(up == 0) < 2)", {}, BROKEN),
    ("node-down", "count(up == 1) < 4", {}, BROKEN),
    # no test can contain what it reads
    ("node-down", "sum(up) < 4", {}, UNKNOWN),
    ("node-down", "up == 0 and on(instance) timestamp(up) < 5000", {}, UNKNOWN),
    ("low-peers", 'coc_peers_connected{instance=~"node-1:.*"} < 2', {}, UNKNOWN),
    ("node-down", "up == 0 and on() hour() < 6", {}, UNKNOWN),
    ("node-down", "up == 0 unless on(instance) maintenance == 1", {}, UNKNOWN),
    ("node-down", "(up == 0) * on(instance) group_left coc_build_info", {}, UNKNOWN),
    ("node-down", 'up{job="coc"} == 0 and on(instance) up{job="exporter"} == 1', {}, UNKNOWN),
    ("node-down", "max by (zone) (up) == 0", {}, UNKNOWN),
    ("low-peers", "coc:peers < 2", {}, UNKNOWN),
    ("low-peers", "coc_peers_connected < 2 and coc_peers_connected offset 1d >= 2", {}, UNKNOWN),
    ("high-memory", "probe_mem > 2e9", {}, UNKNOWN),
    ("consensus-degraded", "not_there > 0", {}, UNKNOWN),
    ("high-memory", "process_resident_memory_bytes > 2e9", {}, UNKNOWN),
    ("node-down", 'up == 0 unless on() ALERTS{alertname="Maintenance"}', {}, UNKNOWN),
    ("node-down", "up @ 100 == 0", {}, UNKNOWN),
    # other words, the same alert
    ("node-down", "sum(up) < count(up)", {}, HELD),
    ("node-down", 'up{node_type="validator"} == 0', {}, HELD),
    ("low-peers", "count(coc_peers_connected < 2) > 0", {}, HELD),
    ("low-peers", "bottomk(1, coc_peers_connected) < 2", {}, HELD),
    ("consensus-degraded", "max(coc_consensus_state) > 0", {}, HELD),
    (
        "high-memory",
        "coc_process_memory_bytes > 2e9",
        {"rule": {"labels": {"severity": "warning", "host": "{{ $labels.instance }}"}}},
        HELD,
    ),
    ("node-down", "up == 0", {"group": {"interval": "1m"}}, HELD),
    ("node-down", "up == 0", {"group": {"interval": "30s"}}, HELD),
    ("node-down", "up == 0", {"group": {"interval": "45s"}}, HELD),
    ("node-down", "up == 0", {"group": {"interval": "5s"}}, HELD),
    ("node-down", "up == 0", {"group": {"interval": "0s"}}, HELD),
    ("node-down", "up == 0", {"group": {"limit": 10}}, HELD),
    ("node-down", "up == 0", {"group": {"limit": 0}}, HELD),
    ("no-new-blocks", "delta(coc_block_height[5m]) == 0", {"group": {"interval": "1m"}}, HELD),
    ("no-new-blocks", "min by (instance) (delta(coc_block_height[5m])) == 0", {}, HELD),
    ("node-down", "# scrape of the node failed\nup == 0", {}, HELD),
    ("node-down", "up # scraped\n == 0 # down", {}, HELD),
    ("node-down", 'min by (instance) (up{job="validators"}) == 0', {}, HELD),
    ("node-down", 'up{job="coc-node"} == 0', {}, HELD),
    ("node-down", 'up{job=~"coc|validators"} == 0', {}, HELD),
    ("node-down", 'up{job=~".*coc.*",env="prod"} == 0', {}, HELD),
    ("node-down", 'up{job!="node-exporter"} == 0', {}, HELD),
    ("node-down", 'up{instance=~".+:9100"} == 0', {}, HELD),
    ("node-down", 'up{instance=~"10\\\\.0\\\\.0\\\\.[1-4]:9100"} == 0', {}, HELD),
    ("node-down", 'up{instance=~"node-1|node-2|node-3"} == 0', {}, HELD),
    ("node-down", 'absent(up{job="coc"}) or up{job="coc"} == 0', {}, HELD),
    ("node-down", 'up{job="coc"} == 0 or up{job="coc-sync"} == 0', {}, HELD),
    ("node-down", "sum by (pod) (up) == 0", {}, HELD),
    ("node-down", 'max by (pod) (up{namespace="coc"}) == 0', {}, HELD),
    ("node-down", "min by (zone) (up) == 0", {}, HELD),
    ("node-down", "up != 1", {}, HELD),
    ("node-down", "up < 1", {}, HELD),
    ("node-down", "1 - up > 0", {}, HELD),
    ("node-down", "up == bool 0 == 1", {}, HELD),
    ("node-down", "max_over_time(up[2m]) == 0", {"rule": {"for": "0s"}}, HELD),
    ("node-down", "sum_over_time(up[2m]) < 1", {"rule": {"for": None}}, HELD),
    (
        "no-new-blocks",
        "(delta(coc_block_height[5m]) == 0) and on(instance) (up == 1)",
        {"rule": {"alert": "ChainStalled"}},
        HELD,
    ),
    ("no-new-blocks", "delta(coc_block_height[300s]) == 0", {}, HELD),
    *(
        ("no-new-blocks", f"{each} == 0", {}, HELD)
        for each in (
            "changes(coc_block_height[5m])",
            "increase(coc_block_height[5m])",
            "rate(coc_block_height[5m])",
            "deriv(coc_block_height[5m])",
            "stddev_over_time(coc_block_height[5m])",
            "max_over_time(coc_block_height[5m]) - min_over_time(coc_block_height[5m])",
        )
    ),
    ("no-new-blocks", "changes(coc_block_height[1m]) == 0", {"rule": {"for": "4m"}}, HELD),
    ("no-new-blocks", "max_over_time(coc_block_height[5m]) == min_over_time(coc_block_height[5m])", {}, HELD),
    ("no-new-blocks", "delta(coc_block_height[4m60s]) == 0", {}, HELD),
    ("no-new-blocks", "coc_block_height - coc_block_height offset 5m == 0", {}, HELD),
    ("no-new-blocks", "coc_block_height == coc_block_height offset 5m", {}, HELD),
    ("no-new-blocks", "abs(delta(coc_block_height[5m])) < 0.5", {}, HELD),
    ("no-new-blocks", "delta(coc_block_height[4m]) == 0", {"rule": {"for": "1m"}}, HELD),
    (
        "no-new-blocks",
        "node:rise == 0",
        {"more": [{"record": "node:rise", "expr": "delta(coc_block_height[5m])"}]},
        HELD,
    ),
    ("low-peers", "coc:peers < 2", {"more": [{"record": "coc:peers", "expr": "coc_peers_connected"}]}, HELD),
    (
        "low-peers",
        "coc:peers < 2",
        {"more": [{"record": "coc:peers", "expr": "coc:all"}, {"record": "coc:all", "expr": "coc_peers_connected"}]},
        HELD,
    ),
    (
        "low-peers",
        'coc:peers{job="validators"} < 2',
        {"more": [{"record": "coc:peers", "expr": "coc_peers_connected"}]},
        HELD,
    ),
    (
        "low-peers",
        'coc:peers{tier="a"} < 2',
        {"more": [{"record": "coc:peers", "expr": "coc_peers_connected", "labels": {"tier": "a"}}]},
        HELD,
    ),
    ("low-peers", "coc_peers_connected < bool 2 == 1", {}, HELD),
    ("low-peers", "coc_peers_connected <= 1", {}, HELD),
    ("low-peers", "2 - coc_peers_connected > 0", {}, HELD),
    ("low-peers", 'coc_peers_connected{role="validator"} < 2', {}, HELD),
    ("low-peers", "max_over_time(coc_peers_connected[5m]) < 2", {"rule": {"for": "0s"}}, HELD),
    ("low-peers", '{__name__="coc_peers_connected"} < 2', {}, HELD),
    ("low-peers", '{__name__=~"coc_peers_.*"} < 2', {}, HELD),
    ("high-memory", "coc_process_memory_bytes / 1e9 > 2", {}, HELD),
    ("high-memory", "coc_process_memory_bytes > 2 * 1000 * 1000 * 1000", {}, HELD),
    ("high-memory", "min_over_time(coc_process_memory_bytes[10m]) > 2e9", {"rule": {"for": "0s"}}, HELD),
    ("high-memory", "coc_process_memory_bytes > 2e9 or coc_process_heap_bytes > 2e9", {}, HELD),
    ("consensus-degraded", "coc_consensus_state >= 1", {}, HELD),
    ("consensus-degraded", "coc_consensus_state == 1 or coc_consensus_state == 2", {}, HELD),
    ("consensus-degraded", "clamp_min(coc_consensus_state, 0) != 0", {}, HELD),
    ("consensus-degraded", "sgn(coc_consensus_state) == 1", {}, HELD),
    ("consensus-degraded", "coc_consensus_state > 0", {"rule": {"alert": "🔥 Consensus"}}, HELD),
    ("low-peers", 'coc_peers_connected{instance=~"localhost:91.*"} < 2', {}, HELD),
    ("low-peers", 'coc_peers_connected{instance=~"(node|sync)-.*:9100"} < 2', {}, HELD),
    ("low-peers", 'coc_peers_connected{instance!~"sync.*"} < 2', {}, HELD),
    ("low-peers", 'coc_peers_connected{instance!="node-1"} < 2', {}, HELD),
]


@HAS_PROMTOOL
@pytest.mark.parametrize(("item", "expr", "changes", "expected"), RULES)
def test_a_rule_is_judged_by_what_it_does(item: str, expr: str, changes: dict[str, Any], expected: str) -> None:
    found = judged(item, expr, changes)
    assert found.verdict.value == expected, found.words
    assert found.rule is not None


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up == 0", ("up",)),
        ("coc_process_memory_bytes > 2e9", ("coc_process_memory_bytes",)),
        ('rate(a_total{job=~"coc_x|b"}[5m]) > 10', ("a_total",)),
        ("sum by (instance) (a) / ignoring(b) group_left(c) d", ("a", "d")),
        ("sum(a) without (instance)", ("a",)),
        ('{__name__="a:b"} > 0x1f', ("a:b",)),
        ("a and on() b unless c offset 5m", ("a", "b", "c")),
        ("max_over_time(a[1h:5m]) > inf", ("a",)),
        ("# coc_x\na", ("a",)),
        ("vector(1)", ()),
        ("quantile(scalar(q), a)", ("a", "q")),
    ],
)
def test_metrics_in_an_expression(expr: str, metrics: tuple[str, ...]) -> None:
    assert parse(expr).metrics == metrics


@pytest.mark.parametrize(
    "expr", ["", "up ==", "sum(up", "up{a~1}", "-" * 5_000 + "up", "(" * 201 + "up" + ")" * 201, "🔥 > 1", "up" * 9_999]
)
def test_what_is_no_expression_is_a_sentence(expr: str) -> None:
    with pytest.raises(ExpressionError, match="the expression"):
        parse(expr)


@pytest.mark.parametrize(
    ("expr", "back", "grouped"),
    [
        ("up", 0, set()),
        ("delta(a[5m] offset 1h)", 3900, set()),
        ("max_over_time(rate(a[1m])[5m:])", 360, set()),
        ("sum by (pod) (a) * on(node) group_left(zone) b", 0, {"pod", "node", "zone"}),
        ('label_replace(a, "x", "$1", "pod", "(.*)")', 0, {"pod"}),
    ],
)
def test_how_far_back_and_by_what(expr: str, back: float, grouped: set[str]) -> None:
    assert (parse(expr).back_seconds, set(parse(expr).grouped)) == (back, grouped)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("node-[1-3]", ["node-1", "node-2", "node-3"]),
        ("a|b|c", ["a", "b", "c"]),
        ("x", ["x"]),
        (r"(coc|val)-\d+", ["coc-1", "coc-2", "coc-3", "coc-4", "val-1", "val-2", "val-3", "val-4"]),
        (".+:9100", ["1:9100", "2:9100", "3:9100", "4:9100"]),
        ("[^1]x?", ["2x", "3x", "4x", "5x"]),
        ("", [""]),
    ],
)
def test_texts_that_a_pattern_matches(pattern: str, texts: list[str]) -> None:
    assert strings_of(pattern) == texts


@pytest.mark.parametrize("pattern", ["(", "a{900}", "((a{60}){60}){60}", "(?=a)", "x" * 501, r"(a)\1"])
def test_a_pattern_that_is_none_or_has_no_end_is_a_sentence(pattern: str) -> None:
    with pytest.raises(ExpressionError, match="pattern"):
        strings_of(pattern)


def test_nodes_have_the_labels_that_selectors_take() -> None:
    wanted = (Selector("up", (Matcher("job", "=", "validators"), Matcher("pod", "=~", "coc-[0-9]"))),)
    (fleet,) = fleets(wanted, frozenset())
    assert {labels["job"] for labels in fleet.labels} == {"validators"}
    assert [labels["pod"] for labels in fleet.labels] == ["coc-1", "coc-2", "coc-3", "coc-4"]
    (plain,) = fleets((Selector("up"),), frozenset())
    assert [labels["instance"] for labels in plain.labels] == [f"10.0.0.{number}:9100" for number in range(1, 5)]
    assert len(fleets((Selector("up"),), frozenset({"zone"}))) == 2, "of one node, or of all"
