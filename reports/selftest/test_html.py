"""The page: whole, self-contained, escaped, bounded, and readable without colours or a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from prowl.reports import html
from prowl.reports.causes import Cause
from prowl.reports.events import Event, Phase
from prowl.reports.recorded_words import translated
from prowl.reports.run import Report
from prowl.reports.timeline import Header, TimelineWriter
from prowl.reports.verdicts import Drift, Judgement, NotAsked, Result, Verdict, Waiver

EVIL = "<script>alert('x')</script>\"'&"
VOID = {"meta", "input"}  # elements without an end


class Page(HTMLParser):
    """The elements of a page, its text, and the faults of its nesting."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.faults += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} is closed out of turn")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def result(verdict: Verdict = Verdict.HELD, **more: Any) -> Result:
    values = {"item": "daily/peers", "promise": "three peers", "expected": "3", "observed": "2", "node": "node-1"}
    return Result(verdict=verdict, **{**values, **more})


def report(*results: Result, **more: Any) -> Report:
    return Report({"target": "embedded", "seed": 7, "commit": "abc", "again": "pytest --seed 7", **more}, list(results))


def recorded(folder: Path, name: str = "minority-crash", nodes: tuple[str, ...] = ("node-1", "node-2")) -> None:
    writer = TimelineWriter(folder / "scenarios" / name / "timeline.jsonl", Header(nodes=nodes))
    words = (Event(0, "cluster started"), Event(20, f"kill {nodes[0]}"), Event(40, f"start {nodes[0]}"))
    for event in translated(words, nodes):
        writer.event(event)
    for t in range(60):
        for node in nodes:
            if node == nodes[0] and 20 <= t < 42:
                writer.error(t, node, "ConnectionRefusedError")
            else:
                writer.sample(t, node, {"block_height": float(t)})
    writer.gap(63, 3, "starved")
    writer.close()


def page(whole: Report, folder: Path) -> Page:
    whole.pictures = html.timelines_of(folder)
    return Page(html.write(whole, folder).read_text(encoding="utf-8"))


def rich() -> Report:
    whole = report(
        result(),
        result(Verdict.BROKEN, node="node-2", manual="Daily Checklist", next="look", again="pytest -k daily/peers"),
        result(Verdict.UNKNOWN, item="daily/memory"),
        result(item="daily/disk", drift=Drift("/var/lib/coc", "/data"), manual="Disk: df -h /var/lib/coc"),
        result(
            Verdict.BROKEN,
            item="recovery/stall",
            node=None,
            scenario="minority-crash",
            evidence=("timeline x",),
            judgements=(
                Judgement("agreement", "one hash", Verdict.HELD, None, 0.0, 9.0, "9 heights"),
                Judgement("signals", "no lie", Verdict.BROKEN, "node-1", 1.0, 67.0, "state 0: for 66 s"),
            ),
        ),
    )
    whole.not_asked = [NotAsked("weekly/backups", "no host access", f"node-{n}") for n in (1, 2, 10)]
    return whole


def test_the_verdict_comes_first_then_the_findings_and_at_the_end_what_repeats_the_run(tmp_path: Path) -> None:
    whole = rich()
    found = page(whole, tmp_path)
    heads = ("Findings", "BROKEN daily/peers", "Checklist", "Scenarios", "Not asked", "seed 7", "commit abc")
    places = [found.text.index(word) for word in (whole.sentence, *heads, "again pytest --seed 7")]
    assert places == sorted(places)


def test_a_page_is_well_formed_and_named(tmp_path: Path) -> None:
    recorded(tmp_path)
    found = page(rich(), tmp_path)
    assert found.faults == []
    assert found.all("html")[0]["lang"] == "en"
    assert len(found.all("h1")) == len(found.all("main")) == 1
    assert len(found.all("table")) == len(found.all("caption"))
    assert all("scope" in cell for cell in found.all("th"))
    ids = [attributes["id"] for _tag, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in found.all("a") if link["href"].startswith("#")} <= set(ids)


