"""The timeline's format: what is written is what is read, and what can't be read says so in a sentence."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from prowl.reports.events import Event
from prowl.reports.timeline import SCHEMA, Gap, Header, Sample, TimelineError, TimelineWriter, read

LAUNCH = Event(0.0, "cluster started", step="launch", started=("b", "a"))
SAMPLE = '{"t": 1.5, "node": "a", "block_height": 4}'


def text(tmp_path: Path, *lines: str, end: str = "\n") -> Path:
    path = tmp_path / "timeline.jsonl"
    path.write_text("\n".join(lines) + end)
    return path


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    header = Header(
        nodes=("b", "a"), stakes={"a": 2, "b": 1}, addresses={"a": "0xA"}, bft=False, health_is_state=False,
        round_timeout_seconds=2.0, block_interval_seconds=0.5, scenario="minority-crash", run="r1",
        also=("recovery",), breaks=("agreement", "finality"),
    )  # fmt: skip
    writer = TimelineWriter(tmp_path / "runs" / "timeline.jsonl", header)
    writer.event(LAUNCH)
    writer.event(Event(0.5, "any text"))
    writer.sample(1.0, "a", {"latest": [1, "0xa", "0x0", True], "peers_connected": 1.0})
    writer.error(1.0001, "b", "ConnectionRefusedError")
    writer.gap(3.0, 1.5, "starved")
    writer.close()
    timeline = read(writer.path)
    assert timeline.header == header
    assert timeline.events == (LAUNCH, Event(0.5, "any text"))
    assert timeline.samples == (
        Sample(1.0, "a", {"latest": [1, "0xa", "0x0", True], "peers_connected": 1.0}),
        Sample(1.0, "b", {}, "ConnectionRefusedError"),
    )
    assert [sample.answered for sample in timeline.samples] == [True, False]
    assert timeline.gaps == (Gap(3.0, 1.5, "starved"),)
    assert (timeline.begin, timeline.end, timeline.nodes) == (0.0, 3.0, ("b", "a"))
    assert [sample.node for sample in timeline.of("a")] == ["a"]
    assert timeline.of("nobody") == ()


def test_a_line_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    writer = TimelineWriter(tmp_path / "t.jsonl", Header())
    writer.sample(1.0, "a", {"x": 1})
    assert len(read(writer.path).samples) == 1
    writer.close()


def test_a_recording_without_a_header_has_cocs_time_outs(tmp_path: Path) -> None:
    header = read(text(tmp_path, SAMPLE)).header
    assert (header.round_timeout_seconds, header.dead_proposer_seconds, header.heal_seconds) == (10.0, 65.0, 125.0)
    assert header.bft


def test_lines_are_brought_into_the_order_of_time(tmp_path: Path) -> None:
    timeline = read(text(tmp_path, '{"t": 3, "node": "b"}', '{"t": 2, "event": "end"}', '{"t": 1, "node": "a"}'))
    assert [sample.t for sample in timeline.samples] == [1, 3]
    assert timeline.nodes == ("a", "b")


def test_a_node_that_the_header_forgot_is_there_too(tmp_path: Path) -> None:
    assert read(text(tmp_path, '{"schema": 1, "kind": "header", "nodes": ["z"]}', SAMPLE)).nodes == ("z", "a")


@pytest.mark.parametrize("line", ['{"t": 2, "node": "a", "block_hei', '{"t": 2, "no', "{", '{"t": 1.', '{"t": 2}x'])
def test_a_last_line_cut_short_is_left_out(tmp_path: Path, line: str) -> None:
    assert len(read(text(tmp_path, SAMPLE, line, end="")).samples) == 1
    with pytest.raises(TimelineError, match="Line 2 "):
        read(text(tmp_path, SAMPLE, line, SAMPLE))


def test_a_metric_that_stands_twice_is_no_number(tmp_path: Path) -> None:
    timeline = read(text(tmp_path, '{"t": 1, "node": "a", "m": 0, "m": 1, "same": 2, "same": 2, "n": {"x": 1}}'))
    assert timeline.samples[0].values == {"m": [0, 1], "same": 2, "n": {"x": 1}}


def test_unknown_keys_and_lines_of_later_minor_versions_are_left_out(tmp_path: Path) -> None:
    header = f'{{"schema": {SCHEMA}, "kind": "header", "weather": "fine"}}'
    timeline = read(text(tmp_path, header, '{"t": 1, "weather": "fine"}', "", SAMPLE))
    assert len(timeline.samples) == 1


@pytest.mark.parametrize("schema", [SCHEMA + 1, "1", None])
def test_a_newer_schema_is_refused(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(TimelineError, match="newer Prowl"):
        read(text(tmp_path, json.dumps({"schema": schema, "kind": "header"}), SAMPLE))


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "[]", "5", "null", '"t"', '{"t": "1", "node": "a"}', '{"t": true, "node": "a"}', '{"node": "a"}',
        '{"t": NaN, "node": "a"}', '{"t": Infinity, "node": "a"}', '{"t": null, "node": "a"}',
        '{"t": 1, "gap": "long"}', '{"t": 1, "gap": null}',
        '{"schema": 1, "kind": "header", "nodes": 5}', '{"schema": 1, "kind": "header", "stakes": [1]}',
        '{"schema": 1, "kind": "header", "stakes": {"a": "1"}}', '{"schema": 1, "kind": "header", "stakes": {"a": -1}}',
        '{"schema": 1, "kind": "header", "addresses": {"a": null}}', '{"schema": 1, "kind": "header", "bft": "no"}',
        '{"schema": 1, "kind": "header", "round_timeout_seconds": "ten"}',
        '{"schema": 1, "kind": "header", "heal_seconds": -1}',
        '{"schema": 1, "kind": "header", "block_interval_seconds": 0}',
        '{"schema": 2, "kind": "header", "also": "peers"}', '{"schema": 2, "kind": "header", "breaks": [1]}',
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(TimelineError) as raised:
        read(text(tmp_path, SAMPLE, line, SAMPLE))
    assert "Line 2 of the timeline" in str(raised.value)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize("content", ["", "\n\n", '{"t": 1, "event": "end"}\n', '{"schema": 1, "kind": "header"}\n'])
def test_a_file_without_samples_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(content)
    with pytest.raises(TimelineError, match="no sample"):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TimelineError, match="can't be read"):
        read(tmp_path / "nowhere")
    with pytest.raises(TimelineError, match="can't be read"):
        read(tmp_path)


def test_bytes_that_are_no_text_do_no_harm_at_the_end(tmp_path: Path) -> None:
    path = text(tmp_path, SAMPLE)
    path.write_bytes(path.read_bytes() + b'{"t": 2, "node": "\xc3')
    assert len(read(path).samples) == 1


def test_a_not_a_number_among_the_values_is_kept_as_it_is(tmp_path: Path) -> None:
    value = read(text(tmp_path, '{"t": 1, "node": "a", "m": NaN}')).samples[0].values["m"]
    assert math.isnan(value)


def test_a_packed_recording_is_read_and_a_torn_one_is_a_sentence(tmp_path: Path) -> None:
    plain = tmp_path / "t.jsonl"
    writer = TimelineWriter(plain, Header(nodes=("a",)))
    writer.sample(1.0, "a", {"rpc_height": 1})
    writer.close()
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read(packed).samples) == list(read(plain).samples)
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(TimelineError, match="can't be read"):
        read(packed)
