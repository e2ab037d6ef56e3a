"""What results that are not held have in common: a node, an address, a folder, a network that stands still. Pure.

Each diagnosis is one function of what was seen; the first that explains a result has it. A result that none explains
stands for itself. A diagnosis changes no verdict.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from prowl.checks.reasons import NO_ANSWER, Diagnosis, Explains, TargetWords, names_of, of_words, without_network
from prowl.fixtures.clients import plausible
from prowl.fixtures.survey.survey import NodeSurvey, Survey
from prowl.reports.causes import Cause
from prowl.reports.verdicts import Result, Verdict

BLIND = ("no answer from", "its process is not known", "no height", "no block", "consecutive block", "only one height")
PEERS = {"daily/peers", "truth/peers"}
STALL = {"daily/block-height", "daily/consensus", "recovery/health-endpoints", "validators/quorum"}
CHAIN = {"truth/same-chain", "validators/chain-id", "validators/set", "truth/lag", "gate/tip-spread", *PEERS}
LONGEST_NUMBER = 20  # a longer one is a hash
MOST_TOLD = 4  # nodes whose addresses are told
STALL_NEXT = "Failure Recovery > Consensus Stall"
PARTITION_NEXT = "Failure Recovery > Network Partition"


def diagnose(results: Sequence[Result], survey: Survey | None, asked: TargetWords) -> tuple[list[Result], list[Cause]]:
    """Return the results with the names of their causes, and the causes from which something follows."""
    found = list(_of_survey(survey, asked)) if survey is not None else []
    found += of_words([row for row in results if not any(explains(row) for _cause, explains in found)], asked)
    names = [next((cause.name for cause, explains in found if _can(row) and explains(row)), "") for row in results]
    rows = [replace(row, cause=name) for row, name in zip(results, names, strict=True)]
    return rows, [cause for cause, _explains in found if cause.name in names]


def _can(row: Result) -> bool:
    return row.verdict is not Verdict.HELD and row.scenario is None


def _of_survey(survey: Survey, asked: TargetWords) -> Iterator[Diagnosis]:
    """Yield what the survey shows, what explains most before what explains less."""
    silent = [name for name, seen in survey.nodes.items() if _is_silent(seen)]
    stranger, odd = _other_chain(survey)
    yield from _silence(survey, silent, asked)
    yield from (row for name in survey.nodes if name not in silent for row in _addresses(survey, name, asked))
    if stranger:
        yield _stranger(stranger, odd, asked)
    elif not silent:
        yield from _apart(survey, asked)
        yield from _still(survey, asked)


# -- nodes that do not answer ----------------------------------------------------------------------------------------


def _problems(seen: NodeSurvey) -> tuple[str, str]:
    newest = seen.looks[-1] if seen.looks else None
    return (newest.height_problem, newest.page_problem) if newest is not None else ("", "")


def _is_silent(seen: NodeSurvey) -> bool:
    """Whether nothing of a node answers that was asked."""
    problems = [problem for problem in _problems(seen) if problem]
    return bool(problems) and all(NO_ANSWER.match(each) for each in problems) and not any(_answers(seen))


def _answers(seen: NodeSurvey) -> Iterator[bool]:
    newest = seen.looks[-1]
    yield newest.height is not None
    yield any(metric.value is not None for metric in newest.metrics.values())


def _silence(survey: Survey, silent: list[str], asked: TargetWords) -> Iterator[Diagnosis]:
    if not silent:
        return
    problems = {name: [problem for problem in _problems(survey.nodes[name]) if problem] for name in silent}
    every = len(silent) == len(survey.nodes)
    addresses = tuple(match[1] for rows in problems.values() for each in rows if (match := NO_ANSWER.match(each)))
    if every and (reasons := without_network([each for rows in problems.values() for each in rows])):
        observed = f"this machine reaches none of {_count(silent)}: {reasons}"
        step = "repair this machine's network (ip route; a VPN?), then run again: nothing is said about the nodes"
        yield (
            Cause("this machine has no network", observed, step, asked.again()),
            _of_silent(survey, silent, addresses, True),
        )
        return
    voters = [name for name in silent if survey.nodes[name].role == "validator"]
    lost = len(voters) * 3 >= survey.validators > 0
    where = "; ".join(f"{name}: {_refused(problems[name])}" for name in silent[:MOST_TOLD])
    where = where if len(silent) > 1 else _refused(problems[silent[0]])
    more = f"; and {len(silent) - MOST_TOLD} more" if len(silent) > MOST_TOLD else ""
    observed = f"{names_of(silent)}: nothing answers{_since(survey, silent)} ({where}{more}){_alive(survey, silent)}"
    if lost and not every:
        up = survey.validators - len(voters)
        observed += f"; {up} of {survey.validators} validators are no quorum, no block comes"
    step = f"restart {names_of(silent)} ({STALL_NEXT})"
    if every:
        step = f"check the addresses in {asked.target} and the way to them, then the nodes themselves ({STALL_NEXT})"
    cause = Cause(f"{names_of(silent)} does not answer", observed, step, asked.again(*silent), tuple(silent))
    yield cause, _of_silent(survey, silent, addresses, lost)


def _of_silent(survey: Survey, silent: Sequence[str], addresses: Sequence[str], lost: bool) -> Explains:
    """Return what follows from silent nodes: what can't be seen of them, peers elsewhere, and a stall."""
    hosts = tuple(address.removesuffix("/metrics") for address in addresses)

    def explains(row: Result) -> bool:
        if row.node in silent:
            return any(word in row.observed for word in (*BLIND, *hosts))
        if row.item in PEERS and row.verdict is Verdict.BROKEN:
            return True
        if lost and (row.item in STALL or row.item.startswith(("truth/", "gate/"))):
            return True
        named = any(_has_word(row.observed, name) for name in silent) or any(host in row.observed for host in hosts)
        everywhere = len(silent) == len(survey.nodes) and any(word in row.observed for word in BLIND)
        return row.node is None and (named or everywhere)

    return explains


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _refused(problems: Sequence[str]) -> str:
    """Return which addresses do not answer, and why, shortly."""
    by_reason: dict[str, list[str]] = {}
    for match in filter(None, map(NO_ANSWER.match, problems)):
        what = "metrics" if urlsplit(match[1]).path.endswith("/metrics") else "RPC"
        by_reason.setdefault(match[2], []).append(f"{what} {urlsplit(match[1]).netloc}")
    return "; ".join(f"{', '.join(places)} {_short(reason)}" for reason, places in by_reason.items())


