"""The first screen of a run: the verdict, what is wrong, whose, what to do, and where the rest is.

What is said is fitted into a number of lines: each thing in the longest form for which there is room, the worst first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil

from prowl.reports.causes import Finding
from prowl.reports.findings import equal, message, not_asked_lines, on, ranked, spent, whose, without_chance
from prowl.reports.run import Report
from prowl.reports.verdicts import Result, Verdict

SCREEN, QUIET_SCREEN = 24, 10  # lines, from the verdict to the end of the output
LEAST_WIDTH = 40
HEADING = 2  # the line of the section, and the one that ends the progress
MOST_REASONS = 3  # of a no-go, besides the first: what is broken or unknown is a finding, too
FULL_SCREEN = 20  # fewer lines have no room for what does not count


def screen(report: Report, width: int, height: int | None, ends: Sequence[str]) -> list[str]:
    """Return the lines; ``height`` None stands for no limit, and then each result is shown whole.

    ``ends`` stand below in any case (empty ones are others' lines, for which room is kept).
    """
    own = [line for line in ends if line]
    head = [*gate_lines(report, height is None), _sentence(report)]
    head += [f"  {report.run['changed']}"] if report.run.get("changed") else []
    head += [f"  note: {note}" for note in report.run.get("notes", ())]
    if height is None:
        rows = [row for row in ranked(report.results) if row.counts or _is_waived(row)]
        blocks = [f"{each.verdict.upper()} {each.sentence}" for each in report.findings if each.cause]
        return [*head, *blocks, *(message(row) for row in rows), *_below(report), *own]
    width = max(width, LEAST_WIDTH)
    room = height - HEADING - _height([*head, *(line or " " for line in ends)], width)
    for form in (_whole, _short):
        blocks, left = form(report.findings), _below(report)
        if _height([*blocks, *left], width) <= room:
            return [*head, *blocks, *left, *own]
    brief = _brief(report, width)
    kept = brief if height >= FULL_SCREEN else waived(report.results)[:1]
    blocks = _as_many(report.findings, room - _height(kept, width), width)
    return [*head, *blocks, *kept, *own]


def _sentence(report: Report) -> str:
    if not report.results and not report.run.get("partial"):
        return f"Nothing was judged of {report.run.get('target', '')}."
    return report.sentence


def _height(lines: Iterable[str], width: int) -> int:
    return sum(max(1, ceil(len(part) / width)) for line in lines for part in line.split("\n"))


def _whole(findings: Iterable[Finding]) -> list[str]:
    """Return each finding with all that is said of it."""
    lines = []
    for each in findings:
        several = each.cause or len(each.rows) > 1
        lines += _lines(each) if several else [message(replace(each.rows[0], observed=each.observed))]
    return lines


def _short(findings: Iterable[Finding]) -> list[str]:
    return [line for each in findings for line in _lines(each)]


def _lines(finding: Finding) -> list[str]:
    steps = [f"next   {finding.next}"] if finding.next else []
    steps += [f"again  {finding.again}"] if finding.again else []
    return [f"{finding.verdict.upper()} {finding.sentence}", *(f"  {step}" for step in steps)]


def _as_many(findings: Sequence[Finding], room: int, width: int) -> list[str]:
    """Return the next step of the worst, a line for each as far as there is room, and then more of each."""
    if not findings:
        return []
    room -= _height(_lines(findings[0])[1:2], width)
    shown = findings if len(findings) <= room else findings[: max(room - 1, 1)]
    rest = findings[len(shown) :]
    forms = [[_clipped(_lines(each)[0], width)] for each in shown]
    left = room - len(forms) - bool(rest) + _height(_lines(findings[0])[1:2], width)
    for number, each in enumerate(shown):
        steps = _lines(each)
        for form in (steps, steps[:2], [_clipped(steps[0], 2 * width), *steps[1:2]], [*forms[number], *steps[1:2]]):
            more = _height(form, width) - 1
            if more <= left:
                forms[number] = form
                left -= more
                break
    lines = [line for form in forms for line in form]
    if rest:
        counts = {word: sum(each.verdict is word for each in rest) for word in (Verdict.BROKEN, Verdict.UNKNOWN)}
        of_them = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        lines.append(f"  and {len(rest)} more finding{'s' if len(rest) > 1 else ''} ({of_them})")
    return lines


def _clipped(line: str, most: int) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


def _is_waived(row: Result) -> bool:
    return row.waiver is not None and row.verdict is not Verdict.HELD


def _below(report: Report) -> list[str]:
    """Return what does not count: waivers, what was not asked, advice, and drift."""
    return [
        *waived(report.results),
        *(f"  not asked: {line}" for line in not_asked_lines(report.not_asked)),
        *advice(report.results),
        *drift(report.results),
        *spent(report.results),
    ]


def _brief(report: Report, width: int) -> list[str]:
    """Return the same in a line each."""
    lines = waived(report.results)
    reasons = not_asked_lines(report.not_asked)
    if reasons:
        more = f", for {len(reasons)} reasons" if len(reasons) > 1 else ""
        lines.append(_clipped(f"  not asked: {len(report.not_asked)}{more}: {reasons[0]}", width))
    tips = [row for row in report.results if row.advisory and row.waiver is None and row.verdict is not Verdict.HELD]
    if tips:
        lines.append(_clipped(f"  advice: {', '.join(dict.fromkeys(row.item for row in tips))}", width))
    moved = dict.fromkeys(row.item for row in report.results if row.drift is not None)
    if moved:
        lines.append(_clipped(f"  drift: {', '.join(moved)}: kept, but elsewhere than the manual says", width))
    return [*lines, *(_clipped(line, width) for line in spent(report.results))]


def gate_lines(report: Report, whole: bool = True) -> list[str]:
    """Return go or no-go first, then the other reasons, what was waived and what was looked at; [] without a gate."""
    decision = report.run.get("gate")
    if not decision:
        return []
    lines = [decision["sentence"]]
    others = [f"  no-go: {reason}" for reason in decision["reasons"][1:]]
    if not whole and len(others) > MOST_REASONS:
        lines += [*others[:MOST_REASONS], f"  and {len(others) - MOST_REASONS} more reasons for a no-go"]
    else:
        lines += others
    lines += [f"  waived: {row}" for row in decision["waived"]]
    return [*lines, *(f"  looked at {row}" for row in decision["looked_at"])] if whole else lines


def waived(results: Iterable[Result]) -> list[str]:
    """Return a line for each waiver that something needs."""
    groups = equal(row for row in results if _is_waived(row))
    return [_waived(rows) for rows in groups]


def _waived(rows: Sequence[Result]) -> str:
    first = rows[0]
    assert first.waiver is not None
    head = f"  waived until {first.waiver.expires}: {first.item}{whose(rows)} is {first.verdict}"
    return f"{head}: {first.observed} ({first.waiver.reason})"


def advice(results: Iterable[Result]) -> list[str]:
    """Return a line for each advisory result that is not held, with all nodes of which the same was seen."""
    rows: dict[tuple[str, Verdict, str, str], list[str]] = {}
    for result in results:
        if result.advisory and result.waiver is None and result.verdict is not Verdict.HELD and not result.cause:
            text = f"{result.observed}; expected {result.expected} ({result.manual})"
            rows.setdefault((result.item, result.verdict, without_chance(text), result.next), []).append(
                result.node or ""
            )
    return [
        f"  advice: {item} is {verdict}{on(nodes)}: {text}{f'; next: {step}' if step else ''}"
        for (item, verdict, text, step), nodes in rows.items()
    ]


def drift(results: Iterable[Result]) -> list[str]:
    """Return a section on what is kept elsewhere than the manual says: its sentence, then each node's own address."""
    sections: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.drift is not None:
            sections.setdefault((result.item, result.manual), []).append(result)
    return list(_sections(sections)) if sections else []


def _sections(sections: dict[tuple[str, str], list[Result]]) -> Iterator[str]:
    yield "drift: kept, but elsewhere than the manual says"
    for (item, sentence), rows in sections.items():
        yield f"  {item}: {sentence}"
        for row in rows:
            if row.drift is not None:
                where = f"{row.node}: " if row.node else ""
                yield f"    {where}the manual says {row.drift.manual}; the node: {row.drift.node}"
