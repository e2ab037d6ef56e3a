"""The plugin that brings all of Prowl: ``-p prowl.chaos.plugin``, or a conftest that names it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

# The other rooms' plugins are imported below, and asserts are rewritten only in what was announced before.
pytest.register_assert_rewrite("prowl.checks", "prowl.fixtures.plugin", "prowl.reports.plugin")

from prowl.chaos.commands import interrupt, options, time_limit
from prowl.chaos.engine import plan, registry, runner
from prowl.chaos.engine.likeness import like
from prowl.chaos.engine.pool import Pool
from prowl.chaos.engine.prune import prune
from prowl.chaos.engine.refusals import described, not_asked, obstacle
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.upgrades import Rolling, foretold
from prowl.chaos.engine.watching import Watch, Watching
from prowl.checks import alert_latencies
from prowl.checks import plugin as checks
from prowl.checks.judge import REPLAYS
from prowl.fixtures import plugin as fixtures
from prowl.fixtures import targets
from prowl.fixtures.alerts.rules import RuleFileError
from prowl.fixtures.cleanup.guard import claim, leads, serves
from prowl.fixtures.cleanup.identity import Identity
from prowl.fixtures.cleanup.reaper import clear
from prowl.fixtures.clusters.process_budget import Slots
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.manual import catalogue as manual
from prowl.reports import plugin as reports
from prowl.reports import timeline
from prowl.reports.run import commit
from prowl.reports.verdicts import NotAsked, Result, Verdict

pytest_plugins = ("prowl.checks.plugin",)

OUTCOME = pytest.StashKey[runner.Outcome]()
REPLAY = pytest.StashKey[str]()
PRUNED = pytest.StashKey[list[str]]()
UPGRADES = "upgrade/"  # their items in the manual
BOSS_KEY = "prowl_boss"
SCENARIOS = pytest.StashKey[tuple[Scenario, ...]]()
FOLLOWING = pytest.StashKey[ClusterSpec | None]()


class ScenarioHooks:
    """Hooks that a conftest or a plugin may implement."""

    @pytest.hookspec
    def pytest_prowl_scenarios(self, config: pytest.Config) -> Iterable[Scenario]:  # type: ignore[empty-body]
        """Return scenarios of your own, to be played beside Prowl's; their items stand in a catalogue file."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which others bring scenarios."""
    pluginmanager.add_hookspecs(ScenarioHooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options about chaos."""
    parser.getgroup("prowl").addoption(
        "--chaos", action="store_true", help="also break clusters of this run's own and judge their recovery"
    )
    parser.getgroup("prowl").addoption(
        "--time-scale",
        type=float,
        metavar="K",
        help="also play the scenarios of alerts, with the durations of the rules and of scraping divided by K (from 1)",
    )
    parser.addini("prowl_scenarios", "scenarios of your own: package.module:NAME", type="linelist", default=[])


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Ask for Prowl's own checks and scenarios where ``prowl run`` was given no path; chaos needs proxies.

    Scenarios that can't be are refused here, all their faults at once, before anything starts.
    """
    config.addinivalue_line("markers", "quick: one of the ten scenarios that an operator has time for")
    config.addinivalue_line("markers", "upgrade: a scenario in which nodes change their version")
    config.addinivalue_line("markers", "alerts: a scenario that a Prometheus watches (--time-scale)")
    config.pluginmanager.register(time_limit, "prowl-time-limit")
    if fixtures.plays(config) and fixtures.TARGET in config.stash:
        every = _scenarios(config)
        config.stash[SCENARIOS] = every if config.getoption("chaos") else tuple(each for each in every if each.gate)
    boss: dict[str, Any] | None = getattr(config, "workerinput", {}).get(BOSS_KEY)
    if boss is not None:
        serves(Identity(**boss))
    if reports.RUN in config.stash and not hasattr(config, "workerinput"):
        own = config.stash[reports.RUN].folder
        interrupt.heed()
        claim(own)
        leads()
        config.stash[PRUNED] = prune(own.parent, own) if config.getoption("run_dir") is None else []
    if reports.program() == "prowl run" and config.args_source is not pytest.Config.ArgsSource.ARGS:
        rooms = Path(__file__).resolve().parent.parent
        config.args = [str(path) for room in ("checks", "chaos") for path in sorted((rooms / room).glob("test_*.py"))]
        config.args += [str(path) for path in config.getini("prowl_checks")]


def _scenarios(config: pytest.Config) -> tuple[Scenario, ...]:
    """Return Prowl's scenarios, those of hooks and those of the ini file; a usage error lists every fault."""
    try:
        own = registry.named(config.getini("prowl_scenarios"), config.rootpath)
        own += _watched(config)
        for rows in config.hook.pytest_prowl_scenarios(config=config):
            own += registry.demanded(rows, "pytest_prowl_scenarios")
        return registry.all_scenarios(own)
    except registry.ScenarioError as error:
        raise pytest.UsageError(str(error)) from None


def _watched(config: pytest.Config) -> tuple[Scenario, ...]:
    """Return the scenarios of alerts, where a time scale is given; a usage error for one that the rules don't allow."""
    scale = config.getoption("time_scale")
    if scale is None:
        return ()
    from prowl.chaos.scenarios import alerts

    network = config.stash[fixtures.TARGET].network
    watching = Watching(scale, network.alert_rules if network is not None else ())
    spec = alerts.shape(scale).spec(config.stash[fixtures.CLUSTER].cluster_spec)
    try:
        refused = watching.refusal(spec.block_ms / 1000, described(spec))
    except (RuleFileError, OSError) as error:
        refused = str(error)
    if refused:
        raise pytest.UsageError(refused)
    return alerts.scenarios(watching)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Refuse options that can't go together; a plan is all that is printed, by one process, and no file is written."""
    if sentence := options.refusal(options.asked(config.getoption)):
        raise pytest.UsageError(sentence)
    if config.getoption("plan"):
        config.option.numprocesses, config.option.dist, config.option.tx = None, "no", []
        config.option.verbose, config.option.no_summary = -2, True
        config.option.xmlpath = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Print the plan instead of carrying it out."""
    config = session.config
    planned = config.stash.get(fixtures.PLANNED, None)
    if planned is None or session.testsfailed:
        return None
    config.option.collectonly = True  # as pytest takes it: nothing was run, so nothing is remembered of it
    looks = [look for item in session.items if (look := checks.look_of(item))]
    asked = [scenario for item in session.items if (scenario := _scenario(item))]
    first = {"seed": str(planned.seed), "commit": commit(), "target": planned.target, "cluster": planned.cluster}
    lines = plan.lines({**first, "do it": planned.again}, looks, asked, config.stash[fixtures.CLUSTER].cluster_spec)
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        terminal.write_line(line)
    return True


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which old runs are gone, and what this machine can't do: these scenarios will be unknown."""
    lines = config.stash.get(PRUNED, [])
    if reports.RUN not in config.stash or not fixtures.plays(config):
        return lines
    spec = config.stash[fixtures.CLUSTER].cluster_spec
    asked = [scenario for scenario in config.stash[SCENARIOS] if not not_asked(scenario, spec)]
    reasons = ((scenario.name, obstacle(scenario, spec)) for scenario in asked)
    lines += [
        f"beforehand: {words}" for words in dict.fromkeys(_foretold(scenario, spec) for scenario in asked) if words
    ]
    return lines + [f"unavailable here: {name}: {reason}" for name, reason in reasons if reason]


def _foretold(scenario: Scenario, base: ClusterSpec) -> str:
    return foretold(scenario.shape.spec(base)) if any(isinstance(s, Rolling) for s in scenario.every_step()) else ""


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each xdist worker whom it works for: what it owns is ended and healed when its controller is gone, too."""
    own = Identity.of(os.getpid())
    node.workerinput[BOSS_KEY] = asdict(own) if own is not None else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one item of each scenario, if chaos is asked for; what the kind of cluster can't do is not asked."""
    config = metafunc.config
    if "outcome" not in metafunc.fixturenames or fixtures.TARGET not in config.stash:
        return
    asked = []
    for scenario in config.stash.get(SCENARIOS, ()):
        lacking = not_asked(scenario, config.stash[fixtures.CLUSTER].cluster_spec)
        if lacking:
            if checks.left_by_keyword(metafunc, scenario.name):
                config.stash[reports.NOT_ASKED].append(NotAsked(scenario.item, f"{scenario.name}: {lacking}"))
            continue
        marks = [pytest.mark.quick] if scenario.quick else []
        marks += [pytest.mark.upgrade] if scenario.item.startswith(UPGRADES) else []
        marks += [pytest.mark.alerts] if _scale(scenario) is not None else []
        asked.append(pytest.param(scenario, id=scenario.name, marks=marks))
    metafunc.parametrize("scenario", asked, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the placeholder that stands for scenarios where no chaos is asked for; put one shape's in a row.

    The largest networks come first: each has the machine for itself, and so the other workers wait once.
    """
    empty = [item for item in items if "outcome" in getattr(item, "fixturenames", ()) and _scenario(item) is None]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if item not in empty]
    specs = {item: spec for item in items if (spec := _spec(item))}
    shapes = list(specs.values())
    ordered = iter(sorted(specs, key=lambda item: (-specs[item].count, shapes.index(specs[item]))))
    items[:] = [next(ordered) if item in specs else item for item in items]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Remember which network this worker needs next: what it has to itself for this one, it may keep."""
    item.stash[FOLLOWING] = _spec(nextitem) if nextitem is not None else None


def _spec(item: pytest.Item) -> ClusterSpec | None:
    """Return the network of an item that is a scenario."""
    scenario = _scenario(item)
    return scenario.shape.spec(item.config.stash[fixtures.CLUSTER].cluster_spec) if scenario is not None else None


def _latencies(path: Path) -> dict[str, float]:
    """Return how long the alerts of a timeline took; none where it can't be read."""
    try:
        return alert_latencies.figures(timeline.read(path))
    except timeline.TimelineError:
        return {}


def _scale(scenario: Scenario) -> float | None:
    """Return by what the durations of alert rules are divided in a scenario; None where nobody watches."""
    return next((step.watching.scale for step in scenario.every_step() if isinstance(step, Watch)), None)


def _scenario(item: pytest.Item) -> Scenario | None:
    callspec: Any = getattr(item, "callspec", None)
    if callspec is None or "outcome" not in getattr(item, "fixturenames", ()):
        return None
    scenario = callspec.params.get("scenario")
    return scenario if isinstance(scenario, Scenario) else None


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Scenario:
    """The scenario of this item."""
    chosen: Scenario = request.param
    return chosen


@pytest.fixture(scope="session")
def pool(pytestconfig: pytest.Config) -> Iterator[Pool]:
    """The clusters of this worker; all workers of a run share one budget of node processes a machine."""
    folder = pytestconfig.stash[reports.RUN].folder
    worker = getattr(pytestconfig, "workerinput", {"workerid": "alone", "workercount": 1})
    slots = Slots(folder / "slots")
    if pytestconfig.stash[fixtures.CLUSTER].kind == "containers":
        from prowl.fixtures.clusters.containers.engine import slots as slots_of  # its client takes its time to import

        slots = slots_of(folder / "slots")
    with Pool(folder / "clusters" / worker["workerid"], slots, worker["workercount"]) as pool:
        yield pool


@pytest.fixture
def outcome(request: pytest.FixtureRequest, scenario: Scenario, pool: Pool) -> runner.Outcome:
    """What came of the scenario in a cluster of this run's own."""
    config = request.config
    run = config.stash[reports.RUN]
    folder = run.folder / "scenarios" / scenario.name

    def say(line: str) -> None:
        reports.say(config, f"{scenario.name}: {line}")

    spec = config.stash[fixtures.CLUSTER].cluster_spec
    if config.getoption("gate"):
        spec, taken = like(spec, config.stash[fixtures.TARGET].network, request.getfixturevalue("survey"))
        say(f"a cluster of the gate's own in the target's shape: {taken}")
    pool.following = request.node.stash[FOLLOWING]
    played = runner.play(scenario, spec, folder, run.seed, say, pool, time_limit.until(config))
    if _scale(scenario) is not None:
        played = replace(played, figures={**played.figures, **_latencies(folder / "timeline.jsonl")})
    request.node.stash[OUTCOME] = played
    if played.verdict is Verdict.BROKEN and not config.getoption("gate"):
        say("broken: it is played again with the same seed; whatever comes of that, the first verdict stays")
        second = runner.play(scenario, spec, run.folder / REPLAYS / scenario.name, run.seed, say, pool)
        request.node.stash[REPLAY] = second.verdict.value
    return played


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a scenario its verdict."""
    report = yield
    scenario = _scenario(item)
    if scenario is None or call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
        return report
    result = _result(item, scenario, call)
    setattr(report, reports.RESULTS_ATTRIBUTE, [result.as_json()])
    checks.conclude(item, report, [result])
    return report


def _result(item: pytest.Item, scenario: Scenario, call: pytest.CallInfo[Any]) -> Result:
    of = manual.item(scenario.item)
    outcome = item.stash.get(OUTCOME, None)
    if outcome is None:
        error = call.excinfo.value if call.excinfo is not None else None
        observed = f"the scenario could not be played to its end: {type(error).__name__}: {error}"
        outcome = runner.Outcome(Verdict.UNKNOWN, " ".join(observed.split())[:500], (), 0.0)
    seed = item.config.stash[reports.RUN].seed
    asked_by = "--chaos" if item.config.getoption("chaos") else "--gate"
    where = targets.words(item.config.stash[fixtures.TARGET], item.config.stash[fixtures.CLUSTER])
    scale = _scale(scenario)
    where += f" --time-scale {scale:g}" if scale is not None else ""
    return Result(
        item=scenario.item,
        scenario=scenario.name,
        verdict=outcome.verdict,
        promise=scenario.why,
        expected=scenario.expected,
        observed=outcome.observed,
        evidence=outcome.evidence,
        judgements=outcome.judgements,
        figures=outcome.figures if scale is None else {"time_scale": scale, **outcome.figures},
        replay=item.stash.get(REPLAY, ""),
        seconds=round(outcome.seconds, 3),
        manual=f"{of.section}: {of.sentence}",
        next="" if outcome.verdict is Verdict.HELD else "prowl judge the timeline; the nodes' logs lie beside it",
        again=f"{reports.program()} -k {scenario.name} {asked_by} {where} --seed {seed}",
    )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Undo and end whatever of this run is still there: an interrupted worker may not have come to its own end."""
    if reports.RUN in config.stash and not hasattr(config, "workerinput"):
        cleared = clear(config.stash[reports.RUN].folder, "the run's end")
        for line in cleared:
            reports.say(config, line)
        if not cleared:
            reports.discard(config)