def _short(reason: str) -> str:
    return "refused" if reason == "Connection refused" else f"({reason})"


def _alive(survey: Survey, silent: Sequence[str]) -> str:
    """Return what of silent nodes is seen all the same: another address that answers, a process or none."""
    groups: dict[str, list[str]] = {}
    for name in silent:
        groups.setdefault(_sign_of_life(survey.nodes[name]), []).append(name)
    several = len(silent) > 1
    return "".join(f"; {word}{f' ({names_of(names)})' if several else ''}" for word, names in groups.items() if word)


def _sign_of_life(seen: NodeSurvey) -> str:
    alive = [answer.url for answer in seen.health if answer.status is not None]
    if alive:
        return f"{', '.join(alive)} still answers"
    running = seen.host.running if seen.host is not None else None
    if running is None:
        return ""
    return (
        f"its process runs (pid {running.pid})" if running.pid and not running.problem else "no process of it is seen"
    )


def _since(survey: Survey, silent: Sequence[str]) -> str:
    looks = survey.nodes[silent[0]].looks
    bad = [look for look in looks if look.height is None and not look.metrics]
    if not bad:
        return ""
    return f" since {bad[0].clock}" + (" or earlier" if bad[0] is looks[0] else "")


def _count(names: Sequence[str]) -> str:
    return f"the {len(names)} nodes" if len(names) > 1 else f"the node {names[0]}"


