"""How far the cluster has come since the fault, seen from the host while the run goes on.

The report computes the phases again from the recording; here they only end a ``wait`` step,
so each is read from what is cheap to look at and does not disturb the nodes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from chaos import nodelog
from chaos.fencelog import fence_requests
from chaos.model import Proof
from chaos.selectors.galera_donor import donors
from chaos.selectors.vip_holder import VipHolder
from daemons import corosync, galera
from lab import gates, interrupt
from lab.errors import HalabError
from lab.node import clock
from lab.state.events import Event, read_events

if TYPE_CHECKING:
    from chaos.scenario import Phase
    from lab.lab import Lab

_EVERY = 0.25  # s


def await_phase(lab: Lab, phase: Phase, nodes: tuple[str, ...], since: float, within: float) -> Proof:
    """Wait until ``phase`` is reached for all ``nodes``, counting events from ``since`` (epoch) on.

    A phase that does not come is no error of the tool: the proof says so and the checks judge.
    """
    look = _LOOKS[phase]
    end = time.monotonic() + within
    while True:
        if look(lab, nodes, since):
            return Proof(True, f"{phase} after {time.time() - since:.1f} s")
        if time.monotonic() >= end:
            return Proof(False, f"{phase} did not come within {within:g} s")
        interrupt.wait(_EVERY)


def detected_at(lab: Lab, survivors: tuple[str, ...], since: float) -> float | None:
    """When the first survivor's corosync formed a membership without a lost node (epoch seconds).

    Lost is who of their cluster is no survivor: another loss a moment before or after is not this one's detection.
    """
    clusters = {lab.plan.node(node).cluster for node in survivors}
    lost = {node.index for name in clusters for node in lab.plan.members(name) if node.name not in survivors}
    times = []
    for node in survivors:
        try:
            ahead = clock.offset(lab, node).ahead
            command = f"journalctl --unit=corosync --output=short-unix --no-pager --since=@{int(since + ahead)}"
            said = lab.shell.run(node, command, timeout=15, check=False).stdout
            times += [at - ahead for at in membership_losses(said, since + ahead, lost)]
        except (HalabError, ValueError):
            continue
    return min(times, default=None)


def membership_losses(journal: str, since: float, lost: Collection[int]) -> list[float]:
    """Times of corosync's ``A new membership (...) was formed. Members left: 2`` (``short-unix``), if 2 is ``lost``."""
    found = []
    for line in journal.splitlines():
        if set(corosync.left(line)) & set(lost):
            stamp = line.split(maxsplit=1)[0]
            if stamp.replace(".", "", 1).isdigit() and float(stamp) >= since:
                found.append(float(stamp))
    return found


def _events(lab: Lab, kind: str, since: float) -> list[Event]:
    return [event for event in read_events(lab.paths.events, since) if event.kind == kind]


def _requested(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    events = list(read_events(lab.paths.events, since))
    return all(fence_requests(events, node, since) for node in nodes)


def _fenced(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    # The power may have gone with the fault itself; it still takes a request to be fenced.
    off = {event.node for event in _events(lab, "power.off", since)}
    return _requested(lab, nodes, since) and off >= set(nodes)


def _powered_on(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    return {event.node for event in _events(lab, "power.on", since)} >= set(nodes)


def _vip_moved(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    try:
        (holder,) = VipHolder().resolve(lab)
    except HalabError:
        return False
    return holder not in nodes


def _whole(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    """Every gate, as at the end of a run; a fault that ends by itself needs no heal before the next."""
    return all(gate.ok for gate in gates.check_all(lab))


def _joining(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    """A database server gives its data to another one."""
    return bool(donors(lab))


def _join_failed(lab: Lab, nodes: tuple[str, ...], since: float) -> bool:
    """Some member says that a state transfer to one of these failed; the whole group is told."""
    failed = re.compile(rf"State transfer to \S+ \(({'|'.join(map(re.escape, nodes))})\) failed")
    for node in (one.name for one in lab.plan.running("galera")):
        try:
            ahead = clock.offset(lab, node).ahead
            said = lab.shell.run(node, f"date '+#galera %z'; tail -n 5000 {galera.LOG} | grep 'State transfer to'",
                                 timeout=15, check=False).stdout
        except (HalabError, ValueError):
            continue
        # Its log knows whole seconds.
        if any(at - ahead >= int(since) and failed.search(text) for at, _, text in nodelog.parse(said)):
            return True
    return False


_LOOKS: dict[str, Callable[[Lab, tuple[str, ...], float], bool]] = {
    "fence_requested": _requested, "fenced": _fenced, "powered_on": _powered_on, "vip_moved": _vip_moved,
    "whole": _whole, "joining": _joining, "join_failed": _join_failed,
}
