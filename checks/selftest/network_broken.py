"""How each item is broken on the proof network, and what is then necessarily untrue besides.

The items of a host are broken on all three machines at once: on the operator's own, through ssh and through docker.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prowl.checks.selftest.network_inventory import Inventory
from prowl.checks.selftest.network_machines import PRELOADED
from prowl.checks.selftest.network_nodes import ProofNode
from prowl.checks.selftest.network_plants import (
    Plant,
    aged,
    both,
    clock_off,
    few_files,
    filled,
    mempool_full,
    newest,
    on_hosts,
    paused,
    restarted,
    stopped,
    torn_backups,
    with_earlier_run,
    with_inventory,
    with_rules,
)

HOSTS = ("node-1", "node-2", "node-3")
EVERYWHERE = (*HOSTS, "node-4")
NETWORK = (None,)


@dataclass(frozen=True)
class Row:
    """How an item is broken: on which nodes (None: it is the network's), and what is broken with it."""

    item: str
    how: str
    plant: Plant
    on: tuple[str | None, ...]
    also: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    """Nodes that are stopped for it: what can't be seen of them is unknown, and so is what takes all nodes."""
    says: str = ""
    """What the finding says, where the item is not held on this machine in any case."""

    @property
    def id(self) -> str:
        return self.item.replace("/", "-")


# -- what is done ------------------------------------------------------------------------------------------------------


def tear(node: ProofNode) -> None:
    path = newest(node)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for each in node.backups.iterdir():  # so old that none can still be being written
        aged(each, 1 if each == path else 2)


def age_all(node: ProofNode) -> None:
    for path in node.backups.iterdir():
        aged(path, 8)


def odd_name(node: ProofNode) -> None:
    (node.backups / "coc-backup-yesterday.tar.gz").write_bytes(newest(node).read_bytes())
    aged(node.backups / "coc-backup-yesterday.tar.gz", 30)


def keep_old(node: ProofNode) -> None:
    old = node.backups / "coc-backup-20200101-000000-h7.tar.gz"
    shutil.copy(newest(node), old)
    aged(old, 10 * 24)


def promise_height(node: ProofNode) -> None:
    path = newest(node)
    path.rename(path.with_name(path.name.partition("-h")[0] + "-h999999.tar.gz"))


def one_less_often(node: ProofNode) -> None:
    node.cron.write_text(node.cron.read_text().replace("0 */6", "0 */12"))


def fill_data(node: ProofNode) -> None:
    filled(node.data, 0.85)


def fill_backups(node: ProofNode) -> None:
    filled(node.backups, 1.0)


def no_swap(node: ProofNode) -> None:
    rows = node.meminfo.read_text().splitlines()
    node.meminfo.write_text("\n".join("SwapTotal: 0 kB" if row.startswith("SwapTotal") else row for row in rows) + "\n")


def configured(**values: Any) -> Callable[[ProofNode], None]:
    def change(node: ProofNode) -> None:
        node.config.write_text(json.dumps({**json.loads(node.config.read_text()), **values}))

    return change


def other_stake(node: ProofNode) -> None:
    config = json.loads(node.config.read_text())
    config["validatorStakes"][0]["stake"] = "2"
    node.config.write_text(json.dumps(config))


def another_validator(inventory: Inventory) -> None:
    inventory.nodes["node-4"]["address"] = f"0x{7:040x}"


def another_chain(inventory: Inventory) -> None:
    inventory.network["chain_id"] = 18781


def no_rules(inventory: Inventory) -> None:
    del inventory.network["alert_rules"]  # promtool does not run under another clock


def four_peers_wanted(inventory: Inventory) -> None:
    inventory.limits["peers"] = {"value": 4, "reason": "more than four validators can have"}


FREEZES = ("daily/block-height", "truth/lag", "truth/consensus", "truth/health", "truth/height")
STANDS = ("daily/block-height", "daily/consensus", "daily/peers", "recovery/health-endpoints")
PAIR = ("node-2", "node-4")
LEFT = ("node-1", "node-3")
MISCOUNT = ("truth/peers",)
SLOW_CLOCK = {"LD_PRELOAD": PRELOADED, "FAKETIME": "-10s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
OFF_SECONDS = 30
UNUSED = (
    "      - alert: Slow Blocks\n        expr: {expr}\n        for: 5m\n        labels:\n          severity: warning\n"
)
RULES = "    rules:\n"
FIRING = ("alerts/firing",)

DAILY = (
    Row("daily/block-height", "its height stands still", restarted("node-4", "height-frozen"), ("node-4",), FREEZES),
    Row("daily/consensus", "it says degraded", restarted("node-4", "state-degraded"), ("node-4",)),
    Row("daily/peers", "it counts nobody", restarted("node-4", "peers-zero"), ("node-4",), MISCOUNT),
    Row("daily/memory", "it has 2.1 GB", restarted("node-4", "memory-over"), ("node-4",)),
    Row("daily/disk", "the data's file system is 85 % full", on_hosts(fill_data, *HOSTS), HOSTS),
    Row("recovery/health-endpoints", "it answers 500", restarted("node-4", "health-down"), ("node-4",)),
)
BACKUP = (
    Row("backup/manual", "the newest is cut in half", on_hosts(tear, *HOSTS), HOSTS),
    Row("backup/name", "one has no date", on_hosts(odd_name, *HOSTS), HOSTS),
    Row("backup/every-six-hours", "the newest is 8 h old", on_hosts(age_all, *HOSTS), HOSTS),
    Row("backup/seven-days", "one is ten days old", on_hosts(keep_old, *HOSTS), HOSTS),
    Row("backup/cron", "the job runs every 12 h", on_hosts(one_less_often, *HOSTS), HOSTS),
    Row("backup/height", "its name promises block 999999", on_hosts(promise_height, *HOSTS), HOSTS),
    Row("backup/space", "the backups' file system is full", on_hosts(fill_backups, *HOSTS), HOSTS),
    Row("backup/restore", "the newest lacks blocks", torn_backups("node-1"), ("node-1",), words=("--drill",)),
)
TUNING = (
    Row("tuning/cache", "cacheSize is 1000", on_hosts(configured(storage={"cacheSize": 1000}), *HOSTS), HOSTS),
    Row("tuning/p2p", "p2pMaxPeers is 50", on_hosts(configured(p2pMaxPeers=50), *HOSTS), HOSTS),
    Row("tuning/descriptors", "it may open 1024 files", few_files(*HOSTS), HOSTS, says="may open 1,024"),
    Row("tuning/swap", "there is none", on_hosts(no_swap, *HOSTS), HOSTS),
    *(
        Row(
            "tuning/unsafe-switches",
            f"{name} has a relaxed quorum",
            restarted(name, environment={"COC_DEV_RELAXED_QUORUM": "1"}),
            (name,),
        )
        for name in HOSTS
    ),
)
ALERTS = (
    Row("alerts/node-down", "for 3m", with_rules("for: 2m", "for: 3m"), NETWORK, FIRING),
    Row("alerts/consensus-degraded", "state > 1", with_rules("state > 0", "state > 1"), NETWORK, FIRING),
    Row("alerts/high-memory", "2 GiB", with_rules("> 2e9", "> 2147483648"), NETWORK, FIRING),
    Row("alerts/no-new-blocks", "in 10m", with_rules("[5m]", "[10m]"), NETWORK, FIRING),
    Row("alerts/low-peers", "below 3", with_rules("connected < 2", "connected < 3"), NETWORK, FIRING),
    Row("alerts/firing", "one fires early", with_rules("for: 10m", "for: 9m"), NETWORK, ("alerts/high-memory",)),
    Row(
        "alerts/metrics",
        "a rule on what no node shows",
        with_rules(RULES, RULES + UNUSED.format(expr="coc_block_time_seconds > 10")),
        NETWORK,
    ),
    Row("alerts/syntax", "a bracket is open", with_rules(RULES, RULES + UNUSED.format(expr='"sum("')), NETWORK),
)
TRUTH = (
    Row("truth/height", "five blocks too many", restarted("node-4", "height-lies"), ("node-4",)),
    Row("truth/lag", "it stays behind", restarted("node-4", "height-frozen"), ("node-4",), FREEZES),
    # The last blocks are looked at, so it is looked while the first ones come; not all is well again by then.
    Row("truth/pace", "no block for 30 s", paused(*PAIR, seconds=30), NETWORK, STANDS, down=PAIR),
    Row("truth/same-chain", "other state roots", restarted("node-4", "root-wrong"), NETWORK),
    Row("truth/consensus", "0 while it stands", restarted("node-4", "height-frozen"), ("node-4",), FREEZES),
    Row("truth/health", "ok while it stands", restarted("node-4", "height-frozen"), ("node-4",), FREEZES),
    Row("truth/peers", "none of three", restarted("node-4", "peers-zero"), ("node-4",), ("daily/peers",)),
    Row("truth/topology", "four peers are wanted of four validators", with_inventory(four_peers_wanted), NETWORK),
    *(Row("truth/memory", f"{name} says 50 MB", restarted(name, "memory-lies"), (name,)) for name in HOSTS),
    Row(
        "truth/growth",
        "2.1 GB after 60 MB",
        both(restarted("node-4", "memory-over"), with_earlier_run()),
        ("node-4",),
        ("daily/memory",),
    ),
)
VALIDATORS = (
    Row("validators/set", "another is expected", with_inventory(another_validator), NETWORK, ("validators/stakes",)),
    Row("validators/stakes", "node-2 has another stake", on_hosts(other_stake, "node-2"), NETWORK),
    Row("validators/quorum", "two of four are down", stopped(*PAIR, seconds=10), NETWORK, STANDS, down=PAIR),
    Row("validators/versions", "node-4 is newer", restarted("node-4", library="next"), NETWORK),
    Row("validators/chain-id", "another is expected", with_inventory(another_chain), NETWORK),
    Row("validators/equivocations", "node-4 votes twice", restarted("node-4", "votes-twice"), HOSTS),
    Row("validators/rotation", "node-4 keeps its blocks", restarted("node-4", "withholds-blocks"), NETWORK),
    Row("validators/stamps", "the operator's clock is slow", with_inventory(no_rules, **SLOW_CLOCK), NETWORK),
    *(Row("validators/clocks", f"{name}'s is ahead", clock_off(name, OFF_SECONDS), NETWORK) for name in HOSTS[1:]),
)
STANDS_BEFORE = (*STANDS, "gate/spare-quorum", "gate/answers", "gate/head-age")
ONE_DOWN = ("node-4",)
LATE = ("--gate",)
GATE = (
    Row("gate/answers", "no quorum, no health", stopped(*PAIR, seconds=10), LEFT, STANDS_BEFORE, LATE, PAIR),
    Row("gate/spare-quorum", "one is down", stopped(*ONE_DOWN, seconds=5), NETWORK, ("daily/peers",), LATE, ONE_DOWN),
    Row("gate/tip-spread", "one is behind", restarted("node-4", "height-frozen"), NETWORK, FREEZES, LATE),
    Row("gate/head-age", "no block for 20 s", stopped(*PAIR, seconds=20), NETWORK, STANDS_BEFORE, LATE, PAIR),
    Row(
        "gate/mempool",
        "600 wait",
        mempool_full(600),
        ("node-1",),
        (*STANDS_BEFORE, "tuning/unsafe-switches"),
        LATE,
        PAIR,
    ),
)
BROKEN = (*DAILY, *BACKUP, *TUNING, *ALERTS, *TRUTH, *VALIDATORS, *GATE)
