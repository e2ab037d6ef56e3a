"""The stakes by which a target in words is resolved: those that the network itself reports."""

from __future__ import annotations

from prowl.chaos.engine.probes import ask
from prowl.fixtures.network import Network


def reported(network: Network) -> dict[str, int]:
    """Return each node's stake, by name, as the nodes' ``coc_getValidators`` tells it; 0 for one that is no validator.

    A node may list its validators without stakes (COC does, unless they are governed on its chain): then it is the
    stakes that the run has configured. ValueError, with a sentence, where nodes report different ones.
    """
    configured = {node.name: 1 if node.stake is None else node.stake for node in network.nodes}
    answers: dict[str, dict[str, int | None]] = {}
    for node in network.nodes:
        rows = _rows(ask(node.rpc, "coc_getValidators"))
        if rows:
            answers[node.name] = rows
    if not answers:
        return configured
    first = next(iter(answers))
    others = [name for name, rows in answers.items() if rows != answers[first]]
    if others:
        raise ValueError(f"{', '.join(others)} and {first} report different validators or stakes: who is to be broken?")
    found = {}
    for node in network.nodes:
        stake = answers[first].get((node.address or "").lower(), 0)
        found[node.name] = configured[node.name] if stake is None else stake
    return found


def _rows(answer: object) -> dict[str, int | None]:
    """Return the stake of each active validator by its address; None for one that comes without."""
    rows = answer if isinstance(answer, list) else []
    return {
        str(row.get("address")).lower(): _number(row.get("stake"))
        for row in rows
        if isinstance(row, dict) and row.get("active", True) is True
    }


def _number(answer: object) -> int | None:
    try:
        return int(answer, 0) if isinstance(answer, str) else answer if isinstance(answer, int) else None
    except ValueError:
        return None
