"""What a scenario concludes: unknown where it saw nothing, broken where safety is, whatever the literal names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prowl.chaos.engine import runner
from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.scenarios import SCENARIOS
from prowl.checks.conclusion import GUARDS, conclude, liveness, safety
from prowl.checks.invariants import Judgement
from prowl.fixtures.network import Network
from prowl.reports.verdicts import Verdict

CRASH = replace(SCENARIOS[0], also=("recovery", "signals"))
NEGATIVE = replace(CRASH, also=(), breaks=("agreement", "finality", "linkage"))
HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
SAFE = dict.fromkeys(safety(), HELD)


def rows(verdicts: dict[str, Verdict]) -> list[Judgement]:
    return [Judgement(name, "", verdict, None, 1.0, 2.0, f"{name} seen") for name, verdict in verdicts.items()]


@pytest.mark.parametrize(
    ("scenario", "verdicts", "failed", "expected", "words"),
    [
        (CRASH, {**SAFE, "recovery": HELD, "signals": HELD}, "", HELD, ""),
        (CRASH, {**SAFE, "recovery": HELD}, "", HELD, ""),  # one of those that it names is enough
        (CRASH, SAFE, "", UNKNOWN, "nothing was seen that recovery, signals could be judged by"),
        (CRASH, {**SAFE, "peers": BROKEN, "recovery": HELD}, "", HELD, ""),  # not what it is about
        (CRASH, {**SAFE, "recovery": UNKNOWN, "signals": HELD}, "", UNKNOWN, "recovery unknown"),
        (CRASH, {**SAFE, "recovery": BROKEN}, "", BROKEN, "recovery broken since 1.0 s: recovery seen"),
        (CRASH, {**SAFE, "linkage": BROKEN, "recovery": HELD}, "", BROKEN, "linkage broken"),
        (CRASH, {**SAFE, "linkage": UNKNOWN, "recovery": HELD}, "", UNKNOWN, "linkage unknown"),
        (CRASH, {"recovery": HELD}, "", UNKNOWN, "agreement unknown: nothing was seen"),
        *[(CRASH, {**SAFE, "recovery": HELD, name: BROKEN}, "", BROKEN, f"{name} broken") for name in GUARDS],
        *[(CRASH, {**SAFE, "recovery": HELD, name: UNKNOWN}, "", HELD, "") for name in GUARDS],
        (CRASH, {**SAFE, "recovery": HELD}, "no effect", UNKNOWN, "no effect"),
        (CRASH, {**SAFE, "finality": BROKEN}, "no effect", BROKEN, "no effect"),
        (CRASH, {}, "the cluster did not start", UNKNOWN, "the cluster did not start"),
        (NEGATIVE, {**SAFE, "agreement": BROKEN}, "", HELD, "agreement broken since 1.0 s: agreement seen, as it must"),
        (NEGATIVE, {**SAFE, "agreement": BROKEN, "linkage": BROKEN}, "", HELD, "as it must"),
        (NEGATIVE, SAFE, "", BROKEN, "agreement was to break and held"),
        (NEGATIVE, SAFE, "no effect", UNKNOWN, "no effect"),
        (NEGATIVE, {**SAFE, "reached": UNKNOWN}, "", UNKNOWN, "reached unknown"),
        (NEGATIVE, {**SAFE, "reached": HELD}, "", BROKEN, "agreement was to break and held"),
        (NEGATIVE, {**SAFE, "reached": UNKNOWN, "agreement": BROKEN}, "", HELD, "as it must"),
        (NEGATIVE, {**SAFE, "agreement": UNKNOWN}, "", UNKNOWN, "agreement unknown"),
        (NEGATIVE, {**SAFE, "linkage": BROKEN}, "", BROKEN, "agreement was to break and held"),
        (NEGATIVE, {**SAFE, "agreement": BROKEN, "equivocation": BROKEN}, "", BROKEN, "equivocation broken"),
        (NEGATIVE, {**SAFE, "agreement": BROKEN}, "not healed", UNKNOWN, "not healed"),
    ],
)
def test_a_conclusion(
    scenario: Scenario, verdicts: dict[str, Verdict], failed: str, expected: Verdict, words: str
) -> None:
    found = conclude(scenario, rows(verdicts), [failed] if failed else [])
    assert found.verdict is expected, found
    assert words in "; ".join(found.reasons)


def test_the_header_of_a_timeline_names_what_its_scenario_does() -> None:
    network = Network((), None, 1.0, 1.0, 1.0, 1.0, owned=True)
    headers = [runner.header(network, scenario) for scenario in SCENARIOS]
    assert [(each.also, each.breaks) for each in headers] == [(each.also, each.breaks) for each in SCENARIOS]
    assert all(each.also or each.breaks for each in SCENARIOS)


def test_a_reason_names_the_nodes_and_the_first_moment() -> None:
    late, early = (
        Judgement("signals", "", BROKEN, node, t, 9.0, f"{node} lies") for node, t in (("b", 5.0), ("a", 3.0))
    )
    found = conclude(CRASH, [*rows({**SAFE, "recovery": HELD}), late, early], [])
    assert found.reasons == ("signals broken on a, b since 3.0 s: a lies",)


def test_what_always_judges_need_not_be_named_and_is_no_liveness() -> None:
    assert {"agreement", "finality", "linkage"} <= set(safety())
    assert not {*safety(), *GUARDS} & set(liveness())
    assert {"progress-with-quorum", "recovery", "signals", "peers", "progress-after-heal"} <= set(liveness())
