"""``prowl judge``: the recording of a real network, what is printed, and files that are no timeline."""

from __future__ import annotations

import gzip
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from prowl.checks import invariants as package
from prowl.checks.invariants import Invariant, Judgement, Verdict, invariants, judge
from prowl.checks.judge import main
from prowl.checks.selftest.network import Net, change
from prowl.reports.events import Event
from prowl.reports.timeline import Header, Timeline, TimelineWriter, read

RECORDINGS = Path(__file__).parent / "recordings"
FIELDS = ["invariant", "promise", "verdict", "node", "from", "to", "observed"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("crash-four-validators", tmp_path_factory.mktemp("recording"))


def unpacked(name: str, folder: Path) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_bytes(gzip.decompress((RECORDINGS / f"{name}.jsonl.gz").read_bytes()))
    return path


def run(path: Path, as_json: bool = True, every: bool = False) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(path, as_json, out, err, every), out.getvalue(), err.getvalue()


def verdicts(path: Path) -> dict[tuple[str, str | None], str]:
    code, out, _ = run(path)
    rows = json.loads(out)["verdicts"]
    assert code == (0 if all(row["verdict"] == "held" for row in rows) else 1)
    assert all(list(row) == FIELDS and row["from"] <= row["to"] for row in rows)
    found = {(row["invariant"], row["node"]): row["verdict"] for row in rows}
    assert len(found) == len(rows), "a row an invariant, and node"
    return found


def write(net: Net, path: Path) -> Path:
    """Write a network on paper as a run does."""
    timeline = net.timeline()
    writer = TimelineWriter(path, timeline.header)
    every: tuple[Any, ...] = (*timeline.events, *timeline.samples, *timeline.gaps)
    rows = [(row.t, row) for row in every]
    for t, row in sorted(rows, key=lambda pair: pair[0]):
        if isinstance(row, Event):
            writer.event(row)
        elif hasattr(row, "seconds"):
            writer.gap(t, row.seconds, row.why)
        elif row.error:
            writer.error(t, row.node, row.error)
        else:
            writer.sample(t, row.node, row.values)
    writer.close()
    return path


# --- a real network ---------------------------------------------------------------------------------------------------


def test_the_recording_is_judged_as_a_person_reads_it(recording: Path) -> None:
    """Its README says what a person reads; this is that, row by row."""
    expected: dict[tuple[str, str | None], str] = {
        ("agreement", None): "held",
        ("finality", None): "held",
        ("linkage", None): "held",
        ("equivocation", None): "held",
        ("no-progress-without-quorum", None): "held",
        ("one-chain", None): "held",
        ("progress-with-quorum", None): "held",
        ("progress-after-heal", None): "held",
        ("reached", None): "held",
        **of_all("held", "unharmed", 2),
        **of_all("held", "availability", 4),
        ("recovery", "n2"): "held",
        ("recovery", "n3"): "held",
        ("signals", "n0"): "broken",
        ("signals", "n1"): "broken",
        ("signals", "n2"): "held",
        ("signals", "n3"): "held",
        ("peers", "n0"): "broken",
        ("peers", "n1"): "broken",
        ("peers", "n2"): "broken",
        ("peers", "n3"): "held",
    }
    assert verdicts(recording) == expected


def test_the_recordings_numbers_are_those_of_its_readme(recording: Path) -> None:
    rows = {(row.invariant, row.node): row for row in judge(read(recording))}
    pause = rows["progress-with-quorum", None]
    assert 35 < pause.end - pause.begin < 37
    alone = rows["no-progress-without-quorum", None]
    assert (round(alone.begin, 1), round(alone.end, 1)) == (212.4, 272.9)
    assert "5.1 s of 146 s after 'start n2 n3'" in rows["progress-after-heal", None].observed
    signal = rows["signals", "n0"]
    assert 242.4 < signal.begin < 243.5
    assert signal.end < 272.9


def of_all(verdict: str, invariant: str, nodes: int) -> dict[tuple[str, str | None], str]:
    return {(invariant, f"n{number}"): verdict for number in range(nodes)}


SAFE: dict[tuple[str, str | None], str] = dict.fromkeys(
    (("agreement", None), ("finality", None), ("linkage", None), ("equivocation", None), ("one-chain", None),
     ("no-progress-without-quorum", None), ("reached", None)), "held",
)  # fmt: skip


def test_a_network_that_a_partition_froze_is_judged_as_a_person_reads_it(tmp_path: Path) -> None:
    """COC, four validators in network namespaces of their own, all packets between the sides dropped.

    A person reads: blocks every 2 s up to 27; then 2 | 2 at 75 s, healed at 165 s, and not one block more, neither
    with all four connected for 170 s, nor with three of them while n3 is cut off (335 to 445 s), nor after;
    consensus_state 0 and peers_connected 3 on every node all the time. Whether anybody votes again can't be said:
    there is no block.
    """
    expected = {
        **SAFE,
        ("progress-with-quorum", None): "broken",
        ("progress-after-heal", None): "broken",
        **of_all("unknown", "recovery", 4),
        **of_all("held", "unharmed", 4),
        **of_all("held", "availability", 4),
        **of_all("broken", "signals", 4),
        **of_all("broken", "peers", 4),
    }
    assert verdicts(unpacked("partition-four-validators", tmp_path)) == expected


def test_a_network_of_five_under_seven_faults_is_judged_as_a_person_reads_it(tmp_path: Path) -> None:
    """COC, five validators, likewise: kill, partition 3 | 2, an emptied CURRENT, restore, wipe, pause.

    A person reads: the chain stands still without a quorum (240 to 280 s), for 73 s after the heal, and for a minute
    while n3 is paused; n1 does not start with its damaged store, and is at the tip 8 s after the restore; n2 is at the
    tip 11 s after the wipe (its first answer, in the middle of the catch-up, has a metric of 4 and a block 7);
    consensus_state is 0 all the time, also after 30 s without a quorum; every node's count of peers is wrong for a
    minute or more.
    """
    expected = {
        **SAFE,
        ("progress-with-quorum", None): "held",
        ("progress-after-heal", None): "held",
        **of_all("held", "recovery", 5),
        **of_all("held", "unharmed", 1),
        **of_all("held", "availability", 5),
        **of_all("broken", "signals", 5),
        **of_all("broken", "peers", 5),
    }
    assert verdicts(unpacked("faults-five-validators", tmp_path)) == expected


def test_no_metric_of_a_recording_is_needed_for_another_row(recording: Path, tmp_path: Path) -> None:
    before = verdicts(recording)
    for metric in ("bft_round_height", "wire_connections", "fork_choice_max_depth_blocks", "process_memory_bytes"):
        without = changed(recording, tmp_path / "without.jsonl", lambda row, metric=metric: _less(row, metric))
        assert verdicts(without) == before, metric


def _less(row: dict[str, Any], metric: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != metric}


def changed(recording: Path, path: Path, change: Any) -> Path:
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    rows = [row for line in lines if (row := change(line)) is not None]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_one_changed_line_of_the_recording_changes_one_row(recording: Path, tmp_path: Path) -> None:
    before = verdicts(recording)

    def finalized(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "fin": [100, "0x" + "f" * 64]} if row["t"] == 400.05 and row.get("node") == "n1" else row

    def parent(row: dict[str, Any]) -> dict[str, Any]:
        if row.get("node") == "n2" and row.get("latest", [0])[0] == 90:
            return {**row, "latest": [90, row["latest"][1], "0x" + "f" * 64, False]}
        return row

    def counter(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "bft_equivocations_total": 1.0} if row.get("node") == "n0" and row["t"] > 300 else row

    for changing, row in ((parent, "linkage"), (counter, "equivocation")):
        after = verdicts(changed(recording, tmp_path / f"{row}.jsonl", changing))
        assert {key for key in before if before[key] != after[key]} == {(row, None)}


def test_without_a_metric_the_recordings_row_is_unknown(recording: Path, tmp_path: Path) -> None:
    def without(row: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in row.items() if key != "consensus_state"}

    after = verdicts(changed(recording, tmp_path / "without.jsonl", without))
    assert {node: verdict for (name, node), verdict in after.items() if name == "signals"} == dict.fromkeys(
        ("n0", "n1", "n2", "n3"), "unknown"
    )


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_run_with_all_held_ends_with_0(tmp_path: Path) -> None:
    net = Net().run(60)
    net.do("kill n3")
    net.run(30)
    net.do("start n3")
    net.run(30)
    path = write(net, tmp_path / "timeline.jsonl")
    code, out, _ = run(path, as_json=False)
    assert code == 0
    assert out.startswith(f"{path}: held\n")
    assert all(line.strip().startswith("HELD") for line in out.splitlines()[1:])


@pytest.mark.parametrize(
    ("names", "lies", "code", "head", "counts"),
    [
        ({}, True, 1, "broken", True),  # an older recording: every invariant judges
        ({"also": ["progress-with-quorum"]}, True, 0, "held", False),
        ({"also": ["progress-with-quorum", "signals"]}, True, 1, "broken", True),
        ({"also": ["alerts-kept"]}, True, 1, "unknown; nothing was seen that alerts-kept could be judged by", False),
        ({"breaks": ["signals"]}, True, 0, "held; signals broken on n0 since ", True),
        ({"breaks": ["signals"]}, False, 1, "broken; signals was to break and held", True),
    ],
)
def test_a_timeline_is_judged_by_what_its_scenario_names_as_its_run_was(
    tmp_path: Path, names: dict[str, Any], lies: bool, code: int, head: str, counts: bool
) -> None:
    net = Net(**names)
    net.tampers += [change("n0", 0, rpc_height=1)] * lies
    path = write(net.run(120), tmp_path / "timeline.jsonl")
    found, out, _ = run(path, as_json=False)
    assert (found, out.startswith(f"{path}: {head}")) == (code, True), out
    assert ("signals (--all)" in out) is not counts
    found, out, err = run(path)
    assert found == code
    assert any(row["invariant"] == "signals" for row in json.loads(out)["verdicts"]) is counts
    assert err == "" or head in err
    found, out, err = run(path, every=True)
    assert (found, "signals" in out, err) == (int(lies), True, "")


def test_a_run_folder_is_judged_whole(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(Net().run(60), tmp_path / name / "timeline.jsonl")
    code, out, _ = run(tmp_path)
    assert code == 0
    assert len([row for row in json.loads(out)["verdicts"] if row["invariant"] == "agreement"]) == 2


@pytest.mark.parametrize("cut", [1, 40, 150])
def test_a_cut_off_last_line_is_left_out(recording: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.jsonl"
    text = recording.read_text().removesuffix("\n")
    path.write_text(text[:-cut])
    assert run(path)[0] == 1
    path.write_text(text[:-cut] + "\n" + text)  # in the middle it is no accident of a kill
    code, _, err = run(path)
    assert code == 4
    assert "not one of a timeline" in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no sample"),
        ('{"t": 1, "event": "cluster started"}\n', "holds no sample"),
        ('{"schema": 3, "kind": "header"}\n{"t": 1, "node": "a", "err": "x"}\n', "newer Prowl"),
        ("hello\nworld\n", "not one of a timeline"),
        ('{"t": "1", "node": "a"}\n{}\n', "not one of a timeline"),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_no_timeline_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str, as_json: bool) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    code, out, err = run(path, as_json)
    assert (code, out) == (4, "")
    assert says in err
    assert str(path) in err


def test_a_path_that_is_not_there_and_a_folder_without_timelines(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.jsonl", tmp_path):
        code, _, err = run(path)
        assert code == 4
        assert str(path) in err


def test_nodes_that_never_answer_are_unknown_and_not_held(tmp_path: Path) -> None:
    path = tmp_path / "silent.jsonl"
    path.write_text("".join(f'{{"t": {t}, "node": "n{n}", "err": "refused"}}\n' for t in range(200) for n in range(4)))
    found = verdicts(path)
    assert set(found.values()) == {"unknown"}
    assert {"agreement", "finality", "linkage", "signals", "peers"} <= {name for name, _ in found}


def test_hundreds_of_thousands_of_lines_take_seconds(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        for step in range(50_000):
            height, name, parent = 1 + step // 4, f"0x{step // 4 + 1:064x}", f"0x{step // 4:064x}"
            for node in range(4):
                file.write(
                    f'{{"t": {step / 2}, "node": "n{node}", "block_height": {height}, "peers_connected": 3, '
                    f'"consensus_state": 0, "latest": [{height}, "{name}", "{parent}", false]}}\n'
                )
    begin = time.process_time()
    assert set(verdicts(path).values()) == {"held"}
    assert time.process_time() - begin < 60  # about 8 on a slow core


# --- the frame --------------------------------------------------------------------------------------------------------


def crash(timeline: Timeline) -> list[Judgement]:
    raise ZeroDivisionError("sorry")


def test_an_invariant_that_crashes_is_unknown_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Invariant("bad", "A promise.", crash)
    monkeypatch.setattr(package, "invariants", lambda: (bad, *invariants()))
    rows = judge(Net().run(30).timeline())
    assert rows[0].verdict is Verdict.UNKNOWN
    assert "ZeroDivisionError: sorry" in rows[0].observed
    assert {row.verdict for row in rows[1:]} == {Verdict.HELD}


def test_a_safety_invariant_always_has_a_row() -> None:
    silent = Invariant("quiet", "A promise.", lambda timeline: [], safety=True)
    assert [row.verdict for row in silent.judge(Net().run(5).timeline())] == [Verdict.UNKNOWN]
    quiet = Invariant("quiet", "A promise.", lambda timeline: [])
    assert quiet.judge(Net().run(5).timeline()) == []


def test_single_invariants_may_be_asked_for() -> None:
    timeline = Net().run(30).timeline()
    assert {row.invariant for row in judge(timeline, only=["peers", "agreement"])} == {"peers", "agreement"}
    with pytest.raises(KeyError, match="agreement"):
        judge(timeline, only=["agreements"])


def test_the_names_of_the_contract_are_there() -> None:
    names = [invariant.name for invariant in invariants()]
    assert len(set(names)) == len(names)
    assert set(names) >= {
        "agreement", "finality", "linkage", "no-progress-without-quorum", "progress-with-quorum",
        "progress-after-heal", "signals", "peers", "recovery", "equivocation", "state", "unharmed", "growth",
        "recovery-time", "reached",
    }  # fmt: skip
    safety = ["agreement", "finality", "linkage", "one-chain"]
    assert [invariant.name for invariant in invariants() if invariant.safety] == safety


def test_judging_changes_nothing_and_says_the_same_again() -> None:
    net = Net().run(30)
    net.do("kill n3")
    timeline = net.run(60).timeline()
    assert judge(timeline) == judge(timeline)
    again = Timeline(Header(), timeline.events, timeline.samples, timeline.gaps)
    assert judge(again) == judge(timeline)
