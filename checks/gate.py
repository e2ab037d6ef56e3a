"""What is looked at before an upgrade, in the order in which a no-go is told."""

from __future__ import annotations

GATE_ONLY = "gate/"

UPGRADE = ("upgrade/rolling",)  # asked too where the gate tries the upgrade in a cluster of its own

ORDER: tuple[str, ...] = (
    "gate/answers",
    "gate/spare-quorum",
    "gate/tip-spread",
    "gate/head-age",
    "daily/block-height",
    "truth/same-chain",
    "daily/consensus",
    "truth/consensus",
    "daily/peers",
    "validators/equivocations",
    "gate/mempool",
    "backup/every-six-hours",
    "backup/manual",
    "daily/memory",
    "daily/disk",
    "tuning/unsafe-switches",
)
