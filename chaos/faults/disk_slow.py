"""disk.slow: the node's disk does only so many writes a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import BaseFault, Number, all_hold, with_params
from chaos.model import HealRank, Proof, Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

WRITES = Number("writes", 20, 2, 200)
_TRIAL = "/var/tmp/halab-trial"
_LEAST = 0.5  # s; as many flushed writes as the limit takes a second need one or more, a first burst is free
_SLOWER = 2  # times as long as without the limit


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

    def relapses(self, target: Target) -> bool:
        return True

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Time the same writes without the limit; refuse a disk that is as slow as that already."""
        writes = WRITES.of(target.params)
        before = {node: _seconds(lab, node, writes) for node in target.nodes}
        for node, took in before.items():
            if took * _SLOWER > 1:  # s; what as many writes as the limit allows in a second take with it
                raise RefusedError(f"the disk of {node} takes {took:.2f} s for {writes} flushed writes already",
                                   where="params.writes", remedy=f"a limit well below {writes / took:.0f} a second")
        return with_params(target, before=before)

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.disks.throttle(node, WRITES.of(target.params))

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._slow(lab, node, target) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.disks.throttle(node, 0)

    def healed(self, lab: Lab, target: Target) -> Proof:
        limits = {node: lab.driver.disks.throttled(node) for node in target.nodes}
        return all_hold([Proof(not limit, f"{node}: {f'{limit} writes a second' if limit else 'no limit'}")
                         for node, limit in limits.items()])

    @staticmethod
    def _slow(lab: Lab, node: str, target: Target) -> Proof:
        """The limit is set, and writes that are flushed one by one take as long as it says, and longer than before."""
        writes, before = WRITES.of(target.params), float(target.params.get("before", {}).get(node, 0))
        if (limit := lab.driver.disks.throttled(node)) != writes:
            return Proof(False, f"{node}: its limit is {limit or 'none'}")
        took = _seconds(lab, node, writes)
        return Proof(took >= max(_LEAST, _SLOWER * before), f"{node}: {writes} flushed writes, {writes} a second at "
                     f"most, took {took:.2f} s, {before:.2f} s without the limit")


def _seconds(lab: Lab, node: str, writes: int) -> float:
    """How long so many flushed writes take, one after the other."""
    # Timed on the node: a login to a slow machine takes as long as what is to be seen.
    said = lab.shell.run(node, f"begun=$(date +%s%3N); dd if=/dev/zero of={_TRIAL} bs=4k count={writes} "
                               f"oflag=dsync 2>/dev/null; echo $(( $(date +%s%3N) - begun )); rm -f {_TRIAL}",
                         timeout=120).stdout.strip()
    return int(said or 0) / 1000


FAULT = DiskSlow()