def test_a_picture_has_a_title_and_a_text(tmp_path: Path) -> None:
    recorded(tmp_path)
    found = page(rich(), tmp_path)
    (svg,) = found.all("svg")
    assert svg["role"] == "img"
    ids = {attributes["id"] for tag, attributes in found.elements if tag in {"title", "desc"} and "id" in attributes}
    assert set(svg["aria-labelledby"].split()) == ids
    for words in ("kill node-1, 20 s", "down, no answer", "node-2: 59", "Timeline of minority-crash", "Hatched"):
        assert words in found.text


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    recorded(tmp_path)
    text = html.write(rich(), tmp_path).read_text()
    found = page(rich(), tmp_path)
    assert not {"link", "img", "iframe", "object", "use", "image"} & {tag for tag, _its in found.elements}
    assert found.all("script") == [{}], "one, and it is on the page"
    text = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not any(word in text for word in ("http:", "https:", "@import", "@font-face", "url(//"))
    assert {value["href"] for _tag, value in found.elements if "href" in value and value["href"][0] != "#"} == {
        "report.json"
    }
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_a_finding_is_the_whole_message_and_a_held_result_is_none(tmp_path: Path) -> None:
    found = page(rich(), tmp_path)
    assert len(found.all("article")) == 3
    assert (
        "BROKEN daily/peers on node-2: 2 next look again pytest -k daily/peers The promise, and what was seen "
        "promise three peers manual Daily Checklist expected 3"
    ) in found.text
    assert "UNKNOWN daily/memory on node-1: 2" in found.text
    assert "BROKEN recovery/stall in minority-crash: 2" in found.text
    assert "HELD daily/peers" not in found.text
    assert "No result is broken or unknown." in page(report(result()), tmp_path).text


def test_what_is_waived_or_advisory_is_no_finding_and_has_its_table(tmp_path: Path) -> None:
    waived = result(Verdict.BROKEN, item="daily/a", waiver=Waiver("known", "2027-01-01"))
    advisory = [result(Verdict.BROKEN, item="daily/b", node=node, advisory=True, next="buy") for node in ("a", "b")]
    found = page(report(waived, *advisory, result(Verdict.UNKNOWN, item="daily/c")), tmp_path)
    assert len(found.all("article")) == 1
    words = ["UNKNOWN daily/c on node-1: 2", "daily/a node-1 broken 2 until 2027-01-01: known", "daily/b a, b 3 2 buy"]
    assert [found.text.index(word) for word in words] == sorted(found.text.index(word) for word in words)


def test_what_shares_a_cause_is_one_finding_with_its_results(tmp_path: Path) -> None:
    rows = [result(Verdict.UNKNOWN, item=f"daily/{n}", cause="node-1 is away", observed="no answer") for n in range(3)]
    whole = report(*rows)
    whole.causes = [Cause("node-1 is away", "node-1: nothing answers", "restart node-1", "prowl run", ("node-1",))]
    found = page(whole, tmp_path)
    (article,) = found.all("article")
    assert (article["data-verdicts"], article["data-nodes"]) == ("unknown", "node-1")
    assert (
        "UNKNOWN node-1: nothing answers -> 3 unknown follow next restart node-1 again prowl run 3 results"
        in found.text
    )
    assert found.text.count("no answer") == 3 + 3, "among the finding's, and among all"
    links = [link["href"] for link in found.all("a")]
    assert links.count("#finding-1") == 3, "each cell of the checklist leads there"


def test_what_was_measured_is_a_table(tmp_path: Path) -> None:
    figures = {"recovered_seconds": 3.25, "recovery_allowed_seconds": 13.0, "detected_seconds": 1.0}
    played = result(item="a/b", node=None, scenario="cut", figures=figures)
    bare = replace(played, scenario="kill", figures={"recovered_seconds": 7.0, "time_scale": 10.0})
    text = page(report(played, bare), tmp_path).text
    assert "scenario verdict detected recovered time scale cut held 1.0 s 3.2 s (25%) kill held 7.0 s 10" in text


def test_the_checklist_has_a_word_for_each_item_on_each_node(tmp_path: Path) -> None:
    text = page(rich(), tmp_path).text
    assert (
        "item node-1 node-2 node-10 daily/disk three peers held drift - - daily/memory three peers unknown - -" in text
    )
    assert "daily/peers three peers held broken - weekly/backups not asked not asked not asked" in text


def test_of_two_results_at_one_place_the_worst_is_shown(tmp_path: Path) -> None:
    for results in ((result(), result(Verdict.BROKEN)), (result(Verdict.BROKEN), result())):
        assert "daily/peers three peers broken" in page(report(*results), tmp_path).text