# -- addresses that are not what they are taken for -------------------------------------------------------------------


def _addresses(survey: Survey, name: str, asked: TargetWords) -> Iterator[Diagnosis]:
    rpc, page = _problems(survey.nodes[name])
    if rpc:
        yield _one_address(name, "rpc", "RPC", rpc, asked)
    if page:
        yield _one_address(name, "metrics", "metrics page", page, asked)


def _one_address(name: str, key: str, what: str, problem: str, asked: TargetWords) -> Diagnosis:
    """Return a diagnosis of one address of a node whose other addresses answer, or which answers wrongly."""
    address = next(iter(re.findall(r"https?://[^\s,;]+?(?=[:,;]?(?:\s|$))", problem)), problem)
    place = urlsplit(address).netloc or address
    step = f"check {key} of {name} in {asked.target}"
    if match := NO_ANSWER.match(problem):
        observed = f"{name}: its {what} ({place}) does not answer ({match[2]}), while the rest of it does"
        bind = "COC_METRICS_PORT and COC_METRICS_BIND" if key == "metrics" else "COC_RPC_BIND"
        step += f", the node's {bind}, and the firewall between"
        label = f"{name}'s {what} does not answer"
    elif "429" in problem:
        observed = f"{name}: its {what} ({place}) refuses this machine: too many calls (HTTP 429)"
        step = f"wait a minute and run again; let nothing else on this machine ask {name}, or raise its limit"
        label = f"{name} limits this machine's calls"
    else:
        service = _service(problem)
        observed = f"{name}: its {what} address in {asked.target} ({place}) answers as something else: {service}"
        step += " (COC: RPC 18780, WebSocket 18781, P2P 19780, metrics 9100)"
        label = f"{name}'s {what} address is something else's"
    base = address.removesuffix("/metrics")

    def explains(row: Result) -> bool:
        about = row.node == name or (row.node is None and _has_word(row.observed, name))
        unseen = row.node == name and row.verdict is Verdict.UNKNOWN and "its process is not known" in row.observed
        return (about and (base in row.observed or problem[:60] in row.observed)) or unseen

    return Cause(label, observed, step, asked.again(name), (name,)), explains


def _service(problem: str) -> str:
    """Return what an answer looks like."""
    for sign, word in (
        ("426", "a WebSocket port (HTTP 426)"),
        ("auth envelope", "a P2P port, which asks for a signed envelope"),
        ("405", "no POST is taken there (HTTP 405)"),
        ("401", "it asks for a token (HTTP 401): say rpc_token_env or rpc_token_file"),
        ("403", "it asks for a token (HTTP 403): say rpc_token_env or rpc_token_file"),
    ):
        if sign in problem:
            return word
    return problem.partition(" answered ")[2][:120] or problem[:120]


# -- networks that do not hold together -------------------------------------------------------------------------------


def _other_chain(survey: Survey) -> tuple[str, str]:
    """Return the node that is on another chain than the others, and how that is seen; ("", "") if none is."""
    answers = {name: seen.answers.get("eth_chainId") for name, seen in survey.nodes.items()}
    ids = {name: str(answer.result) for name, answer in answers.items() if answer is not None and answer.result}
    hashes = {
        name: seen.blocks[survey.common_height].hash
        for name, seen in survey.nodes.items()
        if survey.common_height is not None and survey.common_height in seen.blocks
    }
    for values, what in ((ids, "chain id"), (hashes, f"block {survey.common_height}")):
        counted = Counter(values.values()).most_common()
        odd = [name for name, value in values.items() if value != counted[0][0]]
        if len(odd) == 1 and len(values) > 2:
            figures = {value: _figure(value) for value in (values[odd[0]], counted[0][0])}
            return odd[0], f"its {what} is {figures[values[odd[0]]]}, the others' {figures[counted[0][0]]}"
    return "", ""


def _figure(value: str) -> str:
    number = plausible.quantity(value) if len(value) < LONGEST_NUMBER else None
    return str(number) if number is not None else f"{value[:10]}.."


