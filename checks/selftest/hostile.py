"""Nodes that answer badly, and some that answer well in an unusual way; generated, and served by one process.

A hostile node spoils every answer, each in a way drawn for its kind; no check may hold of it. An unusual one answers as
it should, in another order, another frame, other words; the checks must hold.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from prowl.fixtures.network import Node
from prowl.fixtures.selftest import raw
from prowl.fixtures.selftest.raw import Handler, RawServer, bytes_of, http
from prowl.fixtures.selftest.stub import ADDRESSES, ANSWERS, StubNode

VALUES = {
    "coc_block_height": 100, "coc_consensus_state": 0, "coc_peers_connected": 3, "coc_process_memory_bytes": 200000000,
    "coc_bft_equivocations_total": 0, "coc_tx_pool_pending": 0, "coc_uptime_seconds": 53,
}  # fmt: skip

# -- what spoils a whole answer ----------------------------------------------------------------------------------------

WHOLE: Mapping[str, Callable[[bytes, float], Handler]] = {
    "closed": lambda _body, _part: bytes_of(b""),
    "reset": lambda _body, _part: raw.reset,
    "silent": lambda _body, _part: raw.nothing,
    "dripping": lambda _body, _part: raw.drip,
    "endless": lambda _body, _part: raw.endless,
    "not http": lambda body, _part: bytes_of(body),
    "torn": lambda body, part: bytes_of(_torn(http(body), part)),
    "torn chunk": lambda body, part: bytes_of(_torn(_chunked(body, 7), part)),
    "longer than it is": lambda body, _part: bytes_of(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + body),
    "two lengths": lambda body, _part: bytes_of(http(body, "200 OK", "Content-Length: 3")),
    "a flood of headers": lambda body, _part: bytes_of(http(body, "200 OK", *["x: " + "y" * 60_000] * 40)),
    "redirected": lambda body, _part: bytes_of(http(body, "307 Temporary Redirect", "Location: http://127.0.0.1:1/")),
    "compressed": lambda body, _part: bytes_of(http(body, "200 OK", "Content-Encoding: br")),
    "refused": lambda body, part: bytes_of(http(body, ("403 No", "429 Slow", "500 Oh", "503 Busy")[int(part * 4)])),
    "html": lambda _body, _part: bytes_of(http(b"<!doctype html><html><body>ok 0 coc_peers_connected 3</body></html>")),
    "empty": lambda _body, _part: bytes_of(http(b"")),
    "blank": lambda _body, _part: bytes_of(http(b" \r\n\t\n" * 1000)),
    "zeros": lambda body, _part: bytes_of(http(b"\0" * len(body))),
    "noise": lambda body, part: bytes_of(http(_noise(body, part))),
    "utf-16": lambda body, _part: bytes_of(http(body.decode().encode("utf-16"))),
    "deep": lambda _body, part: bytes_of(http(b"[" * int(1000 + part * 200_000))),
}
SLOW = {"silent", "dripping", "endless", "a flood of headers"}  # each costs all the time or bytes that an answer may


def _torn(answer: bytes, part: float) -> bytes:
    return answer[: int(part * (len(answer) - 1))]


def _noise(body: bytes, part: float) -> bytes:
    return bytes((byte * 7 + int(part * 251) + at) % 128 + 128 for at, byte in enumerate(body))


def _chunked(body: bytes, size: int) -> bytes:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    output = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + output + b"0\r\n\r\n"


# -- what spoils the body of one kind of answer ------------------------------------------------------------------------

RESULTS: Sequence[Any] = (
    None, True, False, 0, -1, 5, 1.5, "", "5", "0x", "0x ", "0xzz", "-0x1", "0x-1", "0x1_0", "0x\uff15", "0X5", [], {},
    ["0x5"], {"number": "0x5"}, "0x" + "f" * 40, "0x" + "9" * 5000, "\ud800", "0x5\n", 10**30, "\x1b[2J\x07",
)  # fmt: skip
RPC: Mapping[str, Callable[[Any, float], bytes]] = {
    "another result": lambda row, part: _json({**row, "result": RESULTS[int(part * len(RESULTS))]}),
    "no result": lambda row, _part: _json({"jsonrpc": "2.0", "id": row["id"]}),
    "an error": lambda row, _part: _json({"id": row["id"], "error": {"code": -32005, "message": "limit"}}),
    "an error beside it": lambda row, _part: _json({**row, "error": "\x1b[31mred\x07"}),
    "another id": lambda row, _part: _json({**row, "id": "someone else's"}),
    "not a number": lambda row, _part: b'{"id":%d,"result":NaN}' % row["id"],
    "twice": lambda row, _part: b'{"id":%d,"result":"0x5","result":"0x6"}' % row["id"],
    "a list of it": lambda row, _part: _json([[row]]),
    "a text": lambda row, _part: _json(json.dumps(row)),
    "digits without end": lambda row, _part: b'{"id":%d,"result":%s}' % (row["id"], b"9" * 50_000),
}
PAGE_VALUES = (
    "1e300",
    "-7",
    "NaN",
    "+Inf",
    "-Inf",
    "",
    "three",
    "0x3",
    "1_0",
    "1e999",
    "\u0663",
    "--1",
    "1 2 3",
    "{",
    '"3"',
    "nil",
)
PAGE: Mapping[str, Callable[[dict[str, int], float], bytes]] = {
    "other values": lambda rows, part: _page({name: PAGE_VALUES[int(part * len(PAGE_VALUES))] for name in rows}),
    "twice": lambda rows, _part: _page(rows) * 2,
    "twice with labels": lambda rows, _part: _page(rows) + _page({f'{name}{{a="b"}}': rows[name] for name in rows}),
    "other names": lambda rows, _part: _page({name.upper(): rows[name] for name in rows}),
    "longer names": lambda rows, _part: _page({f"{name}_x": rows[name] for name in rows}),
    "in comments": lambda rows, _part: b"".join(b"# " + line for line in _page(rows).splitlines(keepends=True)),
    "labels without end": lambda rows, _part: _page({f'{name}{{a="b"': rows[name] for name in rows}),
    "blanks without end": lambda rows, _part: _page({name + " " * 200_000 + "x y": 1 for name in rows}),
    "in one line": lambda rows, _part: _page(rows).replace(b"\n", b" "),
    "a json": lambda rows, _part: _json(rows),
}
HEALTH: Mapping[str, bytes] = {
    "says no": b'{"ok":false}', "says maybe": b'{"ok":"true"}', "says nothing": b"{}", "a list": b'["ok"]',
    "a sentence": b"ok, but not really", "a number": b"1",
}  # fmt: skip


def _json(row: Any) -> bytes:
    return json.dumps(row).encode()


def _page(rows: Mapping[str, Any]) -> bytes:
    return "".join(f"{name} {value}\n" for name, value in rows.items()).encode()


@dataclass(frozen=True)
class Spoil:
    """One way to spoil an answer; ``part`` chooses within it."""

    kind: str
    part: float


@dataclass(frozen=True)
class Case:
    """A node: how it spoils RPC, page and health, or (``unusual``) in what other way it answers well."""

    rpc: Spoil
    page: Spoil
    health: Spoil
    unusual: int | None = None


def spoils(own: Mapping[str, object], slow: bool) -> st.SearchStrategy[Spoil]:
    """Return the ways to spoil an answer: those of every answer, those of its own kind, and perhaps the slow ones."""
    kinds = sorted((set(WHOLE) - SLOW) | set(own)) + (sorted(SLOW) if slow else [])
    return st.builds(Spoil, st.sampled_from(kinds), st.floats(0, 1, exclude_max=True))


HOSTILE, SLOWLY = (
    st.builds(Case, spoils(RPC, slow), spoils(PAGE, slow), spoils(HEALTH, slow)) for slow in (False, True)
)
UNUSUAL = st.builds(
    Case, st.just(Spoil("", 0)), st.just(Spoil("", 0)), st.just(Spoil("", 0)), st.integers(0, 2**32 - 1)
)


# -- the nodes ---------------------------------------------------------------------------------------------------------


@dataclass
class Nodes:
    """All cases of one round, each at an address of its own; ``server`` answers for all of them."""

    cases: Sequence[Case]
    height: int = 100
    _at: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._at = {_address(number): number for number in range(len(self.cases))}
        self.server = RawServer(self._answer, address="0.0.0.0")

    def nodes(self) -> tuple[Node, ...]:
        """Return them as an inventory would."""
        return tuple(
            Node(
                f"node-{number}",
                "validator",
                (base := f"http://{_address(number)}:{self.server.port}"),
                f"{base}/metrics",
                base,
                address=ADDRESSES[number % len(ADDRESSES)],
            )
            for number in range(len(self.cases))
        )

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        case = self.cases[self._at[writer.get_extra_info("sockname")[0]]]
        await self._handler(case, request)(request, writer)

    def _handler(self, case: Case, request: bytes) -> Handler:
        if request.startswith(b"POST"):
            asked = json.loads(request.split(b"\r\n\r\n", 1)[1])
            return self._rpc(case, asked)
        if request.startswith(b"GET /metrics "):
            return self._page(case)
        return self._health(case)

    def _rpc(self, case: Case, asked: Any) -> Handler:
        rows = [self._row(row) for row in (asked if isinstance(asked, list) else [asked])]
        if case.unusual is not None:
            return unusual_json(rows if isinstance(asked, list) else rows[0], case.unusual)
        whole = _json(rows if isinstance(asked, list) else rows[0])
        if case.rpc.kind in WHOLE:
            return WHOLE[case.rpc.kind](whole, case.rpc.part)
        spoilt = [RPC[case.rpc.kind](row, case.rpc.part) for row in rows]
        return bytes_of(http(b"[" + b",".join(spoilt) + b"]" if isinstance(asked, list) else spoilt[0]))

    def _row(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.height += 1
        result: Any = ANSWERS.get(asked["method"])
        if asked["method"] == "eth_blockNumber":
            result = hex(self.height)
        elif asked["method"] == "eth_getBlockByNumber":
            number = asked["params"][0]
            result = StubNode.block(self.height if number == "latest" else int(number, 16))
        return {"jsonrpc": "2.0", "id": asked["id"], "result": result}

    def _page(self, case: Case) -> Handler:
        rows = {**VALUES, "coc_block_height": self.height}
        if case.unusual is not None:
            return unusual_page(rows, case.unusual)
        if case.page.kind in WHOLE:
            return WHOLE[case.page.kind](_page(rows), case.page.part)
        return bytes_of(http(PAGE[case.page.kind](rows, case.page.part)))

    def _health(self, case: Case) -> Handler:
        well = b'{"ok":true}'
        if case.unusual is not None:
            return bytes_of(http((b"ok", b"OK\n", b' {"ts":1,\n"ok":true} ', b'{"status":"up"}')[case.unusual % 4]))
        if case.health.kind in WHOLE:
            return WHOLE[case.health.kind](well, case.health.part)
        return bytes_of(http(HEALTH[case.health.kind]))


def _address(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


# -- well, but unusual -------------------------------------------------------------------------------------------------


def unusual_frame(body: bytes, how: int) -> bytes:
    """Return a body in one of the frames that HTTP allows."""
    frames = (
        lambda: http(body),
        lambda: _chunked(body, 1 + how % 97),
        lambda: b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + body,
        lambda: b"HTTP/1.1 200 \r\ncOnTeNt-LeNgTh:%d\r\nX-A: 1\r\nX-A: 2\r\n\r\n" % len(body) + body,
    )
    return frames[how % len(frames)]()


def unusual_json(answer: Any, how: int) -> Handler:
    """Answer JSON that means the same: other order, blanks, further keys, capital digits."""
    rows = answer if isinstance(answer, list) else [answer]
    lines = []
    for row in rows:
        result = (
            row["result"].upper().replace("0X", "0x") if isinstance(row["result"], str) and how % 2 else row["result"]
        )
        found = {"extra": [None, {"deep": 1e300}], "result": result, "id": row["id"], "error": None}
        lines.append(dict(reversed(found.items())) if how % 3 else found)
    if how % 5 < 3:
        lines.reverse()
    text = json.dumps(
        lines if isinstance(answer, list) else lines[0], indent=how % 4 or None, ensure_ascii=how % 2 == 0
    )
    return bytes_of(unusual_frame(f"\r\n {text}\t\n".encode(), how // 7))


def unusual_page(rows: Mapping[str, int], how: int) -> Handler:
    """Answer a page that means the same: another order, exponents, comments, labels, time stamps, more series."""
    lines = [f'coc_more_{number}{{a="}} {{ # \\\\"}} {number}e-3' for number in range(how % 400)]
    for at, (name, value) in enumerate(rows.items()):
        turn = (how >> at) % 6
        number = (f"{value}", f"{value:e}", f"+{value}", f"{value}.000", f"{float(value)!r}", f"{value}E0")[turn]
        labels = ("", '{node="a b",x="}"}', "{}", "", " ", "")[turn]
        stamp = ("", " 1795456697891", "", " -1", "", "")[(turn + at) % 6]
        lines += [
            f"# HELP {name} {name} 7",
            f"# TYPE {name} gauge",
            f"{' ' * (turn % 3)}{name}{labels}\t{number}{stamp} ",
        ]
    at = how % len(lines)
    end = "\r\n" if how % 2 else "\n"
    return bytes_of(unusual_frame((end.join([*lines[at:], "", *lines[:at]]) + end).encode(), how // 11))