def test_a_checklist_of_fifty_nodes_has_a_row_a_node(tmp_path: Path) -> None:
    items = [f"daily/item-{number}" for number in range(12)]
    results = [result(item=item, node=f"node-{number}") for item in items for number in range(1, 51)]
    found = page(report(*results), tmp_path)
    assert "node item-0 item-1 item-2" in found.text
    assert f"node-9 {'held ' * 12}node-10 {'held ' * 12}node-11" in found.text
    assert len(html.render(report(*results), tmp_path)) < 400_000
    few = page(report(*[row for row in results if row.node in {"node-1", "node-2"}]), tmp_path)
    assert "item node-1 node-2 daily/item-0" in few.text


def test_drift_and_what_was_not_asked_have_their_reasons(tmp_path: Path) -> None:
    text = page(rich(), tmp_path).text
    assert "daily/disk Disk: df -h /var/lib/coc node-1 /var/lib/coc /data" in text
    assert "weekly/backups node-1, node-2, node-10 no host access" in text
    without = page(report(result()), tmp_path).text
    assert "Drift" not in without
    assert "Nothing was left out" in without


def test_a_gates_decision_stands_among_the_first_facts(tmp_path: Path) -> None:
    decided = page(report(result(), gate={"sentence": "NO-GO for testnet: the head is old"}), tmp_path)
    assert "HELD: 1 held on embedded NO-GO for testnet: the head is old" in decided.text
    assert "NO-GO" not in page(report(result()), tmp_path).text


def test_a_scenario_shows_its_judgements_the_worst_first(tmp_path: Path) -> None:
    recorded(tmp_path)
    text = page(rich(), tmp_path).text
    assert "broken signals on node-1 state 0: for 66 s held agreement 9 heights note timeline x" in text


def test_a_partial_run_says_so_at_the_top(tmp_path: Path) -> None:
    recorded(tmp_path)
    text = page(report(result(), partial=True), tmp_path).text
    assert text.index("This report is partial.") < text.index("Findings")
    assert "There is no verdict of this scenario: the run was cut short" in text
    assert "partial" not in page(report(result(), partial=False), tmp_path).text


def test_an_empty_run_is_no_good_run(tmp_path: Path) -> None:
    text = page(report(), tmp_path).text
    assert "Nothing was judged." in text
    assert "No result is broken" not in text


def test_everything_is_escaped(tmp_path: Path) -> None:
    writer = TimelineWriter(tmp_path / "scenarios" / "<b>scene" / "timeline.jsonl", Header(nodes=(EVIL, "b")))
    writer.sample(0, EVIL, {"block_height": 1})
    writer.event(Event(1, f"kill {EVIL}", 1, Phase.INJECT, kind=EVIL, down=(EVIL,)))
    writer.error(9, EVIL, EVIL)
    writer.gap(10, 1, EVIL)
    writer.close()
    words = dict.fromkeys(("item", "promise", "expected", "observed", "node", "manual", "next", "again"), EVIL)
    evil = Result(
        verdict=Verdict.BROKEN,
        evidence=(EVIL,),
        judgements=(Judgement(EVIL, EVIL, Verdict.BROKEN, EVIL, 0.0, 1.0, EVIL),),
        drift=Drift(EVIL, EVIL),
        waiver=Waiver(EVIL, EVIL),
        **words,  # type: ignore[arg-type]
    )
    keys = ("id", "target", "cluster", "seed", "commit", "again")
    whole = report(evil, replace(evil, node=None, scenario="<b>scene"), **dict.fromkeys(keys, EVIL))
    whole.run["versions"] = {EVIL: EVIL}
    whole.not_asked = [NotAsked(EVIL, EVIL, EVIL)]
    found = page(whole, tmp_path)
    assert found.faults == []
    assert EVIL in found.text
    assert (tmp_path / "report.html").read_text().count("<script") == 1
    assert "<b>scene" not in (tmp_path / "report.html").read_text()


def test_text_that_is_no_unicode_does_not_stop_the_page(tmp_path: Path) -> None:
    assert "lone \\ud800" in page(report(result(Verdict.BROKEN, observed="lone \ud800")), tmp_path).text


def test_a_loaded_report_renders_the_same_page(tmp_path: Path) -> None:
    recorded(tmp_path)
    whole = rich()
    whole.pictures = html.timelines_of(tmp_path)
    first = html.write(whole, tmp_path).read_text()
    whole.save(tmp_path)
    assert html.write(Report.load(tmp_path), tmp_path).read_text() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json", "scenarios"]


def test_a_record_of_little_is_rendered_too(tmp_path: Path) -> None:
    assert "HELD: 1 held on x" in page(Report({"target": "x"}, [result()]), tmp_path).text


