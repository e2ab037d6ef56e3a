"""The page in a real browser: what is above the fold, filters, values under the cursor, and no fault for axe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from prowl.reports import html
from prowl.reports.causes import Cause
from prowl.reports.selftest.test_html import recorded, result, rich
from prowl.reports.verdicts import Verdict

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = {"desk": (1280, 800), "phone": (390, 844)}
CAUSE = Cause(
    "node-3 does not answer",
    "node-3: nothing answers since 12:00:00Z or earlier (RPC 10.0.0.3:18780, metrics 10.0.0.3:9100 refused)",
    "restart node-3 (Failure Recovery > Consensus Stall)",
    "prowl run --node node-3 --target testnet.toml",
    ("node-3",),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=120_000)
        yield started
        started.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recorded(folder)
    whole = rich()
    whole.results += [
        result(Verdict.UNKNOWN, item=item, node="node-3", cause=CAUSE.name, observed="no answer")
        for item in ("daily/peers", "daily/memory", "daily/consensus")
    ]
    whole.results.append(result(Verdict.BROKEN, item="daily/peers", node="node-10", cause=CAUSE.name))
    whole.results.append(result(Verdict.BROKEN, item="tuning/swap", advisory=True))
    whole.causes = [CAUSE]
    whole.pictures = html.timelines_of(folder)
    return html.write(whole, folder)


class Opened:
    """The page as a browser has it, and everything that it should not have done."""

    def __init__(self, browser: Browser, path: Path, size: str, scheme: Any, script: bool = True) -> None:
        width, height = WIDTHS[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(path.as_uri())

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_error: object) -> None:
        self.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_it_opens_without_a_fault_and_axe_finds_nothing_serious(
    browser: Browser, path: Path, size: str, scheme: str
) -> None:
    with Opened(browser, path, size, scheme) as opened:
        for details in opened.page.locator("details").all():
            details.evaluate("it => { it.open = true }")
        found: Any = Axe().run(opened.page)
        serious = [row for row in found.response["violations"] if row["impact"] in {"serious", "critical"}]
        assert [(row["id"], row["nodes"][0]["html"], row["nodes"][0]["failureSummary"]) for row in serious] == []
        assert opened.faults == []
        assert opened.requests == [path.as_uri()]
        wide = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, "the page itself never scrolls sideways"


@pytest.mark.parametrize("size", WIDTHS)
def test_the_cause_and_the_next_step_are_above_the_fold(browser: Browser, path: Path, size: str) -> None:
    with Opened(browser, path, size, "light") as opened:
        card = opened.page.locator("article").first
        assert card.locator("h3").inner_text().startswith("BROKEN node-3: nothing answers")
        step = card.locator("dd").first
        box = step.bounding_box()
        assert step.inner_text() == CAUSE.next
        assert box is not None
        assert box["y"] + box["height"] <= WIDTHS[size][1]


BROKEN_WORDS = """() => {
  const found = [];
  for (const cell of document.querySelectorAll("th, td, dt, .name, .totals li")) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      for (const match of text.data.matchAll(/[A-Za-z0-9_]+/g)) {
        const range = document.createRange();
        range.setStart(text, match.index);
        range.setEnd(text, match.index + match[0].length);
        if (match[0].length <= 24 && range.getClientRects().length > 1) found.push(match[0]);
      }
    }
  }
  return found;
}"""


@pytest.mark.parametrize("size", WIDTHS)
def test_no_word_breaks_inside_and_no_picture_is_cut(browser: Browser, path: Path, size: str) -> None:
    with Opened(browser, path, size, "light") as opened:
        for details in opened.page.locator("details").all():
            details.evaluate("it => { it.open = true }")
        assert opened.page.evaluate(BROKEN_WORDS) == []
        pictures = opened.page.locator("figure svg").all()
        assert pictures
        for box in [picture.bounding_box() for picture in pictures]:
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= WIDTHS[size][0]


def shown(page: Page, place: str) -> list[str]:
    return [each.inner_text() for each in page.locator(place).all() if each.is_visible()]


def test_the_filters_leave_what_is_asked_for(browser: Browser, path: Path) -> None:
    with Opened(browser, path, "desk", "light") as opened:
        page = opened.page
        assert len(shown(page, "article h3")) == 4
        page.select_option("select[name=verdict]", "unknown")
        (head,) = shown(page, "article h3")
        assert head.startswith("UNKNOWN daily/memory")
        page.click("button[type=reset]")
        page.select_option("select[name=node]", "node-2")
        assert all("node-2" in head for head in shown(page, "article h3"))
        assert shown(page, ".matrix thead th") == ["item", "node-2"]
        page.click("button[type=reset]")
        page.fill("input[name=about]", "STALL")
        assert [head.split(":")[0] for head in shown(page, "article h3")] == ["BROKEN recovery/stall in minority-crash"]
        assert shown(page, "#shown")[0].endswith("shown")
        page.click("button[type=reset]")
        assert len(shown(page, "article h3")) == 4


def test_the_cursor_tells_the_heights_by_pointer_and_by_keys(browser: Browser, path: Path) -> None:
    with Opened(browser, path, "desk", "light") as opened:
        plot = opened.page.locator(".plot").first
        plot.scroll_into_view_if_needed()
        box = plot.locator("svg").bounding_box()
        assert box is not None
        opened.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        output = opened.page.locator(".values").first
        first = output.inner_text()
        assert "node-1: " in first
        assert "node-2: " in first
        plot.focus()
        for _key in range(3):
            opened.page.keyboard.press("ArrowRight")
        after = output.inner_text()
        assert float(after.split(" s.")[0]) > float(first.split(" s.")[0])
        button = opened.page.get_by_role("button", name="wider").first
        button.press("Enter")
        wider = plot.locator("svg").bounding_box()
        assert wider is not None
        assert wider["width"] > box["width"] * 2
        assert opened.faults == []


def test_without_a_script_all_is_there_but_the_filters(browser: Browser, path: Path) -> None:
    with Opened(browser, path, "phone", "dark", script=False) as opened:
        assert len(shown(opened.page, "article h3")) == 4
        assert not opened.page.locator("form").is_visible()
        assert opened.page.locator("svg").first.is_visible()
