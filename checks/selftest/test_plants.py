"""Secrets planted where a node and its host can show them: none is in the survey, in a report or on the terminal."""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prowl.checks import causes
from prowl.checks.reasons import TargetWords
from prowl.checks.registry import Check
from prowl.checks.selftest.hostile_kit import judges_of_nodes
from prowl.fixtures.hosts import look as host_look
from prowl.fixtures.hosts.commands import HostStep
from prowl.fixtures.hosts.runner import Output
from prowl.fixtures.inventory.reader import COC
from prowl.fixtures.manual.limits import Limits
from prowl.fixtures.network import HostAccess
from prowl.fixtures.selftest.stub import ANSWERS, PAGE, StubNode
from prowl.fixtures.selftest.test_host_lies import HONEST
from prowl.fixtures.survey import sweep
from prowl.fixtures.survey.survey import NodeView, Survey
from prowl.fixtures.survey.view import NetworkView, View
from prowl.reports import evidence, html, markdown, redaction, terminal, textfile
from prowl.reports.findings import NotHeld
from prowl.reports.redaction import HIDDEN, Secret, clean, printable, redact, remember
from prowl.reports.run import Report, begin
from prowl.reports.verdicts import Result, Verdict

TOKEN = "tok-27-characters-long-Zq7"  # what Prowl itself knows; all others it never heard of
WORD = "plant{number}Xy7"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    redaction._values.clear()
    redaction._pattern.cache_clear()


def plant(number: int) -> str:
    return WORD.format(number=number)


BACKUP = "/opt/coc/scripts/backup-node.sh /var/lib/coc /backups"
# What a host prints, by the listed command.
ON_HOST = {
    "own-crontab": f"0 */6 * * * PGPASSWORD={plant(1)} {BACKUP} {plant(2)} # https://me:{plant(3)}@x/{plant(3)}\n",
    "system-crontabs": f"== 0 644 1 /etc/cron.d/coc\nbackup {plant(4)}\n0 1 * * * {plant(4)} find /b -delete\n.\n",
    "config": json.dumps(
        {"nodeKey": plant(5), "storage": {"backend": plant(6), "cacheSize": 5}, "x": {plant(7): 1}, "chainId": plant(8)}
    ),
    "environment": f"COC_NODE_KEY\nCOC_DEV_RELAXED_QUORUM={plant(9)}\nCOC_NODE_CONFIG=/etc/coc.json\n",
    "command-line": f"node node/src/index.ts --private-key={plant(10)} {plant(10)}",
    "files": f"9 1764500000 /b/coc-backup-20260101-000000-h5.tar.gz\n9 1 /b/{plant(11)}.txt\n",
    "archive": f"-rw-r--r-- 0/0 1 2026-01-01 00:00 coc/{plant(12)}/x\ntar: token={plant(12)}: bad\ntar 2\n",
}
# What a node answers; the token is one that it was given.
OF_NODE: dict[str, Any] = {
    "coc_nodeInfo": {**ANSWERS["coc_nodeInfo"], "apiKey": plant(13), "note": f"password={plant(13)}"},
    "coc_getPeers": [{"id": "0x1", "url": f"http://me:{plant(14)}@10.0.0.1:1"}],
    "web3_clientVersion": f"COC/0.2 token={plant(15)}",
    "txpool_status": {"pending": base64.b64encode(f"Bearer {TOKEN}".encode()).decode()},
    "eth_syncing": f"{'x' * 40} Authorization: Bearer {TOKEN} is wrong",
}
SECRETS = [TOKEN, TOKEN[:20], TOKEN[-20:], TOKEN.encode().hex(), *(plant(number) for number in range(1, 16))]
SECRETS += [
    base64.b64encode(TOKEN.encode())[:20].decode(),
    base64.b64encode(f"Bearer {TOKEN}".encode())[12:40].decode(),
]


def always(answer: Any) -> Callable[[int], Any]:
    return lambda _call: answer


def judged(check: Check, function: Callable[..., None], view: View, name: str | None) -> Result:
    """A check's result, made as the plugin makes it."""
    given = {check.scope: view, "limits": Limits()}
    verdict, claim = Verdict.HELD, None
    try:
        function(**{each: given[each] for each in inspect.signature(function).parameters})
        claim = view.claim
    except NotHeld as error:
        verdict, claim = error.verdict, error.claim
    assert claim is not None
    return Result(
        check.item, verdict, "p", printable(claim.expected, 2_000), printable(claim.observed, 2_000), node=name
    )


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Survey:
    """A survey of a node and a host that show all that was planted."""
    monkeypatch.setenv("THE_TOKEN", TOKEN)

    async def run(_access: HostAccess, steps: Sequence[HostStep]) -> list[Output]:
        printed = {**HONEST, **ON_HOST}
        return [Output(printed[each.name], 0, "", 1.0, 2.0) for each in steps]

    monkeypatch.setattr(host_look, "run", run)
    page = f"{PAGE}coc_wire_connections {'1' * 30}{TOKEN}\ncoc_uptime_seconds 53\n"
    with StubNode(page=page, answers={name: always(value) for name, value in OF_NODE.items()}) as stub:
        node = replace(
            stub.node, rpc_token=Secret(env="THE_TOKEN"), host=HostAccess("ssh", address="h"), unit="coc-node",
            data_dir=Path("/var/lib/coc"), backup_dir=Path("/b"),
        )  # fmt: skip
        hasty = replace(COC, round_timeout_seconds=0.05, dead_proposer_seconds=0.3, start_grace_seconds=0.1)
        return sweep.survey("testnet.toml", replace(hasty, nodes=(node,)))


