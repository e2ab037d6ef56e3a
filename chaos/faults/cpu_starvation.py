"""A node that gets next to no time on the processors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from prowl.chaos.engine.fault import Scene
from prowl.chaos.engine.probes import back_trouble
from prowl.chaos.faults.tools.cgroups import Group
from prowl.fixtures.clusters.protocol import HasProcesses, processes
from prowl.fixtures.clusters.spec import ClusterSpec
from prowl.fixtures.machine import no_cgroup
from prowl.reports.events import Effects, Heal

PERIOD_US = 100_000
LEAST_US = 1_000  # the kernel takes no quota below it


@dataclass(frozen=True)
class CpuStarvation:
    """Lets each node run for ``percent`` of one processor's time, by a cgroup's quota; the heal lets it free."""

    percent: float = 2.0
    limit_seconds: float = 60.0
    needs: ClassVar[tuple[type, ...]] = (HasProcesses,)

    def unavailable(self, spec: ClusterSpec) -> str | None:  # noqa: ARG002 - any process can be in a group
        """Return why the machine can't hold a process back (a duty cycle of pauses, ``Repeated(Pause())``, it can)."""
        if not 1.0 <= self.percent < 100.0:
            return f"a share of {self.percent:g} % is none that the kernel can hold a node to; 1 to below 100 are"
        return no_cgroup("cpu")

    def effects(self, scene: Scene) -> Effects:
        """Return that the nodes are hindered: how far they still take part is to be seen."""
        named = " ".join(scene.nodes)
        words = f"starvation of {named} : {self.percent:g} % of a processor"
        return Effects("starvation", words, slow=scene.nodes, heal=Heal(f"no more starvation of {named}"))

    def inject(self, scene: Scene) -> None:
        """Make a group for each, set its quota and move the process in."""
        for name in scene.nodes:
            group = Group.of(scene, name, "cpu")
            group.make(scene)
            quota = max(LEAST_US, int(PERIOD_US * self.percent / 100))
            if group.place.version == 1:
                (group.path / "cpu.cfs_period_us").write_text(str(PERIOD_US), encoding="ascii")
                (group.path / "cpu.cfs_quota_us").write_text(str(quota), encoding="ascii")
            else:
                (group.path / "cpu.max").write_text(f"{quota} {PERIOD_US}", encoding="ascii")
            group.take(processes(scene.cluster).process(name).pid)

    def effect_trouble(self, scene: Scene) -> str:
        """Proven by the kernel: the process is in the group, and the group was held back again and again."""
        for name in scene.nodes:
            group = Group.of(scene, name, "cpu")
            if not group.holds(processes(scene.cluster).process(name).pid):
                return f"the process of {name} is in no group with a quota"
            throttled = group.count("cpu.stat", "cpu.stat", "nr_throttled")
            if throttled < 2:
                return f"{name} was held back in {throttled} periods"
        return ""

    def heal(self, scene: Scene) -> None:
        """Let them free, and start what did not survive it."""
        for name in scene.nodes:
            Group.of(scene, name, "cpu").remove(scene)
        scene.start()

    def heal_trouble(self, scene: Scene) -> str:
        """Proven by the groups being gone and by the nodes being level with the others."""
        here = [name for name in scene.nodes if Group.of(scene, name, "cpu").path.exists()]
        return f"the group of {', '.join(here)} is there" if here else back_trouble(scene)
