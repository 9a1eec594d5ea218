"""vip_holder: the node that has the lab's first VIP on an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import pacemaker
from chaos.reach import ssh_banner
from chaos.selectors.base import BaseSelector
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Vip


class VipHolder(BaseSelector):
    """Pacemaker says where it should be, the node's kernel says where it is; the kernel is believed.

    With several VIPs the first of the plan is meant; they are kept together by colocation.
    """

    name = "vip_holder"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        if not lab.plan.vips:
            raise HalabError(f"lab '{lab.name}' has no VIP", remedy="name a node, or take a lab with load balancers")
        vip = lab.plan.vips[0]
        members = [node.name for node in lab.plan.members(vip.cluster)]
        said = _according_to_pacemaker(lab, vip, members)
        if said and has_address(lab, said, vip):
            return (said,)
        holders = [node for node in members if has_address(lab, node, vip)]
        if len(holders) != 1:
            raise HalabError(f"the VIP {vip.address} has {len(holders)} holders, not one",
                             where=", ".join(holders) or "asked: " + ", ".join(members),
                             remedy=f"./inv lab.status --name={lab.name}")
        return (holders[0],)


def has_address(lab: Lab, node: str, vip: Vip) -> bool | None:
    """Whether the kernel of ``node`` has the VIP; None for a node that does not answer: it may have it."""
    if not ssh_banner(lab, node):
        return None
    try:
        shown = lab.shell.run(node, "ip -4 -oneline address show", timeout=10).stdout
    except HalabError:
        return None
    # "3: eth1    inet 10.0.0.100/32 scope global eth1 ..."
    return any(word.split("/")[0] == str(vip.address) for line in shown.splitlines() for word in line.split())


def _according_to_pacemaker(lab: Lab, vip: Vip, members: list[str]) -> str:
    try:
        addresses = pacemaker.ask(lab, members).running("IPaddr2")
    except HalabError:
        return ""
    named = [one for one in addresses if vip.name in (one.id, one.id.removeprefix("vip-"))]
    return (named or addresses)[0].node if addresses else ""


SELECTOR = VipHolder()
