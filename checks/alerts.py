"""The manual's five alerts against an operator's rules: which rule is meant for which, and what it does. No network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from prowl.checks.alert_courses import Heights, Threshold
from prowl.fixtures.alerts import promtool, trial
from prowl.fixtures.alerts.expression import ExpressionError, Form, parse
from prowl.fixtures.alerts.files import Reading, RuleFiles
from prowl.fixtures.alerts.fleet import MORE_NODES, NODES, fleets
from prowl.fixtures.alerts.rules import Rule
from prowl.fixtures.alerts.trial import MINUTE
from prowl.reports.verdicts import Verdict, worst

LIKE = 0.6  # how alike two names are, from 0 to 1, to be taken for the same
MISSPELT = 0.8
MOST_TRIED = 12
SHOWN_CHARACTERS = 200
LONGEST_NAME = 200


@dataclass(frozen=True)
class Promised:
    """An alert of the manual: the catalogue's item, its name, form, duration, severity, and the courses to try."""

    item: str
    name: str
    form: Form
    for_seconds: int
    severity: str
    kind: Threshold | Heights

    @property
    def words(self) -> str:
        """Return what the manual promises, in one line."""
        form = self.form
        what = f"{form.function}({form.metric}[{_minutes(form.range_seconds)}])" if form.function else form.metric
        condition = f"{self.name}: {what} {form.operator} {form.threshold:.12g}, for {self.for_seconds / MINUTE:g}m"
        return f"{condition}, severity {self.severity}"