def _stranger(name: str, why: str, asked: TargetWords) -> Diagnosis:
    observed = f"{name} is on another chain: {why}"
    step = (
        f"compare chainId, validators and prefund of {name}'s configuration with the others', and its addresses in "
        f"{asked.target}; a wrong store is restored ({PARTITION_NEXT})"
    )

    def explains(row: Result) -> bool:
        if row.node == name:
            return not row.item.startswith(("tuning/", "backup/")) or row.item == "backup/height"
        return row.node is None and (row.item in CHAIN or _has_word(row.observed, name))

    return Cause(f"{name} is on another chain", observed, step, asked.again(name), (name,)), explains


def _peers(survey: Survey) -> dict[str, int]:
    found = {}
    for name, seen in survey.nodes.items():
        value = seen.looks[-1].metric("coc_peers_connected").value if seen.looks else None
        if value is not None:
            found[name] = int(value)
    return found


def _apart(survey: Survey, asked: TargetWords) -> Iterator[Diagnosis]:
    """Yield that a node is cut off, or that the network is split, where all answer and too few peers are counted."""
    peers, others = _peers(survey), survey.validators - 1
    few = {name: count for name, count in peers.items() if count < others}
    if not few or others < 1:
        return
    least = min(few.values())
    lonely = [name for name, count in few.items() if count == least]
    stands = _stands(survey)
    if len(lonely) <= len(survey.nodes) // 3 or (least == 0 and len(lonely) < len(survey.nodes) / 2):
        nodes = tuple(lonely)
        observed = f"{names_of(nodes)} counts {least} of {others} peers, while every node answers here"
        label = f"{names_of(nodes)} is cut off from its peers"
        step = (
            f"{PARTITION_NEXT}: let {names_of(nodes)} and its peers reach each other (P2P port, firewall); look for "
            '"peer temporarily banned" (HTTP 429) in the logs, a ban ends after 30 min'
        )
    else:
        nodes = tuple(few)
        observed = f"the network is split: {names_of(nodes)} count {_span(few.values())} of {others} peers each"
        observed += f", while every node answers here{stands}"
        label = "the network is split"
        step = f"{PARTITION_NEXT}: compare heights across nodes, ensure connectivity between all nodes (P2P ports)"

    def explains(row: Result) -> bool:
        if row.item in PEERS or row.item == "validators/rotation":
            return True
        follows = row.item in STALL or row.item.startswith(("truth/", "gate/"))
        return follows and row.verdict is Verdict.BROKEN and (bool(stands) or row.node in nodes)

    yield Cause(label, observed, step, asked.again(*nodes), nodes), explains


def _span(counts: Iterable[int]) -> str:
    numbers = sorted(counts)
    return f"{numbers[0]}" if numbers[0] == numbers[-1] else f"{numbers[0]} to {numbers[-1]}"


def _stands(survey: Survey) -> str:
    """Return since when and where the chain stands still on every node, or nothing."""
    first = []
    for seen in survey.nodes.values():
        shown = [look for look in seen.looks if look.height is not None]
        if len(shown) < 2 or shown[0].height != shown[-1].height:
            return ""
        if shown[-1].at - shown[0].at < survey.declared.pause_seconds:
            return ""
        first.append(shown[0])
    if not first:
        return ""
    oldest = min(first, key=lambda look: look.at)
    return f"; no block since {oldest.clock} or earlier, at {_span(look.height or 0 for look in first)}"


def _still(survey: Survey, asked: TargetWords) -> Iterator[Diagnosis]:
    stands = _stands(survey)
    if not stands:
        return
    observed = f"the network stands still{stands}, though every node answers and counts its peers"
    step = f"{STALL_NEXT}: look for the validators that do not vote (validators/rotation), restart the affected nodes"

    def explains(row: Result) -> bool:
        return row.item in STALL or row.item.startswith("truth/") or row.item == "validators/rotation"

    yield Cause("the network stands still", observed, step, asked.again()), explains
