"""disk.slow: the node's disk does only so many writes a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import BaseFault, Number, all_hold
from chaos.model import HealRank, Proof, Target

if TYPE_CHECKING:
    from lab.lab import Lab

WRITES = Number("writes", 20, 2, 200)
_TRIAL = "/var/tmp/halab-trial"
_LEAST = 0.5  # s; as many flushed writes as the limit takes a second need one or more, a first burst is free


class DiskSlow(BaseFault):
    """``writes`` (default 20) a second, for all of the node: a commit is several of them, one after the other.

    Set from the host, so that it also holds for a node whose own processes wait.
    """

    name = "disk.slow"
    summary = "let the node's disk do only so many writes a second"
    needs = frozenset({"shell", "slow_disk"})
    rank = HealRank.NETWORK  # a node that has to boot needs its disk
    wants_fencing = False
    bounds = "undecided"
    numbers = (WRITES,)
    parameters = frozenset({WRITES.name})

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """What writes too slowly may fail to stop in time."""
        return target.nodes

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.disks.throttle(node, WRITES.of(target.params))

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._slow(lab, node, WRITES.of(target.params)) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.disks.throttle(node, 0)

    def healed(self, lab: Lab, target: Target) -> Proof:
        limits = {node: lab.driver.disks.throttled(node) for node in target.nodes}
        return all_hold([Proof(not limit, f"{node}: {f'{limit} writes a second' if limit else 'no limit'}")
                         for node, limit in limits.items()])

    @staticmethod
    def _slow(lab: Lab, node: str, writes: int) -> Proof:
        """The limit is set, and writes that are flushed one by one take as long as it says."""
        if (limit := lab.driver.disks.throttled(node)) != writes:
            return Proof(False, f"{node}: its limit is {limit or 'none'}")
        # Timed on the node: a login to a slow machine takes as long as what is to be seen.
        said = lab.shell.run(node, f"begun=$(date +%s%3N); dd if=/dev/zero of={_TRIAL} bs=4k count={writes} "
                                   f"oflag=dsync 2>/dev/null; echo $(( $(date +%s%3N) - begun )); rm -f {_TRIAL}",
                             timeout=120).stdout.strip()
        took = int(said or 0) / 1000
        return Proof(took >= _LEAST, f"{node}: {writes} flushed writes, {writes} a second at most, took {took:.2f} s")


FAULT = DiskSlow()