def demand_none(text: str, where: str) -> None:
    found = [secret for secret in SECRETS if secret.lower() in text.lower()]
    assert not found, f"{where}: {found}"


def test_no_planted_secret_reaches_anybody(surveyed: Survey, tmp_path: Path) -> None:
    run = begin(tmp_path / "run", 1, "testnet.toml", "embedded", [], "prowl run")
    surveyed.save(run.folder / "survey.json")
    results = []
    for check, function in judges_of_nodes():
        names = [None] if check.scope == "network" else list(surveyed.nodes)
        for name in names:
            view: View = NetworkView(surveyed) if name is None else NodeView(surveyed, name)
            results.append(judged(check, function, view, name))
    results, found = causes.diagnose(results, surveyed, TargetWords("testnet.toml", "prowl run", "--target t", {}))
    record = {"id": "r", "seed": 1, "commit": "", "target": "testnet.toml", "cluster": "", "versions": {}, "again": "a",
              "started": run.started, "seconds": 1.0}  # fmt: skip
    report = Report(record, results, causes=found)
    report.save(run.folder)
    html.write(report, run.folder)
    markdown.write(report, run.folder)
    evidence.write(report, run.folder)
    textfile.write(report, run.folder / textfile.NAME)
    demand_none("\n".join(terminal.screen(report, 100, None, [])), "the terminal")
    demand_none(repr(surveyed), "the survey in memory")
    written = [path for path in run.folder.rglob("*") if path.is_file()]
    assert len(written) >= 6
    for path in written:
        demand_none(path.read_text(encoding="utf-8"), path.name)
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert (run.folder / "survey.json").stat().st_mode & 0o777 == 0o600
    told_of = {row.item: row for row in results}
    assert told_of["backup/cron"].verdict is Verdict.BROKEN, "every six hours, but nothing is deleted"
    assert "backup-node.sh" in repr(surveyed)
    assert told_of["tuning/cache"].observed == f"cacheSize 5, backend {HIDDEN}"
    assert told_of["tuning/unsafe-switches"].observed.startswith(f"COC_DEV_RELAXED_QUORUM={HIDDEN}")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"x {TOKEN} y", f"x {HIDDEN} y"),
        (f"x {TOKEN.upper()} y", f"x {HIDDEN} y"),
        (f"a{base64.b64encode(TOKEN.encode()).decode()}b", None),
        (base64.b64encode(f"z{TOKEN}z".encode()).decode(), None),
        (base64.b64encode(f"zz{TOKEN}zz".encode()).decode(), None),
        (base64.urlsafe_b64encode(f"zzz{TOKEN}".encode()).decode(), None),
        (TOKEN.encode().hex(), HIDDEN),
        (f"x {TOKEN[:20]} y", f"x {TOKEN[:20]} y"),  # a part alone is nobody's secret: what cuts must cut behind
        ("an innocent text of a token's length", "an innocent text of a token's length"),
        (base64.b64encode(b"an innocent text").decode(), base64.b64encode(b"an innocent text").decode()),
    ],
)
def test_a_secret_is_found_however_it_is_written(text: str, left: str | None) -> None:
    remember(TOKEN)
    found = redact(text)
    assert HIDDEN in found if left is None else found == left
    assert left is not None or len(found) < len(HIDDEN) + 12, "little of it is left at the ends"


@pytest.mark.parametrize("most", [10, 45, 50, 60, 66, 200])
def test_what_is_cut_was_redacted_before(most: int) -> None:
    remember(TOKEN)
    said = printable(f"{'x' * 40} {TOKEN} {'y' * 40}", most)
    assert not any(TOKEN[:length] in said for length in range(4, len(TOKEN)))
    assert len(said) <= most


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://me:hunter22@h:1/x", f"http://{HIDDEN}@h:1/x"),
        ("redis://:hunter22@h", f"redis://{HIDDEN}@h"),
        ("x --password hunter22 y", f"x --password {HIDDEN} y"),
        ("MY_SECRET='hunter22'", f"MY_SECRET='{HIDDEN}'"),
        ("Authorization: Basic aHVudGVyMjI=", f"Authorization: Basic {HIDDEN}"),
        ("http://h:1/x@y", "http://h:1/x@y"),
        ("basic rules, bearer of it", "basic rules, bearer of it"),
        ("a tokenizer = 5 tokens", f"a tokenizer = {HIDDEN} tokens"),
        ("ops@example.com", "ops@example.com"),
        ("maxTokens: 5", "maxTokens: 5"),
    ],
)
def test_what_is_called_a_secret_is_hidden(text: str, left: str) -> None:
    assert clean(text) == left
