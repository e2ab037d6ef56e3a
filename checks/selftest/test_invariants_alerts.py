"""What a Prometheus saw, judged: each hit beside its nearest miss."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from prowl.checks.alert_latencies import figures, lines
from prowl.checks.invariants import Judgement, Verdict, invariants, judge, worst
from prowl.reports.events import Effects, Event
from prowl.reports.timeline import Gap, Header, Sample, Timeline
from prowl.reports.watched import AlertChange, AlertState, Lack, Watched, WatchedRule

ALERTS = [each.name for each in invariants() if each.name.startswith("alerts-")]
HELD, UNKNOWN, BROKEN = Verdict.HELD, Verdict.UNKNOWN, Verdict.BROKEN
NODES = ("n0", "n1", "n2", "n3")
SCRAPE, FOR, RANGE, END = 1.0, 10.0, 20.0, 100.0
FLOOR = SCRAPE + SCRAPE + FOR
SICK, WELL_AGAIN = 30.0, 60.0
FIRING, PENDING, INACTIVE = AlertState.FIRING, AlertState.PENDING, AlertState.INACTIVE


def rule(promise: str, **changes: Any) -> WatchedRule:
    ranged = promise == "no-new-blocks"
    made = WatchedRule(
        0.0,
        promise,
        f"alerts/{promise}",
        0.0 if ranged else FOR,
        RANGE if ranged else 0.0,
        SCRAPE,
        SCRAPE,
        "critical" if promise in {"node-down", "no-new-blocks"} else "warning",
        {"high-memory": 2e9, "low-peers": 2.0}.get(promise, 0.0),
        30.0,
    )
    return replace(made, **changes)


@dataclass
class Net:
    """A network that is well but for ``n1`` from ``SICK`` to ``WELL_AGAIN``, and what Prometheus made of it."""

    rule: WatchedRule
    sick: dict[str, Any] | None = field(default_factory=dict)  # values while sick; None: no answer
    height_until: float | None = None  # n1's height stands still from SICK on, until then
    changes: list[AlertChange] = field(default_factory=list)
    lacks: list[Lack] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    watched_from: float = 0.0
    silent: tuple[float, float] | None = None
    end: float = END

    def fired(self, begin: float, end: float | None, node: str | None = "n1", pending: float | None = None) -> Net:
        if pending is not None:
            self.changes.append(AlertChange(pending, self.rule.name, PENDING, node))
        self.changes.append(AlertChange(begin, self.rule.name, FIRING, node))
        if end is not None:
            self.changes.append(AlertChange(end, self.rule.name, INACTIVE, node))
        return self

    def timeline(self) -> Timeline:
        samples = []
        for step in range(int(self.end * 4)):
            t = step / 4
            for name in NODES:
                values: dict[str, Any] | None = {
                    "block_height": float(int(t)), "consensus_state": 0.0, "peers_connected": 3.0,
                    "process_memory_bytes": 1e8, "rpc_height": int(t), "rpc_ms": 5.0,
                }  # fmt: skip
                if name == "n1" and SICK <= t < WELL_AGAIN and values is not None:
                    values = None if self.sick is None else {**values, **self.sick}
                if name == "n1" and self.height_until is not None and SICK <= t < self.height_until and values:
                    values["block_height"] = SICK
                if name == "n1" and self.silent is not None and self.silent[0] <= t < self.silent[1]:
                    values = None
                samples.append(Sample(t, name, values or {}, None if values else "TimeoutError"))
        watched = Watched(
            (self.rule,), tuple(sorted(self.changes, key=lambda each: each.t)), tuple(self.lacks), self.watched_from,
            self.end,
        )  # fmt: skip
        header = Header(nodes=NODES, round_timeout_seconds=1.0, dead_proposer_seconds=1.0, start_grace_seconds=0.0,
                        block_interval_seconds=1.0)  # fmt: skip
        events = (Event(0.0, "cluster started", step="launch", started=NODES), *self.events)
        return Timeline(header, events, tuple(samples), tuple(self.gaps), watched=watched)

    def rows(self) -> list[Judgement]:
        return judge(self.timeline(), ALERTS)

    def verdicts(self) -> dict[str, Verdict]:
        found: dict[str, Verdict] = {}
        for row in self.rows():
            found[row.invariant] = worst([found.get(row.invariant, HELD), row.verdict])
        return found


SICKNESS: dict[str, dict[str, Any] | None] = {
    "node-down": None,
    "consensus-degraded": {"consensus_state": 1.0},
    "high-memory": {"process_memory_bytes": 2e9 + 1},
    "low-peers": {"peers_connected": 1.0},
}
NEARLY: dict[str, dict[str, Any] | None] = {
    "consensus-degraded": {"consensus_state": -1.0},
    "high-memory": {"process_memory_bytes": 2e9},
    "low-peers": {"peers_connected": 2.0},
}


def sick(promise: str, **changes: Any) -> Net:
    return Net(rule(promise, **changes), SICKNESS[promise])


@pytest.mark.parametrize("promise", SICKNESS)
def test_an_alert_on_time_that_clears_is_held(promise: str) -> None:
    found = sick(promise).fired(SICK + FLOOR, WELL_AGAIN + 1).verdicts()
    assert found.pop("alerts-kept", HELD) is HELD
    assert found == {"alerts-caused": HELD, "alerts-in-time": HELD, "alerts-clear": HELD}


@pytest.mark.parametrize("promise", NEARLY)
def test_what_is_nearly_a_condition_is_none(promise: str) -> None:
    silent = Net(rule(promise), NEARLY[promise])
    assert silent.verdicts() == {"alerts-caused": HELD}
    assert silent.fired(SICK + FLOOR, WELL_AGAIN).verdicts()["alerts-caused"] is BROKEN


def test_an_alert_of_a_well_node_or_of_another_node_has_no_cause() -> None:
    assert sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN, "n2").verdicts()["alerts-caused"] is BROKEN
    assert sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN, None).verdicts()["alerts-caused"] is HELD
    assert Net(rule("low-peers")).fired(50, 55).verdicts()["alerts-caused"] is BROKEN


@pytest.mark.parametrize(
    ("after", "expected"), [(FOR, HELD), (FOR - 2 * SCRAPE, HELD), (FOR - 2.5 * SCRAPE - 0.5, BROKEN), (1.0, BROKEN)]
)
def test_an_alert_before_its_time_has_no_cause(after: float, expected: Verdict) -> None:
    assert sick("low-peers").fired(SICK + after, WELL_AGAIN).verdicts()["alerts-caused"] is expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, HELD), (3.0, BROKEN)])
def test_what_lies_between_two_scrapes_is_no_reproach(seconds: float, expected: Verdict) -> None:
    timeline = sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN).timeline()
    well = SICK + 6
    samples = tuple(
        each._replace(values={**each.values, "peers_connected": 3.0})
        if each.node == "n1" and well <= each.t < well + seconds
        else each
        for each in timeline.samples
    )
    (row,) = judge(replace(timeline, samples=samples), ["alerts-caused"])
    assert row.verdict is expected


def test_scrapes_that_are_missing_make_an_early_alert_unknown() -> None:
    early = blocks(45.0).fired(SICK + 10, 46.0)
    assert early.verdicts()["alerts-caused"] is BROKEN
    early.lacks = [Lack(SICK - 2, "page", 6.0, "n1")]
    assert early.verdicts()["alerts-caused"] is UNKNOWN
    early.lacks = [Lack(SICK - 2, "page", 6.0, "n2")]
    assert early.verdicts()["alerts-caused"] is BROKEN


@pytest.mark.parametrize(
    ("late", "expected"), [(0.0, HELD), (2 * SCRAPE, HELD), (2 * SCRAPE + 0.5, BROKEN), (15.0, BROKEN)]
)
def test_an_alert_may_be_two_scrapes_later_than_its_floor(late: float, expected: Verdict) -> None:
    net = sick("low-peers").fired(SICK + FLOOR + late, WELL_AGAIN + 1)
    assert net.verdicts()["alerts-in-time"] is expected


@pytest.mark.parametrize(
    "lack", [Lack(SICK + 5, "page", 2.5, "n1"), Lack(SICK + 5, "evaluation", 3.0), Lack(SICK + 5, "up", 2.5, "n1")]
)
def test_a_scrape_that_is_missing_makes_a_late_alert_unknown(lack: Lack) -> None:
    late = sick("low-peers").fired(SICK + FLOOR + 6, WELL_AGAIN + 1)
    late.lacks = [lack]
    assert late.verdicts()["alerts-in-time"] is UNKNOWN
    late.lacks = [replace(lack, t=SICK - 1)]
    assert late.verdicts()["alerts-in-time"] is BROKEN
    if lack.node is not None:
        late.lacks = [replace(lack, node="n2")]
        assert late.verdicts()["alerts-in-time"] is BROKEN


def test_an_alert_that_never_fires_is_broken_and_one_whose_condition_was_short_says_nothing() -> None:
    assert sick("low-peers").verdicts()["alerts-in-time"] is BROKEN
    short = Net(rule("low-peers", for_seconds=40.0), SICKNESS["low-peers"])
    assert short.verdicts() == {"alerts-caused": HELD}


def test_a_starved_recorder_accuses_no_alert() -> None:
    late = sick("low-peers").fired(SICK + FLOOR + 6, WELL_AGAIN + 1)
    late.gaps = [Gap(SICK + 8, 6.0, "the observer was starved")]
    assert late.verdicts()["alerts-in-time"] is UNKNOWN


@pytest.mark.parametrize(("after", "expected"), [(1.0, HELD), (4.0, HELD), (4.5, BROKEN), (None, BROKEN)])
def test_no_alert_stays_after_its_condition(after: float | None, expected: Verdict) -> None:
    net = sick("low-peers").fired(SICK + FLOOR, None if after is None else WELL_AGAIN + after)
    assert net.verdicts()["alerts-clear"] is expected


@pytest.mark.parametrize(("silent", "expected"), [(WELL_AGAIN + 20, UNKNOWN), (SICK + 20.5, HELD)])
def test_an_alert_that_stays_once_a_node_shows_nothing_is_unknown(silent: float, expected: Verdict) -> None:
    net = sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN + 3)
    net.silent = (SICK + 20, silent)
    assert net.verdicts()["alerts-clear"] is expected


def test_an_alert_that_stays_while_evaluations_are_missing_is_unknown() -> None:
    net = sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN + 20)
    net.lacks = [Lack(WELL_AGAIN + 19, "evaluation", 18.0)]
    assert net.verdicts()["alerts-clear"] is UNKNOWN


def blocks(until: float) -> Net:
    return Net(rule("no-new-blocks"), {}, height_until=until, end=until + 30)


@pytest.mark.parametrize(
    ("fires", "invariant", "expected"),
    [
        (SICK + RANGE, "alerts-caused", HELD),
        (SICK + RANGE - 3, "alerts-caused", BROKEN),
        (SICK + RANGE + 4, "alerts-in-time", HELD),
        (SICK + RANGE + 5, "alerts-in-time", BROKEN),
    ],
)
def test_a_height_that_stands_still_is_an_alert_once_the_range_is_full(
    fires: float, invariant: str, expected: Verdict
) -> None:
    assert blocks(70.0).fired(fires, 71.0).verdicts()[invariant] is expected


def test_blocks_that_come_in_time_are_no_alert() -> None:
    assert blocks(SICK + RANGE - 4).verdicts() == {"alerts-caused": HELD}
    assert blocks(SICK + RANGE - 4).fired(SICK + 15, SICK + 16).verdicts()["alerts-caused"] is BROKEN


@pytest.mark.parametrize("young", ["watch", "node"])
def test_a_range_that_is_not_full_is_judged_apart(young: str) -> None:
    net = blocks(45.0).fired(SICK + 3, 46.0)
    if young == "watch":
        net.watched_from = SICK - 5
    else:
        net.silent = (SICK - 10, SICK)
    found = net.verdicts()
    assert found["alerts-caused"] is HELD
    assert found["alerts-young"] is BROKEN
    full = blocks(70.0).fired(SICK + RANGE, 71.0)
    full.silent = (SICK - 10, SICK)
    assert "alerts-young" not in full.verdicts()


def test_a_range_may_hold_what_a_node_showed_that_is_gone() -> None:
    gone = blocks(60.0).fired(SICK + RANGE, 75.0)
    gone.silent = (60.0, 200.0)
    assert gone.verdicts()["alerts-clear"] is HELD
    gone = blocks(60.0).fired(SICK + RANGE, None)
    gone.silent = (60.0, 200.0)
    gone.end = 120.0
    assert gone.verdicts()["alerts-clear"] is BROKEN


def kept(net: Net) -> Verdict | None:
    return net.verdicts().get("alerts-kept")


def test_a_critical_alert_that_is_lost_while_its_condition_lasts_is_broken() -> None:
    assert kept(sick("node-down").fired(SICK + FLOOR, WELL_AGAIN)) is HELD
    assert kept(sick("node-down").fired(SICK + FLOOR, SICK + 20)) is BROKEN
    assert kept(sick("node-down", for_seconds=FOR - 2)) is BROKEN
    assert kept(sick("node-down", for_seconds=FOR)) is HELD  # four seconds of thirty are left for it to be late
    assert kept(sick("low-peers")) is None  # a warning


def test_time_without_evaluations_and_a_new_for_are_granted_to_a_critical_alert() -> None:
    def away(seconds: float, fires: float) -> Net:
        net = sick("node-down").fired(fires, WELL_AGAIN)
        net.lacks = [Lack(SICK + 5 + seconds, "evaluation", seconds)]
        return net

    assert kept(away(3.0, SICK + 5 + 3 + FLOOR)) is HELD
    assert kept(away(3.0, WELL_AGAIN - 0.5)) is HELD
    assert kept(away(0.5, SICK + 2 * FLOOR + 5.5)) is HELD


def test_what_fires_for_another_node_need_not_for_one_whose_own_condition_is_young() -> None:
    net = blocks(SICK + RANGE + 3).fired(10.0, SICK + RANGE, "n2")
    assert kept(net) is HELD
    net = blocks(SICK + RANGE + 25).fired(10.0, SICK + RANGE, "n2")
    assert kept(net) is BROKEN


def test_another_node_keeps_a_critical_alert() -> None:
    net = sick("node-down").fired(SICK + FLOOR, SICK + 15).fired(SICK + 14, WELL_AGAIN, "n2")
    assert kept(net) is HELD


def stall(state: float, fires: float | None, seconds: float = 60.0) -> Net:
    net = Net(rule("consensus-degraded"), {"consensus_state": state}, end=SICK + seconds)
    net.events = [Event.of(SICK, Effects("kill", "kill n2 n3", down=("n2", "n3")), 1)]
    return net if fires is None else net.fired(fires, None)


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (stall(1.0, SICK + 13), HELD),
        (stall(0.0, None), BROKEN),
        (stall(0.0, SICK + 40), BROKEN),
        (stall(1.0, SICK + 40), None),
        (stall(1.0, None), None),
        (stall(0.0, None, seconds=12.0), None),
    ],
)
def test_a_stall_must_be_an_alert_whatever_the_nodes_say(net: Net, expected: Verdict | None) -> None:
    timeline = net.timeline()
    silent = tuple(each for each in timeline.samples if each.node in {"n0", "n1"} or each.t < SICK)
    rows = judge(replace(timeline, samples=silent), ["alerts-see-stall"])
    assert [row.verdict for row in rows] == ([] if expected is None else [expected])
    if expected is BROKEN:
        assert "coc_consensus_state was 0" in rows[0].observed


def test_nothing_is_said_where_no_prometheus_watched() -> None:
    net = Net(rule("low-peers"))
    assert judge(replace(net.timeline(), watched=Watched()), ALERTS) == []
    own = Net(replace(rule("low-peers"), promise=""))
    assert own.fired(20, 30).verdicts() == {}


def test_figures_stand_beside_their_floors() -> None:
    timeline = sick("low-peers").fired(SICK + FLOOR, WELL_AGAIN + 1).timeline()
    assert figures(timeline) == {
        "low_peers_fired_seconds": FLOOR,
        "low_peers_fired_floor_seconds": FLOOR,
        "low_peers_cleared_seconds": 1.0,
        "low_peers_cleared_floor_seconds": 2.0,
    }
    (line,) = lines(timeline)
    assert "fired 12.0 s after its condition (floor 12 s), over 1.0 s after it" in line
    assert line.endswith("divided by 30")
    lost = sick("low-peers").fired(SICK + FLOOR, SICK + FLOOR + 5)
    assert "lost 13.0 s before its condition was over" in lines(lost.timeline())[0]


@pytest.mark.parametrize(("slow_ms", "expected"), [(100.0, BROKEN), (500.0, HELD), (1500.0, HELD)])
def test_a_page_that_takes_as_long_as_a_scrape_may_is_none(slow_ms: float, expected: Verdict) -> None:
    net = Net(rule("node-down"), {"page_ms": slow_ms}).fired(SICK + FLOOR, WELL_AGAIN)
    assert net.verdicts()["alerts-caused"] is expected
