"""What a page of many results costs: ``python chaos/bench/bench_page.py [NODES ...]``; it needs Debian's chromium.

Each node has a dozen results, one node of a hundred does not answer. Printed, with the median of five: how long the
page takes to write, how long Chromium takes to open it beside an empty page, and the bytes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from prowl.reports import html
from prowl.reports.causes import Cause
from prowl.reports.run import Report
from prowl.reports.verdicts import Result, Verdict

SIZES = (250, 500, 1000)
ITEMS = 12
SICK = 100
RUNS = 5
LIMIT_MILLISECONDS = 60_000


def report(nodes: int) -> Report:
    """Return a report of so many nodes."""
    run = {"id": "1-7", "seed": 7, "commit": "abc", "target": "testnet.toml", "cluster": None, "versions": {}}
    run |= {"started": 1_000.0, "seconds": 5.5, "again": "prowl run --target testnet.toml", "exit_code": 1}
    sick = [f"node-{number}" for number in range(SICK, nodes + 1, SICK)]
    causes = [Cause(f"{node} does not answer", f"{node}: nothing", "restart it", "prowl run", (node,)) for node in sick]
    rows = [
        Result(
            item=f"daily/item-{item}",
            promise="a node has at least three peers",
            verdict=Verdict.UNKNOWN if f"node-{number}" in sick else Verdict.HELD,
            expected="at least 3 peers",
            observed="no answer" if f"node-{number}" in sick else "3 peers",
            node=f"node-{number}",
            cause=f"node-{number} does not answer" if f"node-{number}" in sick else "",
            next="restart it",
        )
        for number in range(1, nodes + 1)
        for item in range(ITEMS)
    ]
    whole = Report(run, rows)
    whole.causes = causes
    return whole


def _opened(browser: Browser, path: Path) -> float:
    page = browser.new_page()
    began = time.monotonic()
    page.goto(path.as_uri(), timeout=LIMIT_MILLISECONDS)
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    seconds = time.monotonic() - began
    page.close()
    return seconds


def _median(run: Callable[[], object]) -> float:
    found = []
    for _run in range(RUNS):
        began = time.monotonic()
        seconds = run()
        found.append(seconds if isinstance(seconds, float) else time.monotonic() - began)
    return median(found)


def main() -> int:
    """Measure each size; a line each."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("there is no chromium here: apt install chromium")
        return 1
    print(f"{os.cpu_count()} cores, median of {RUNS}")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], timeout=LIMIT_MILLISECONDS
        )
        empty = Path(name) / "empty.html"
        empty.write_text("<!doctype html><title>empty</title>", encoding="utf-8")
        bare = _median(partial(_opened, browser, empty))
        print(f"an empty page opens in {bare:.2f} s")
        for nodes in [int(word) for word in sys.argv[1:]] or SIZES:
            whole, folder = report(nodes), Path(name)
            written = _median(partial(html.write, whole, folder))
            path = html.write(whole, folder)
            opened = _median(partial(_opened, browser, path))
            print(
                f"{nodes} nodes, {len(whole.results)} results: written in {written:.2f} s "
                f"({1000 * written / nodes:.2f} ms a node), opens in {opened:.2f} s "
                f"({opened / bare:.0f} times the empty page), {path.stat().st_size / 1e6:.2f} MB",
                flush=True,
            )
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
