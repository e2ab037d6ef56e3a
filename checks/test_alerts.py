"""The operator's alert rules against the manual's five; files are read, and no Prometheus is asked."""

from __future__ import annotations

from prowl.checks import alerts, chain
from prowl.checks.registry import check
from prowl.fixtures.alerts import promtool
from prowl.fixtures.alerts.files import RuleFiles
from prowl.fixtures.survey.view import NetworkView
from prowl.reports.findings import Broken, Claim, Unknown
from prowl.reports.verdicts import Verdict

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
    judged = alerts.judge(files, PROMISED[item])
    if judged.verdict is Verdict.UNKNOWN:
        raise Unknown(Claim(judged.promised.words, judged.words))
    network.expect(judged.promised.words, judged.verdict is Verdict.HELD, judged.words)


@check("alerts/metrics", needs=("alert_rules", "metrics"), next="a rule on a metric that is not there never fires")
def test_metrics_exist(network: NetworkView, rule_files: RuleFiles) -> None:
    """Every metric of the node that a rule uses stands on a node's metrics page."""
    expected = "each coc_ metric of the rules stands on a node's metrics page"
    if not network.survey.series:
        raise Unknown(Claim(expected, "no metrics page was read"))
    read = alerts.read_by(rule_files)
    there = set(network.survey.series)
    lacking = {
        metric: name for metric, name in read.metrics.items() if metric.startswith("coc_") and metric not in there
    }
    if lacking:
        missing = chain.some(f"{metric} (in {name})" for metric, name in lacking.items())
        raise Broken(Claim(expected, f"not there: {missing}"))
    unseen = [f"{name}: {why}" for name, why in read.unparsed.items()]
    unseen += [rule_files.problem] if rule_files.problem else []
    if unseen:
        raise Unknown(Claim(expected, chain.some(unseen)))
    others = sorted(metric for metric in read.metrics if not metric.startswith("coc_") and metric != "up")
    observed = f"{len(read.metrics) - len(others)} metrics in {len(rule_files.rules)} alerts"
    observed += f"; not a node's, and not looked for: {chain.some(others)}" if others else ""
    network.expect(expected, True, observed)


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
    if promtool.find() is None:
        raise Unknown(Claim(expected, promtool.MISSING))
    judged = [alerts.judge(rule_files, promised) for promised in alerts.FIVE]
    broken = [each for each in judged if each.does is Verdict.BROKEN]
    unseen = [each for each in judged if each.does is Verdict.UNKNOWN]
    if unseen and not broken:
        raise Unknown(Claim(expected, "; ".join(_sentence(each) for each in unseen)))
    tried = chain.some(each.rule.name for each in judged if each.rule is not None)
    network.expect(expected, not broken, "; ".join(_sentence(each) for each in broken) or f"tried {tried}")


def _sentence(judged: alerts.Judged) -> str:
    if judged.rule is None:
        return f"{judged.promised.name}: {'; '.join(judged.wrong)}"
    return f"{judged.rule.name}: {'; '.join(judged.wrong)}"
