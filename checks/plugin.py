"""Turns each check into one pytest item a node, or one for the network, and its outcome into a verdict."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Iterable
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # what -k means, and pytest offers it nowhere else

from prowl.checks import backups, causes, gate
from prowl.checks.reasons import TargetWords
from prowl.checks.registry import Check, check_of
from prowl.fixtures import plugin as fixtures
from prowl.fixtures import targets
from prowl.fixtures.clusters import installed_node
from prowl.fixtures.clusters.spec import Command, reference_command
from prowl.fixtures.drill import Drilled, drill
from prowl.fixtures.inventory.waivers import today, waiver_of
from prowl.fixtures.manual import catalogue as manual
from prowl.fixtures.manual.own import CatalogueError
from prowl.fixtures.survey.survey import NodeView, Survey, SurveyError
from prowl.fixtures.survey.view import NetworkView, View
from prowl.fixtures.targets import Target
from prowl.reports import junit
from prowl.reports import plugin as reports
from prowl.reports.causes import Cause
from prowl.reports.findings import Claim, NotHeld, message
from prowl.reports.gate import Demands
from prowl.reports.redaction import printable
from prowl.reports.run import Run
from prowl.reports.verdicts import Drift, NotAsked, Result, Verdict

pytest_plugins = ("prowl.fixtures.plugin",)

VIEW = pytest.StashKey[View]()
IDS = pytest.StashKey[list[str]]()
MOST_NEAR = 5
LONGEST_SENTENCE = 2_000
REFERENCE = "PROWL/"  # how a reference node's version begins
OPENED_BY_ITS_KIND = "the backup is not a reference node's: say where a node is that opens it (--node-home DIR)"
WHOLE = "network"  # stands in an item's id where a node's name would


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options about what is asked."""
    group = parser.getgroup("prowl")
    group.addoption(
        "--gate", action="store_true", help="is the network ready for an upgrade? Says go or no-go, and why, first"
    )
    group.addoption(
        "--strict-gate",
        action="store_true",
        help="a gate that does not try the upgrade itself is no-go (prowl gate --strict)",
    )
    group.addoption(
        "--within", type=float, metavar="MINUTES", help="a gate that has not come to its end by then is no-go"
    )
    group.addoption(
        "--drill", action="store_true", help="also restore the newest backup of each node into nodes of this run's own"
    )
    group.addoption(
        "--catalogue", action="append", type=Path, metavar="FILE", help="items for checks of your own (TOML)"
    )
    parser.addini("prowl_catalogue", "catalogue files for checks of your own", type="paths", default=[])
    parser.addini("prowl_checks", "files or folders with checks of your own, for prowl run", type="paths", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the items of own catalogue files: a waiver may name them."""
    try:
        manual.extend(_catalogues(config))
    except CatalogueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the report decide about the gate: by every item of its own on every node, whatever this run selects."""
    config = session.config
    if fixtures.TARGET not in config.stash:
        return
    if not hasattr(config, "workerinput"):
        diagnose: reports.Diagnose = partial(_diagnosed, config)
        config.stash[reports.DIAGNOSE] = diagnose
    if not config.getoption("gate"):
        return
    collector = config.pluginmanager.get_plugin("prowl-collector")
    if collector is not None:
        names = [name for name, _role in config.stash[fixtures.TARGET].nodes]
        spec = config.stash[fixtures.CLUSTER].cluster_spec
        tried = (
            f"the upgrade to {spec.newer} was tried in a cluster of the gate's own" if fixtures.plays(config) else ""
        )
        order = (*gate.ORDER, *(gate.UPGRADE if tried else ()))
        collector.begin_gate(Demands(order, names, tried, config.getoption("strict_gate")))


def _diagnosed(config: pytest.Config, results: list[Result]) -> tuple[list[Result], list[Cause]]:
    """Return the results with their causes, as far as the survey shows any; it was taken if a check asked for it."""
    target = config.stash[fixtures.TARGET]
    network = target.network
    keys = {str(network.prometheus): "prometheus"} if network is not None and network.prometheus else {}
    for node in network.nodes if network is not None else ():
        named = {"backup_dir": node.backup_dir, "data_dir": node.data_dir, "config": node.config}
        keys |= {str(place): key for key, place in named.items() if place is not None}
    asked = TargetWords(target.spec, reports.program(), targets.words(target), keys)
    return causes.diagnose(results, _survey_of(config.stash[reports.RUN]), asked)


def _survey_of(run: Run) -> Survey | None:
    """Return what this run saw of its target; None if nothing."""
    try:
        return Survey.load(run.folder / "survey.json", run.mark)
    except (FileNotFoundError, SurveyError):
        return None


def _catalogues(config: pytest.Config) -> list[Path]:
    return [*(config.getoption("catalogue") or ()), *config.getini("prowl_catalogue")]


def _belongs(config: pytest.Config, check: Check) -> bool:
    """Whether this run asks for a check: a gate for its own, another run for all but what is the gate's alone."""
    if check.drill and not config.getoption("drill"):
        return False
    return check.gate if config.getoption("gate") else not check.item.startswith(gate.GATE_ONLY)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item a node of each check, or one for the network; what the target does not offer makes none.

    ``--node`` and ``--role`` leave no item of the network: its checks are about all nodes.
    """
    check = check_of(metafunc.function)
    if check is None or fixtures.TARGET not in metafunc.config.stash:
        return
    config = metafunc.config
    config.stash.setdefault(fixtures.METRICS, set()).update(check.metrics)
    target = config.stash[fixtures.TARGET]
    names: list[str | None] = list(fixtures.chosen(config, target))
    if check.scope == "network":
        names = [] if config.getoption("node") or config.getoption("role") else [None]
    if not _belongs(config, check):
        names = []
    rules = target.network.waivers if target.network is not None else ()
    asked = []
    for name in names:
        lacking = target.lacks(name, *check.needs)
        if lacking is None:
            asked.append(name or WHOLE)
        elif left_by_keyword(metafunc, f"{check.item}-{name or WHOLE}"):
            config.stash[reports.NOT_ASKED].append(
                NotAsked(check.item, lacking, name, waiver_of(rules, check.item, name, today()))
            )
    metafunc.parametrize(check.scope, asked, indirect=True, ids=[f"{check.item}-{name}" for name in asked])


def left_by_keyword(metafunc: pytest.Metafunc, item_id: str) -> bool:
    """Whether ``-k`` would leave an item, if it were made: what was not asked is told of what was asked for.

    A gate's own list is whole in any case.
    """
    words = metafunc.config.getoption("keyword").strip()
    if not words or metafunc.config.getoption("gate"):
        return True
    names = [name.lower() for name in (item_id, metafunc.function.__name__, metafunc.module.__name__)]
    asked_for = _expression(words)
    if asked_for is None:
        return True  # pytest says what is wrong with it
    return asked_for.evaluate(lambda word, /, **_more: any(word.lower() in name for name in names))


@cache  # thousands of items are held against the same one
def _expression(words: str) -> Expression | None:
    """Return what ``-k`` asks for; None if it is none."""
    try:
        return Expression.compile(words)
    except SyntaxError:
        return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the placeholder that pytest makes of a check that no node was asked for: it is no skip."""
    empty = [item for item in items if (check := check_of(getattr(item, "function", None))) and not _whose(item, check)]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the ids before -k leaves any of them out: where it leaves none, those near its words are told."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None:
        item.config.stash.setdefault(IDS, []).append(callspec.id)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where -m or -k left nothing, say so; name the ids that are near the words of -k."""
    config = session.config
    words = config.getoption("keyword").strip()
    if session.items or hasattr(config, "workerinput") or reports.RUN not in config.stash:
        return
    if marks := config.getoption("markexpr"):
        reports.note(config, f"-m {marks!r} left nothing; quick, upgrade and alerts are marks of scenarios (--chaos)")
    if not words:
        return
    if config.stash[reports.NOT_ASKED] and not config.getoption("gate"):
        reports.note(config, f"-k {words!r} selected only what is not asked of this target")
        return
    ids: list[str] = config.stash.setdefault(IDS, [])
    near = _near(re.findall(r"[\w/.:-]+", words), ids)
    hint = f"; near it: {', '.join(near)}" if near else ": prowl manual lists the items"
    reports.note(config, f"-k {words!r} selected nothing{hint}")


def _near(words: Iterable[str], ids: Iterable[str]) -> list[str]:
    """Return items and scenarios whose names, or parts of them, are like one of these words."""
    names = {manual_id for row in ids if (manual_id := _item_of(row))}
    parts = {part: name for name in sorted(names, reverse=True) for part in (name, *name.split("/"))}
    found = [parts[each] for word in words for each in get_close_matches(word, parts, n=3)]
    return list(dict.fromkeys(found))[:MOST_NEAR]


def _item_of(row: str) -> str:
    """Return the item in an item's id, or the id itself where it is a scenario's."""
    return max((item for item in manual.catalogue() if row.startswith(f"{item}-")), key=len, default=row)


def _whose(item: pytest.Item, check: Check) -> str | None:
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get(check.scope) if callspec is not None else None
    return name if isinstance(name, str) else None


@pytest.fixture
def node(request: pytest.FixtureRequest, survey: Survey) -> NodeView:
    """One node of the survey."""
    view = NodeView(survey, request.param)
    request.node.stash[VIEW] = view
    return view


@pytest.fixture
def network(request: pytest.FixtureRequest, survey: Survey) -> NetworkView:
    """All nodes of the survey."""
    view = NetworkView(survey)
    request.node.stash[VIEW] = view
    return view


@pytest.fixture
def drilled(node: NodeView, target: Target, pytestconfig: pytest.Config) -> Drilled:
    """What came of restoring the newest backup of this node."""
    run = pytestconfig.stash[reports.RUN].folder
    host = node.seen.host
    config = host.config if host is not None else None
    if host is None or host.backups is None or host.backups.problem or config is None or config.problem:
        return Drilled(impossible="the backups and the configuration of the node were not both seen")
    found = [Path(host.backups.path) / file.name for file in backups.backups_in(host.backups)]
    if not found:
        return Drilled(impossible=f"{host.backups.path} holds no backup, so there is none to restore")
    rest, home = None, target.node_home
    if target.owned:
        other = next((name for name, _role in target.nodes if name != node.name), None)
        rest = run / "target" / other / "data" if other is not None else None
    elif not _is_reference(node):
        home = pytestconfig.getoption("node_home")
        if home is None:
            return Drilled(impossible=OPENED_BY_ITS_KIND)
    command: Command = reference_command if home is None else installed_node.cluster_spec(home, 1).command
    return drill(run / "drill" / node.name, config.values, command, found, rest)


def _is_reference(node: NodeView) -> bool:
    """Whether a node says that it is a reference node; one that says nothing may be of any kind."""
    answer = node.seen.answers.get("web3_clientVersion")
    return answer is not None and str(answer.result).startswith(REFERENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a check its verdict: held passes, broken fails, unknown is an error; never a skip."""
    report = yield
    check = check_of(getattr(item, "function", None))
    if check is None or call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
        return report
    result = _result(item, check, call)
    setattr(report, reports.RESULTS_ATTRIBUTE, [result.as_json()])
    conclude(item, report, [result])
    return report


def conclude(item: pytest.Item, report: pytest.TestReport, results: list[Result]) -> None:
    """Set a report's outcome by its results: pytest's failure for broken, pytest's error for unknown.

    The item's properties are set, too: JUnit's report has those of its teardown, which is still to come.
    """
    counting = [result for result in results if result.counts]
    properties = junit.properties(results, item.config.stash[reports.RUN])
    item.user_properties += properties
    report.user_properties += properties
    if not counting:
        report.outcome, report.longrepr = "passed", None
        return
    report.outcome = "failed"
    report.longrepr = "\n".join(message(result) for result in counting)
    if all(result.verdict is Verdict.UNKNOWN for result in counting):
        report.when = "setup"  # pytest's way to say: an error, it could not be judged


def _result(item: pytest.Item, check: Check, call: pytest.CallInfo[Any]) -> Result:
    view = item.stash.get(VIEW, None)
    verdict, claim = _outcome(view, call)
    of = manual.item(check.item)
    name = _whose(item, check) if check.scope == "node" else None
    whose = f" --node {name}" if name is not None else ""
    target = item.config.stash[fixtures.TARGET]
    words = f"{targets.words(target)}{_asked_by(item.config, check)}"
    rules = target.network.waivers if target.network is not None and verdict is not Verdict.HELD else ()
    again = f"{reports.program()}{_own_words(item)} -k {check.item}{whose} {words}"
    return Result(
        item=check.item,
        node=name,
        verdict=verdict,
        promise=_promise(item),
        expected=printable(claim.expected, LONGEST_SENTENCE),
        observed=printable(claim.observed, LONGEST_SENTENCE),
        drift=Drift(*claim.drift) if claim.drift else None,
        advisory=check.advisory,
        waiver=waiver_of(rules, check.item, name, today()),
        seconds=round(call.duration, 6),
        manual=f"{of.section}: {of.sentence}",
        next="" if verdict is Verdict.HELD else check.next,
        again=again,
    )


def _asked_by(config: pytest.Config, check: Check) -> str:
    """Return the options without which a check is not asked for at all, or a backup is not opened."""
    if not check.drill:
        return " --gate" if check.item.startswith(gate.GATE_ONLY) else ""
    home: Path | None = config.getoption("node_home")
    elsewhere = home is not None and not config.stash[fixtures.TARGET].owned
    return f" --drill --node-home {shlex.quote(str(home))}" if elsewhere else " --drill"


def _own_words(item: pytest.Item) -> str:
    """Return what a command needs to find a check that is not Prowl's own: its file, and the catalogue files."""
    if _is_own(item.path):
        return ""
    here = item.config.invocation_params.dir
    path = item.path.relative_to(here) if item.path.is_relative_to(here) else item.path
    named = [word for file in item.config.getoption("catalogue") or () for word in ("--catalogue", str(file))]
    return " " + shlex.join([str(path), *named])


@cache
def _is_own(path: Path) -> bool:
    return path.resolve().is_relative_to(Path(__file__).resolve().parent)


def _promise(item: pytest.Item) -> str:
    return " ".join((getattr(item, "function").__doc__ or "").split()).rstrip(".")  # noqa: B009 - any item


def look_of(item: pytest.Item) -> tuple[str, str, str] | None:
    """Return what an item will look at: its check's item, the node ("" for all of them) and the promise."""
    check = check_of(getattr(item, "function", None))
    if check is None:
        return None
    return check.item, (_whose(item, check) or "") if check.scope == "node" else "", _promise(item)


def _outcome(view: View | None, call: pytest.CallInfo[Any]) -> tuple[Verdict, Claim]:
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, NotHeld):
        return error.verdict, error.claim
    if error is not None:
        what = f"the check itself could not end: {type(error).__name__}: {error}"
        return Verdict.UNKNOWN, Claim("a verdict", " ".join(what.split())[:500])
    if view is None or view.claim is None:
        return Verdict.UNKNOWN, Claim("a verdict", "the check ended without saying what it saw (expect)")
    return Verdict.HELD, view.claim