def test_a_page_that_cannot_be_written_leaves_the_one_of_before(tmp_path: Path) -> None:
    path = html.write(report(result()), tmp_path)
    before = path.read_text()
    (tmp_path / ".report.html.draft").mkdir()
    with pytest.raises(OSError, match=r"report\.html\.draft"):
        html.write(report(result(Verdict.BROKEN)), tmp_path)
    assert path.read_text() == before


def test_the_timelines_of_a_folder(tmp_path: Path) -> None:
    assert html.timelines_of(tmp_path) == []
    recorded(tmp_path, "two")
    recorded(tmp_path, "one")
    (tmp_path / "scenarios" / "without").mkdir()
    rows = html.timelines_of(tmp_path)
    assert [(row["name"], row["path"]) for row in rows] == [
        ("one", "scenarios/one/timeline.jsonl"),
        ("two", "scenarios/two/timeline.jsonl"),
    ]
    assert rows[0]["bytes"] == (tmp_path / rows[0]["path"]).stat().st_size
    assert json.loads(json.dumps(rows)) == rows


def test_the_number_of_timelines_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_TIMELINES", 2)
    monkeypatch.setattr(html, "MOST_PICTURES", 1)
    for name in ("one", "two", "zwei"):
        recorded(tmp_path, name)
    found = page(report(result()), tmp_path)
    assert len(found.all("svg")) == 1
    assert "The first 1 scenarios have a picture; this timeline is scenarios/two/timeline.jsonl." in found.text
    assert "At most 2 timelines are listed" in found.text


@pytest.mark.parametrize("damage", ["missing", "no timeline", "newer", "too large", "outside"])
def test_a_timeline_that_cannot_be_drawn_is_a_sentence(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    recorded(folder)
    whole = rich()
    whole.pictures = html.timelines_of(folder)
    path = folder / whole.pictures[0]["path"]
    if damage == "missing":
        path.unlink()
    elif damage == "no timeline":
        path.write_text("junk\n")
    elif damage == "newer":
        path.write_text('{"schema":99,"kind":"header"}\n')
    elif damage == "too large":
        monkeypatch.setattr(html, "LARGEST_TIMELINE_BYTES", path.stat().st_size - 1)
    else:
        recorded(tmp_path, "elsewhere")
        whole.pictures[0]["path"] = "../scenarios/elsewhere/timeline.jsonl"
    found = Page(html.write(whole, folder).read_text())
    assert found.all("svg") == []
    reason = {"too large": "MB; one of up to", "outside": "lies outside the run folder"}.get(damage, "can't be drawn")
    assert reason in found.text
    assert "broken signals on node-1" in found.text, "the judgements stand nevertheless"


def test_a_timeline_just_small_enough_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(tmp_path)
    monkeypatch.setattr(html, "LARGEST_TIMELINE_BYTES", html.timelines_of(tmp_path)[0]["bytes"])
    assert len(page(rich(), tmp_path).all("svg")) == 1


def test_long_texts_and_lists_are_cut_and_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_FINDINGS", 2)
    monkeypatch.setattr(html, "MOST_ROWS", 3)
    monkeypatch.setattr(html, "MOST_EVIDENCE", 4)
    many = [result(Verdict.BROKEN, item=f"a/{number}", observed="x" * 10_000) for number in range(5)]
    scene = result(node=None, scenario="s", evidence=tuple(f"row {number}" for number in range(9)))
    found = page(report(*many, scene), tmp_path)
    assert len(found.all("article")) == 2
    for words in ("3 more findings stand in", "3 more stand in", "5 more judgements stand in"):
        assert words in found.text
    assert max(len(word) for word in found.words) == html.LONGEST_TEXT


@pytest.mark.parametrize(
    ("verdict", "is_said"), [(Verdict.HELD, False), (Verdict.UNKNOWN, True), (Verdict.BROKEN, True)]
)
def test_judgements_are_listed_of_what_is_not_held(tmp_path: Path, verdict: Verdict, is_said: bool) -> None:
    row = Judgement("peers", "p", Verdict.HELD, None, 0.5, 9.25, "all were seen")
    scene = result(verdict, node=None, scenario="s", judgements=(row,), evidence=("recovered 2 s after the heal",))
    text = page(report(scene), tmp_path).text
    assert ("all were seen" in text, "1 more judgements stand in" in text) == (is_said, not is_said)
    assert "recovered 2 s after the heal" in text
