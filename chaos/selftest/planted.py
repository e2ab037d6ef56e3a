"""Which planted defect each scenario fails for, on which nodes, and the invariant that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prowl.chaos.engine.scenario import Scenario
from prowl.chaos.engine.stage import chance_of, stakes_of
from prowl.chaos.engine.steps import During
from prowl.chaos.scenarios import SCENARIOS
from prowl.fixtures.clusters.spec import ClusterSpec

SEED = 1
NODES = 4  # of a cluster whose scenario takes any number


@dataclass(frozen=True)
class Planted:
    """A defect on all nodes (``others``: on all that the first fault is not for), and who notices.

    ``victims``: the defect of those that the fault is for, without which they would not notice it.
    """

    defect: str
    oracle: str
    others: bool = False
    victims: str | None = None

    def spec(self, scenario: Scenario) -> ClusterSpec:
        """Return the cluster that the scenario is made from."""
        honest = scenario.shape.spec(ClusterSpec(scenario.shape.nodes or NODES))
        defects: dict[str, str | None] = dict.fromkeys(honest.names, self.defect)
        if self.others or self.victims:
            place, first = next((place, step) for place, step in enumerate(scenario.steps) if isinstance(step, During))
            victims = first.target(stakes_of(honest), chance_of(SEED, scenario.name, (place,)), honest.names[0])
            defects |= dict.fromkeys(victims, self.victims)
        return ClusterSpec(honest.count, defects={name: defect for name, defect in defects.items() if defect})


def _of(
    defect: str, oracle: str, *names: str, others: bool = False, victims: str | None = None
) -> Iterator[tuple[str, Planted]]:
    return ((name, Planted(defect, oracle, others, victims)) for name in names)


PLANTED: Mapping[str, Planted] = dict(
    (
        # Stall
        *_of("never-rejoins", "recovery", "minority-crash", "crash-in-five", "crashes-in-seven", "slow-start"),
        *_of("ignores-stake", "progress-with-quorum", "crash-of-light-ones"),
        *_of("ignores-stake", "no-progress-without-quorum", "heaviest-crash"),
        *_of("state-frozen", "signals", "quorum-loss", "minority-in-silence"),
        *_of("counts-validator-twice", "no-progress-without-quorum", "quorum-back-one-by-one", "halves-in-silence"),
        *_of("never-rejoins", "recovery", "restart-inside-a-partition"),
        *_of("never-rejoins", "progress-after-heal", "survivor-restarted", "all-crash", "three-restarted-in-turn"),
        *_of("peers-frozen", "peers", "all-but-one-crash", "one-isolated"),
        *_of("sync-flag-held", "recovery", "rolling-restart", "fault-during-a-recovery", "minority-refused"),
        *_of("tip-behind", "finality", "crash-loop", "killed-between-block-and-head"),
        *_of("no-round-change", "progress-with-quorum", "minority-pause", "proposer-crash", "successor-just-started"),
        *_of("health-lies", "signals", "third-pause"),
        *_of("rests-after-an-outage", "recovery-time", "long-outages"),
        *_of("never-rejoins", "progress-with-quorum", "redundancy-is-back"),
        *_of("two-writers", "corrupt-store", "second-process-on-a-store"),
        *_of("votes-twice", "equivocation", "second-process-with-a-key", others=True),
        # Partition
        *_of("finalizes-below-quorum", "one-chain", "halves-refused"),
        *_of("never-resends", "progress-after-heal", "ring-of-five", "bridge-of-five"),
        *_of("no-round-change", "progress-with-quorum", "one-way", "flapping"),
        *_of("never-rejoins", "recovery", "kill-inside-a-partition"),
        *_of("no-round-change", "progress-after-heal", "edges-slower-than-a-round"),
        *_of("gives-up-peers", "peers", "connections-reset"),
        *_of("pool-forgets", "state", "what-a-minority-accepted", "losing-side-is-not-forgotten"),
        # Fork choice
        *_of("sync-flag-held", "agreement", "fork-of-unequal-lengths", "fork-by-keys-on-both-sides"),
        *_of("sync-flag-held", "unharmed", "fork-of-unequal-weights"),
        *_of("finalizes-below-quorum", "agreement", "bft-never-forks"),
        # Storage
        *_of("starts-empty", "corrupt-store", "restore-latest", "chain-current-deleted", "chain-log-bit-flip"),
        *_of("starts-empty", "corrupt-store", "state-manifest-bit-flip", "state-current-zeroed"),
        *_of("starts-shorter", "corrupt-store", "chain-directory-deleted"),
        *_of("never-rejoins", "recovery", "state-log-truncated", "votes-emptied", "power-loss"),
        *_of("sync-flag-held", "recovery", "wiped-node", "two-wiped", "observer-wiped"),
        *_of("forgets-votes", "equivocation", "old-votes-restored"),
        *_of("never-rejoins", "progress-with-quorum", "all-compact-under-load"),
        *_of("no-round-change", "progress-with-quorum", "disk-full", "disk-read-only", "disk-hung"),
        # Resources and clocks
        *_of("never-rejoins", "progress-with-quorum", "out-of-memory"),
        *_of("no-round-change", "progress-with-quorum", "allocations-fail", victims="memory-leak"),
        *_of("no-round-change", "progress-with-quorum", "descriptors-run-out", victims="descriptor-leak"),
        *_of("no-round-change", "progress-with-quorum", "starved-validator", "clock-skew"),
        *_of("parent-wrong", "linkage", "clock-jump"),
        # Upgrade
        *_of("never-rejoins", "confirmation", "rolling-upgrade"),
        *_of("never-rejoins", "recovery", "one-new-among-old", "downgrade-in-the-middle", "soak-after-an-upgrade"),
        # Deceit
        *_of("votes-twice", "equivocation", "votes-twice", others=True),
        *_of("proposes-two", "equivocation", "proposes-two", others=True),
        *_of("no-round-change", "progress-with-quorum", "proposes-apart", "withholds-blocks", "lies-about-tip"),
        *_of("memory-leak", "growth", "repeats-the-past", others=True),
        *_of("sync-flag-held", "recovery", "restart-beside-a-false-tip"),
        # Load
        *_of("stops-at-rejected", "progress-with-quorum", "one-nonce-across-a-rejoin"),
        *_of("stops-at-unpayable", "progress-with-quorum", "accepted-and-never-applied"),
        *_of("bans-everybody", "peers", "flood-up-to-the-limit"),
        *_of("no-round-change", "progress-with-quorum", "observer-beside-a-crash"),
    )
)
GROWING = {"disk-growth": "growth", "descriptor-leak": "growth"}
ALL = (*PLANTED.items(), *(("repeats-the-past", Planted(*each, True)) for each in GROWING.items()))
"""Each with its scenario, and those that a scenario fails for besides."""
IN_A_SCENARIO = (
    "starts-empty", "starts-shorter", "two-writers", "forgets-votes", "memory-leak", "descriptor-leak", "disk-growth",
    "pool-forgets", "rests-after-an-outage", "parent-wrong", "stops-at-unpayable", "gives-up-peers",
    "bans-everybody",
)  # fmt: skip
"""Defects that have no other place where the invariant that they name is seen to catch them."""
CANNOT = {
    "more-liars-than-a-third": "it is to break: it fails where two liars of four break nothing, which is no defect",
    "containers-upgraded-in-turn": "a container of the next image has no defect to be planted; proof_upgrade.py",
}
MOST_THAT_CANNOT = 5
ELSEWHERE = {
    "availability": "proof_upgrade.py: a version whose RPC is silent",
    "reached": "it is never broken; test_invariants_reached.py",
}
"""Invariants that no scenario's own defect breaks, and what does."""


def scenario(name: str) -> Scenario:
    """Return a scenario by its name."""
    return next(each for each in SCENARIOS if each.name == name)
