"""Typed events: what is written is what is read, and what can be no event says so in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prowl.reports.events import Effects, Event, Heal, Phase, event_of
from prowl.reports.timeline import SCHEMA, Header, TimelineError, TimelineWriter, read

NAMES = ("node-1", "node-2")
EFFECTS = Effects(
    "partition", "partition node-1 | node-2", down=("node-3",), cut=(NAMES, NAMES[::-1]), slow=("node-1",),
    surgery=("node-2",), liars=("node-1",), restarted=("node-2",), heal=Heal("heal"),
)  # fmt: skip
EVENTS = (
    Event(0.0, "cluster started", step="launch", started=NAMES),
    Event(1.0, "kill node-1", 1, Phase.INJECT, kind="kill", down=("node-1",)),
    Event(1.5, "proven after 0.1 s", 1, Phase.EFFECT),
    Event.of(2.0, EFFECTS, 2),
    Event(2.5, "restore node-1", step="restore", restarted=("node-1",), surgery=("node-1",), ends=(1,)),
    Event(3.0, "unpause", 2, Phase.HEAL, resumed=("node-2",)),
    Event(3.0, "proven", 2, Phase.HEALED),
    Event(4.0, "any text"),
    Event(5.0, "", 0, Phase.INJECT),
)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_was_written_is_read_again(event: Event, tmp_path: Path) -> None:
    writer = TimelineWriter(tmp_path / "timeline.jsonl", Header(nodes=NAMES))
    writer.event(event)
    writer.sample(6.0, "node-1", {"block_height": 1})
    writer.close()
    assert read(writer.path).events == (event,)


def test_what_is_empty_is_left_out_of_a_row() -> None:
    assert EVENTS[1].as_row() == {
        "t": 1.0, "fault": 1, "phase": "inject", "kind": "kill", "down": ("node-1",), "words": "kill node-1"
    }  # fmt: skip
    assert EVENTS[7].as_row() == {"t": 4.0, "event": "any text"}
    assert EVENTS[8].as_row() == {"t": 5.0, "fault": 0, "phase": "inject", "words": ""}


def test_the_rows_of_a_fault_hold_all_that_it_does() -> None:
    event = Event.of(2.0, EFFECTS, 2)
    assert {name: getattr(event, name) for name in ("down", "cut", "slow", "surgery", "liars", "restarted")} == {
        name: getattr(EFFECTS, name) for name in ("down", "cut", "slow", "surgery", "liars", "restarted")
    }
    assert (event.fault, event.phase, event.kind) == (2, Phase.INJECT, "partition")


def test_notes_and_proofs_change_nothing() -> None:
    notes = [False, False, True, False, False, False, True, True, False]
    assert [event.is_note for event in EVENTS] == notes


def test_a_proof_is_told_with_its_fault() -> None:
    assert [event.sentence for event in EVENTS[1:3]] == ["kill node-1", "effect of fault 1: proven after 0.1 s"]


GOOD: dict[str, Any] = {"t": 1.0, "fault": 1, "phase": "inject", "kind": "kill", "down": ["node-1"], "words": "kill"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"fault": "1"}, "number of a fault"), ({"fault": True}, "number of a fault"), ({"fault": 1.5}, "whole number"),
        ({"fault": None}, "number of a fault"), ({"phase": None}, "inject, effect, heal, healed"),
        ({"phase": "injected"}, "inject, effect, heal, healed"), ({"down": "node-1"}, "down is a list"),
        ({"down": [1]}, "down is a list"), ({"slow": None}, "slow is a list"), ({"liars": {"a": 1}}, "liars is a list"),
        ({"surgery": [["a"]]}, "surgery is a list"), ({"started": "x"}, "started is"), ({"resumed": 3}, "resumed is"),
        ({"restarted": [None]}, "restarted is"), ({"cut": ["node-1"]}, "cut is"), ({"cut": [["a", "b", "c"]]}, "is a"),
        ({"cut": [["a", 2]]}, "cut is"), ({"cut": "ab"}, "cut is"), ({"ends": [True]}, "ends is"),
        ({"ends": ["1"]}, "ends is"), ({"ends": 1}, "ends is"),
    ],
)  # fmt: skip
def test_what_can_be_no_event_is_refused_with_its_line(wrong: dict[str, Any], says: str, tmp_path: Path) -> None:
    lines = [{"schema": SCHEMA, "kind": "header"}, {**GOOD, **wrong}, {"t": 2, "node": "node-1", "block_height": 1}]
    path = tmp_path / "timeline.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(TimelineError, match=says) as raised:
        read(path)
    assert "Line 2 of the timeline" in str(raised.value)
    lines[1] = GOOD
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read(path).events == (Event(1.0, "kill", 1, Phase.INJECT, kind="kill", down=("node-1",)),)


@pytest.mark.parametrize("step", ["", None, 5, ["restore"]])
def test_a_step_without_a_name_is_refused(step: object) -> None:
    with pytest.raises(ValueError, match="an operator's step"):
        event_of({"t": 1.0, "step": step})
    assert event_of({"t": 1.0, "step": "restore"}).step == "restore"


def test_in_a_file_of_schema_2_words_are_notes_and_before_they_are_what_was_done(tmp_path: Path) -> None:
    for schema, kind in ((1, "kill"), (2, "")):
        path = tmp_path / "timeline.jsonl"
        path.write_text(
            f'{{"schema": {schema}, "kind": "header", "nodes": ["node-1"]}}\n{{"t": 1, "event": "kill node-1"}}\n'
            '{"t": 2, "node": "node-1", "block_height": 1}\n'
        )
        (event,) = read(path).events
        assert (event.kind, event.words) == (kind, "kill node-1")
