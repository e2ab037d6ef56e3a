"""The operator's alert rules against the manual's five; files are read, and no Prometheus is asked."""

from __future__ import annotations

from prowl.checks import alerts, chain
from prowl.checks.registry import check
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.alerts.rules import Rule, metrics_in
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Broken, Claim, Unknown

COMPARE = "Monitoring Alerts > Grafana Alert Rules: compare the rule with the manual's table"
PROMISED = {promised.item: promised for promised in alerts.FIVE}


@check("alerts/node-down", needs="alert_rules", next=COMPARE)
def test_node_down(network: NetworkView, rule_files: RuleFiles) -> None:
    """An alert fires where a node is down for two minutes."""
    _compare(network, rule_files, "alerts/node-down")


@check("alerts/consensus-degraded", needs="alert_rules", next=COMPARE)
def test_consensus_degraded(network: NetworkView, rule_files: RuleFiles) -> None:
    """An alert fires where the consensus state is above 0 for five minutes."""
    _compare(network, rule_files, "alerts/consensus-degraded")


@check("alerts/high-memory", needs="alert_rules", next=COMPARE)
def test_high_memory(network: NetworkView, rule_files: RuleFiles) -> None:
    """An alert fires where a node uses more than 2e9 bytes of memory for ten minutes."""
    _compare(network, rule_files, "alerts/high-memory")


@check("alerts/no-new-blocks", needs="alert_rules", next=COMPARE)
def test_no_new_blocks(network: NetworkView, rule_files: RuleFiles) -> None:
    """An alert fires where the block height has not changed in five minutes."""
    _compare(network, rule_files, "alerts/no-new-blocks")


@check("alerts/low-peers", needs="alert_rules", next=COMPARE)
def test_low_peers(network: NetworkView, rule_files: RuleFiles) -> None:
    """An alert fires where a node has fewer than two peers for five minutes."""
    _compare(network, rule_files, "alerts/low-peers")


def _compare(network: NetworkView, files: RuleFiles, item: str) -> None:
    promised = PROMISED[item]
    form = promised.form
    what = f"{form.function}({form.metric}[{form.range}])" if form.function else form.metric
    expected = f"{promised.name}: {what} {form.operator} {form.threshold:.12g}, for {promised.for_seconds / 60:g}m"
    expected += f", severity {promised.severity}"
    rules = _rules(files, expected)
    rule = alerts.meant(rules, promised)
    if rule is None:
        told = f"none of the {len(rules)} alerts is meant for it ({chain.some(rule.name for rule in rules)})"
        raise Broken(Claim(expected, told))
    found = alerts.differences(rule, promised)
    told = f"{rule.name} ({rule.place})"
    if [each for each in found if not each.startswith(alerts.OTHERWISE)] or not found:
        network.expect(expected, not found, f"{told}: {'; '.join(found) or 'as the manual has it'}")
        return
    # Only the wording differs: what it does is what counts.
    network.expect(
        expected, not (wrong := _behaviour(rule, promised, expected)), f"{told}: {'; '.join(wrong or found)}"
    )


def _rules(files: RuleFiles, expected: str) -> tuple[Rule, ...]:
    if files.problem:
        raise Unknown(Claim(expected, files.problem))
    return files.rules


def _behaviour(rule: Rule, promised: alerts.Promised, expected: str) -> list[str]:
    try:
        return promtool.fails(rule, promised.cases)
    except promtool.PromtoolError as error:
        raise Unknown(Claim(expected, f"{rule.name} is {alerts.OTHERWISE} ({rule.expr[:200]}), and {error}")) from None


@check("alerts/metrics", needs=("alert_rules", "metrics"), next="a rule on a metric that is not there never fires")
def test_metrics_exist(network: NetworkView, rule_files: RuleFiles) -> None:
    """Every metric of the node that a rule uses stands on a node's metrics page."""
    expected = "each coc_ metric of the rules stands on a node's metrics page"
    rules = _rules(rule_files, expected)
    if not network.survey.series:
        raise Unknown(Claim(expected, "no metrics page was read"))
    used = {metric for rule in rules for metric in metrics_in(rule.expr)}
    lacking = alerts.unknown_metrics(rules, network.survey.series)
    others = sorted(metric for metric in used if not metric.startswith("coc_") and metric != "up")
    told = f"{len(used) - len(others)} metrics in {len(rules)} alerts"
    told += f"; not a node's, and not looked for: {chain.some(others)}" if others else ""
    missing = chain.some(f"{metric} (in {name})" for metric, name in lacking.items())
    network.expect(expected, not lacking, f"not there: {missing}" if lacking else told)


@check("alerts/syntax", needs=("alert_rules", "promtool"), next="promtool check rules FILE")
def test_syntax(network: NetworkView, rule_files: RuleFiles) -> None:
    """promtool finds the rule files sound."""
    expected = "promtool check rules ends with 0"
    try:
        said = promtool.check_rules(rule_files.paths)
    except promtool.PromtoolError as error:
        raise Unknown(Claim(expected, str(error))) from None
    network.expect(expected, not said, said or f"{len(rule_files.paths)} files")


@check("alerts/firing", needs=("alert_rules", "promtool"), next=COMPARE)
def test_firing(network: NetworkView, rule_files: RuleFiles) -> None:
    """The rules that are meant for the manual's five fire and clear when the manual says, in promtool's unit tests."""
    expected = "each fires when its condition has lasted long enough, not before, and clears with it"
    rules = _rules(rule_files, expected)
    wrong, tried = [], []
    for promised in alerts.FIVE:
        rule = alerts.meant(rules, promised)
        if rule is None:
            wrong.append(f"no alert is meant for {promised.name}")
            continue
        tried.append(rule.name)
        wrong += [f"{rule.name}: {sentence}" for sentence in _behaviour(rule, promised, expected)[:2]]
    network.expect(expected, not wrong, "; ".join(wrong) if wrong else f"tried {chain.some(tried)}")