FIVE: tuple[Promised, ...] = (
    Promised(
        "alerts/node-down", "Node Down", Form("up", "==", 0.0), 2 * MINUTE, "critical",
        Threshold("up", usual=1, edges=(), sick=(0,)),
    ),
    Promised(
        "alerts/consensus-degraded", "Consensus Degraded", Form("coc_consensus_state", ">", 0.0), 5 * MINUTE, "warning",
        Threshold("coc_consensus_state", usual=0, edges=(-1,), sick=(1, 2)),
    ),
    Promised(
        "alerts/high-memory", "High Memory", Form("coc_process_memory_bytes", ">", 2e9), 10 * MINUTE, "warning",
        Threshold("coc_process_memory_bytes", usual=2e8, edges=(2e9,), sick=(2e9 + 1, 2.5e9)),
    ),
    Promised(
        "alerts/no-new-blocks", "No New Blocks", Form("coc_block_height", "==", 0.0, "delta", 300.0), 0, "critical",
        Heights(),
    ),
    Promised(
        "alerts/low-peers", "Low Peers", Form("coc_peers_connected", "<", 2.0), 5 * MINUTE, "warning",
        Threshold("coc_peers_connected", usual=3, edges=(2,), sick=(1, 0)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What an operator's rules do for one alert of the manual's.

    ``rule`` is the one that is meant for it, None if none is. ``does`` is the verdict on when it fires, and ``wrong``
    says what is wrong with that, or why nobody can tell. ``label`` is what is wrong with its severity. ``differs`` are
    the differences of its wording, which alone prove nothing.
    """

    promised: Promised
    rule: Rule | None
    does: Verdict
    wrong: tuple[str, ...] = ()
    label: str = ""
    differs: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the alert as a whole."""
        return worst([self.does, Verdict.BROKEN if self.label else Verdict.HELD])

    @property
    def words(self) -> str:
        """Return what was found, in one line."""
        if self.rule is None:
            return "; ".join(self.wrong)
        unlike = [] if self.verdict is Verdict.HELD and not self.differs else list(self.differs)
        found = [*([self.label] if self.label else []), *unlike, *self.wrong]
        return f"{self.rule.name} ({self.rule.place}): {'; '.join(found) or 'as the manual has it'}"


def judge(files: RuleFiles, promised: Promised) -> Judged:
    """Return what the rules do for one alert of the manual's: of those that may be meant for it, the best one counts.

    A rule is meant for an alert by the metric that it reads, else by its name.
    """
    found: list[Judged] = []
    for rule in meant(files, promised)[:MOST_TRIED]:
        judged = _judged(files, rule, promised)
        if judged.verdict is Verdict.HELD:
            return judged
        found.append(judged)
    nearest = next((each for each in found if each.does is Verdict.HELD), found[0] if found else None)
    unseen = next((each for each in found if each.does is Verdict.UNKNOWN), None)
    best = nearest if nearest is not None and (nearest.does is Verdict.HELD or unseen is None) else unseen
    if files.problem:
        said = (f"{best.words}; " if best is not None else "") + files.problem
        return Judged(promised, None, Verdict.UNKNOWN, (said,))
    if best is not None:
        return best
    names = [rule.name for rule in files.rules]
    some = ", ".join(names[:4]) + (f" and {len(names) - 4} others" if len(names) > 4 else "")
    return Judged(
        promised, None, Verdict.BROKEN, (f"none of the {len(names)} alerts is meant for it ({some or 'none'})",)
    )


def meant(files: RuleFiles, promised: Promised) -> list[Rule]:
    """Return the alerts that may be meant for the manual's, the likeliest first."""
    metric = promised.form.metric
    found = []
    for rule in files.rules:
        try:
            reading = files.reading(rule)
            own = any(selector.reads(metric) for selector in reading.selectors)
        except ExpressionError:
            own = re.search(rf"(?<![\w:]){metric}(?![\w:])", rule.expr) is not None
        likeness = alike(rule.name, promised.name)
        if own or likeness >= LIKE:
            found.append((not own, len(differences(rule, promised)) + bool(_label(rule, promised)), -likeness, rule))
    return [rule for *_distance, rule in sorted(found, key=lambda row: row[:3])]


def _judged(files: RuleFiles, rule: Rule, promised: Promised) -> Judged:
    differs = tuple(differences(rule, promised))
    does, wrong = _does(files, rule, promised, differs)
    if "{{" in rule.severity and does is Verdict.HELD:
        does, wrong = Verdict.UNKNOWN, (f"its severity is a template ({rule.severity[:40]})",)
    return Judged(promised, rule, does, wrong, _label(rule, promised), differs)


def _label(rule: Rule, promised: Promised) -> str:
    if rule.severity == promised.severity or "{{" in rule.severity:
        return ""
    return f"label severity {rule.severity or 'missing'} instead of {promised.severity}"


def _does(files: RuleFiles, rule: Rule, promised: Promised, differs: Sequence[str]) -> tuple[Verdict, tuple[str, ...]]:
    """Return whether a rule fires and clears when the manual's does, and what was seen otherwise."""
    try:
        reading = files.reading(rule)
        if _reads_another(reading, promised):
            return Verdict.BROKEN, (f"it does not read {promised.form.metric}",)
        if obstacle := trial.obstacle(reading):
            return Verdict.UNKNOWN, (f"it can't be tried: {obstacle}",)
        if promtool.find() is None:
            return (Verdict.UNKNOWN, (f"not tried: {promtool.MISSING}",)) if differs else (Verdict.HELD, ())
        return _tried(reading, promised)
    except (ExpressionError, promtool.PromtoolError) as error:
        return Verdict.UNKNOWN, (f"it can't be tried: {error}",)


def _reads_another(reading: Reading, promised: Promised) -> bool:
    """Whether a rule reads, in place of the manual's metric, one that no node has: misspelt, or called coc_."""
    if any(each.reads(promised.form.metric) for each in reading.selectors):
        return False
    return any(
        (metric.startswith("coc_") or alike(metric, promised.form.metric) >= MISSPELT) and metric not in trial.USUAL
        for metric in reading.metrics
    )


@lru_cache(500)  # a rule is asked for by its item, and again by the item about all five
def _tried(reading: Reading, promised: Promised) -> tuple[Verdict, tuple[str, ...]]:
    """Try a rule on several nodes of which some are sick; where only some labels make it work, nobody can tell."""
    every = trial.every_seconds(reading)
    others = trial.others_read(reading, promised.form.metric)
    outcomes = []
    for count in (NODES, MORE_NODES) if reading.aggregates else (NODES,):
        for fleet in fleets(reading.demands, reading.grouped, count):
            nodes = len(fleet.labels)
            courses = promised.kind.courses(nodes, promised.for_seconds, every, reading.back_seconds)
            courses += [trial.beside_others(courses[number], others) for number in (0, -1) if others]
            outcomes.append((fleet, trial.fails(reading, fleet, courses)))
    failed = [(fleet, wrong) for fleet, wrong in outcomes if wrong]
    if not failed:
        return Verdict.HELD, ()
    fleet, wrong = failed[0]
    shown = tuple(f"in promtool's unit test, {sentence}" for sentence in wrong[:2])
    if fleet.doubt:
        return Verdict.UNKNOWN, (*shown, fleet.doubt)
    if len(failed) < len(outcomes):
        guessed = f"whether {' and '.join(fleet.guessed)} tells one node from another" if fleet.guessed else ""
        return Verdict.UNKNOWN, (*shown, f"{guessed or 'how many nodes there are'} is not known")
    return Verdict.BROKEN, shown


def differences(rule: Rule, promised: Promised) -> list[str]:
    """Return in what a rule's wording differs from the manual's alert, a few words each, with both values."""
    found = []
    try:
        form, text = parse(rule.expr).form, parse(rule.expr).text
    except ExpressionError:
        form, text = None, " ".join(rule.expr.split())
    wanted = promised.form
    if form is None:
        found.append(f"written otherwise: {text[:SHOWN_CHARACTERS]}")
    else:
        pairs = [
            ("metric", form.metric, wanted.metric),
            ("function", form.function or "none", wanted.function or "none"),
            ("range", _minutes(form.range_seconds), _minutes(wanted.range_seconds)),
            ("comparison", form.operator, wanted.operator),
            ("threshold", f"{form.threshold:.12g}", f"{wanted.threshold:.12g}"),
            ("selection", form.selector or "none", wanted.selector or "none"),
        ]
        found += [f"{what} {shown} instead of {ours}" for what, shown, ours in pairs if shown != ours]
    if rule.for_seconds != promised.for_seconds:
        found.append(f"duration {_minutes(rule.for_seconds)} instead of {_minutes(promised.for_seconds)}")
    if rule.keeps_seconds:
        found.append(f"keeps firing for {_minutes(rule.keeps_seconds)} after it has cleared")
    if rule.every_seconds > MINUTE:
        found.append(f"its group is evaluated every {_minutes(rule.every_seconds)}")
    if rule.limit:
        found.append(f"its group has the limit {rule.limit}, above which it gives no alert at all")
    return found


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(seconds, MINUTE)
    return (f"{minutes:.0f}m" if minutes else "") + (f"{rest:g}s" if rest or not minutes else "")


def alike(one: str, other: str) -> float:
    """Return how alike two names are, whatever their case and blanks; 0 for those that hardly are."""
    first, second = (re.sub(r"[^a-z0-9]", "", name[:LONGEST_NAME].lower()) for name in (one, other))
    matcher = SequenceMatcher(None, first, second)
    return matcher.ratio() if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= LIKE else 0.0


@dataclass(frozen=True)
class MetricsRead:
    """Each metric that alerts read with an alert that does, and the alerts that can't be parsed, with the reason.

    What a recording of the same files makes is left out; what it reads is not.
    """

    metrics: Mapping[str, str]
    unparsed: Mapping[str, str]


def read_by(files: RuleFiles) -> MetricsRead:
    """Return what the alerts of rule files read in the end."""
    metrics: dict[str, str] = {}
    unparsed: dict[str, str] = {}
    for rule in files.rules:
        try:
            for metric in files.reading(rule).metrics:
                metrics.setdefault(metric, rule.name)
        except ExpressionError as error:
            unparsed[rule.name] = str(error)
    return MetricsRead(metrics, unparsed)
