"""A gate's own cluster has the shape of the network that it decides about: validators, stakes, configuration keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from prowl.fixtures.clusters.spec import STAKE, ClusterSpec, Timeouts
from prowl.fixtures.network import Network
from prowl.fixtures.survey.survey import Survey
from prowl.reports.redaction import HIDDEN

# What a node's configuration says of how it works. Who it is, and where, is the cluster's own.
KEYS = (
    "finalityDepth",
    "minGasPriceWei",
    "maxTxPerBlock",
    "enableBft",
    "enableSnapSync",
    "snapSyncThreshold",
    "nonceRetentionDays",
    "p2pMaxPeers",
    "p2pRateLimitWindowMs",
    "p2pRateLimitMaxRequests",
    "p2pInboundAuthMode",
    "signatureEnforcement",
)
STORAGE_KEYS = ("backend", "cacheSize", "enablePruning", "nonceRetentionDays")
TIMES = ("blockTimeMs", "bftPrepareTimeoutMs", "bftCommitTimeoutMs")


def like(base: ClusterSpec, network: Network | None, survey: Survey) -> tuple[ClusterSpec, str]:
    """Return the spec of a cluster like a target, and what was taken over, in words.

    Keys are those of the first node whose configuration could be read. Its times count for installed nodes; reference
    nodes keep the scenario's, which are shorter.
    """
    spec, parts = base, [f"{base.count} validators"]
    stakes = [each.stake for each in network.validators] if network is not None else []
    if len(stakes) == base.count and any(stake is not None for stake in stakes):
        spec = replace(spec, stakes={name: stake or STAKE for name, stake in zip(spec.names, stakes, strict=True)})
        parts.append("the inventory's stakes" if len(set(stakes)) > 1 else "equal stakes")
    source, values = _configuration(survey)
    settings = _settings(values)
    times = [values.get(key) for key in TIMES]
    if spec.node_home is not None and all(isinstance(each, int) and each > 0 for each in times):
        spec = _timed(spec, *(int(str(each)) for each in times))
        settings |= (
            {"syncIntervalMs": values["syncIntervalMs"]} if isinstance(values.get("syncIntervalMs"), int) else {}
        )
        parts.append("its times")
    parts.append(
        f"{len(settings)} configuration keys of {source}" if source else "no configuration of it could be read"
    )
    return replace(spec, settings={**spec.settings, **settings}), ", ".join(parts)


def _configuration(survey: Survey) -> tuple[str, Mapping[str, Any]]:
    for name, node in survey.nodes.items():
        config = node.host.config if node.host is not None else None
        if config is not None and config.values and not config.problem:
            return name, config.values
    return "", {}


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: values[key] for key in KEYS if key in values and values[key] != HIDDEN}
    storage = values.get("storage")
    if isinstance(storage, dict):
        found["storage"] = {key: storage[key] for key in STORAGE_KEYS if key in storage}
    return found


def _timed(spec: ClusterSpec, block_ms: int, prepare_ms: int, commit_ms: int) -> ClusterSpec:
    """Return an installed node's cluster with other times; those that it documents follow from the round's."""
    documented = spec.of_a_node
    longer = (prepare_ms + commit_ms) / 1000 - documented.round_seconds
    timeouts: Timeouts = replace(
        documented,
        round_seconds=documented.round_seconds + longer,
        heal_seconds=documented.heal_seconds + max(0.0, longer),
    )
    return replace(spec, block_ms=block_ms, prepare_ms=prepare_ms, commit_ms=commit_ms, timeouts=timeouts)
