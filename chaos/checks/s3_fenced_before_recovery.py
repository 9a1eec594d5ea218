"""S3: a virtual address of a lost node comes up elsewhere only after the node was surely off."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from chaos.checks import found, skipped, unjudged
from chaos.faults import all_faults
from chaos.faults.netbase import NetFault
from chaos.measure import may_be_fenced
from chaos.model import Finding
from chaos.recording import Holding, Recording
from daemons import corosync


class FencedBeforeRecovery:
    """On the host's clock: the cluster asked for fencing AND the node was off, both before the
    first ARP answer by another node.  A node that was powered on again before a slow takeover was
    off all the same: whatever ran on it had ended.  Of several faults, the move after each is judged, and
    whoever was fenced although no fault meant it is judged too.  So is, up to the heal, whom a cut took out of the
    membership of the very node that then has the address: where fencing only seemed to work, nobody was fenced.

    This proves the moves of virtual addresses, which ARP shows from outside, and nothing about
    other resources: no recording says when those started where.

    Asking alone is not enough (the device may lie), and being off alone is not either: a cluster
    that took over without asking was only lucky that the fault had cut the power.  Off is
    what the driver knows, from a witness where it has one; what a BMC says of itself proves nothing.
    """

    id = "S3"
    title = "fenced before recovered"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        if facts.inject_begin is None:
            return unjudged(self, "no time of injection")
        lost = _lost(run) + _dropped(run)
        if unread := _unread(run):
            return unjudged(self, unread)
        if not lost:
            return skipped(self, f"{facts.fault} is no unclean loss of a node, and nobody was fenced")
        moves = _moves(run, lost)
        if not moves:
            return skipped(self, "no VIP was seen to move away from the lost node")
        words = [self._one(run, one) for one in moves]
        bad = [text for ok, text in words if not ok]
        return found(self, not bad, "; ".join(bad or [text for _, text in words]))

    def _one(self, run: Recording, move: _Move) -> tuple[bool, str]:
        since, lost, taken = move
        begin, at = run.facts.inject_begin or 0.0, taken.begin
        start = f"VIP {taken.vip} up on {taken.node} at {at - begin:+.2f} s"
        request = run.fence_request(lost, since)
        if request is None or request.at > at:
            asked = f"fencing of {lost} was requested only at {request.at - begin:+.2f} s" if request else (
                f"and no fencing of {lost} was requested")
            return False, f"{start}, {asked}"
        off = run.was_off(lost, request.at, at)
        if off is None:
            late = run.was_off(lost, request.at, inf)
            when = f"{lost} went off only at {late.at - begin:+.2f} s" if late else f"{lost} was never off"
            return False, f"{start}, but {when} (fencing requested at {request.at - begin:+.2f} s)"
        witness = f" (seen by {off.data['by']}: {off.data.get('why')})" if run.facts.witnessed else ""
        return True, (f"{lost} off at {off.at - begin:+.2f} s{witness}, fencing requested at "
                      f"{request.at - begin:+.2f} s, then {start}")


# A node; from when to when nobody else may have its addresses unless it is off; and who that is, '' for everybody.
_Lost = tuple[str, float, float, str]
_Move = tuple[float, str, Holding]  # since when which node was lost, and who had an address of it then


def _lost(run: Recording) -> list[_Lost]:
    """Every node that a fault means to be lost, from that fault on; and whoever else the cluster fenced.

    Of these, a node that was cut off is judged from the cut on.  Any other may have given its addresses up in good
    order before something on it would not stop: it is judged from the request on.
    """
    facts = run.facts
    lost = [(node, one.begin, inf, "") for one in facts.injections if one.wants_fencing and one.begin is not None
            for node in one.target]
    for node in facts.nodes:
        for request in () if node in facts.fenced_targets else run.fencings(node):
            cuts = [one.begin for one in facts.injections if one.begin is not None and one.begin <= request.at
                    and isinstance(all_faults().get(one.fault), NetFault) and node in may_be_fenced(run, one)]
            lost.append((node, min([*cuts, request.at]), inf, ""))
    return lost


def _cuts(run: Recording) -> list[tuple[float, tuple[str, ...]]]:
    """When each cut began that means nobody to be lost, and whom it may cost the others all the same."""
    return [(one.begin, may_be_fenced(run, one)) for one in run.facts.injections
            if one.begin is not None and not one.wants_fencing and isinstance(all_faults().get(one.fault), NetFault)]


def _dropped(run: Recording) -> list[_Lost]:
    """Whom such a cut took out of a node's membership, as that node's log says: it must have him off to take over.

    After the heal the sides may have stopped and start anew in good order.
    """
    end = run.facts.heal_begin or inf
    return [(node, line.at, end, line.node) for begin, may in _cuts(run) for line in run.log
            if line.source == "corosync" and begin <= line.at <= end
            for node in map(run.member, corosync.left(line.text)) if node in may]


def _unread(run: Recording) -> str:
    """An address that moved away while a cut held, to a node whose log nobody has: '' for none."""
    logged, end = run.facts.logged, run.facts.heal_begin or inf
    for begin, may in _cuts(run) if logged is not None else ():
        for before, after in pairwise(run.holdings()):
            if (before.vip == after.vip and before.node in may and begin <= after.begin <= end
                    and after.node not in (logged or ())):
                return f"VIP {after.vip} moved from {before.node} to {after.node}, whose log was not read"
    return ""


def _met_again(run: Recording, by: str, node: str, since: float, until: float) -> bool:
    return any(line.node == by and line.source == "corosync" and since < line.at <= until
               and node in map(run.member, corosync.joined(line.text)) for line in run.log)


def _moves(run: Recording, lost: list[_Lost]) -> list[_Move]:
    """The first move of each VIP away from each node since it was lost."""
    found: dict[Holding, _Move] = {}
    pairs = [(before, after) for before, after in pairwise(run.holdings()) if before.vip == after.vip]
    for node, since, until, by in lost:
        for vip in sorted({before.vip for before, _ in pairs}):
            taken = next((after for before, after in pairs if before.vip == vip and before.node == node
                          and since <= after.begin <= until and (not by or (
                              after.node == by and not _met_again(run, by, node, since, after.begin)))), None)
            if taken and (taken not in found or found[taken][0] < since):  # it answers for the last of several losses
                found[taken] = (since, node, taken)
    return list(found.values())



CHECK = FencedBeforeRecovery()
