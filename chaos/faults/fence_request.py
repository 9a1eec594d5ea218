"""fence.request: somebody asks the cluster to fence a healthy node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.faults.base import all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.fencelog import fence_requests
from chaos.model import Proof, Target
from lab.errors import HalabError
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab


class FenceRequest(NodeFault):
    """``stonith_admin --reboot`` from another member: what fencing costs without any detection."""

    name = "fence.request"
    summary = "have the cluster fence the node"
    needs = frozenset({"poweroff", "shell"})

    def prepare(self, lab: Lab, target: Target) -> Target:
        members = [node.name for node in lab.plan.members(lab.plan.node(target.nodes[0]).cluster)]
        asked = next((name for name in members if name not in target.nodes), "")
        if not asked:
            raise HalabError("nobody is left who could fence them", where=target.selector,
                             remedy="name fewer nodes: one member of their cluster has to stay")
        return with_params(target, by=asked, since=time.time())

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            # It returns when the node is off and on again; the fault begins when it is asked for.
            ask = f"setsid stonith_admin --reboot={node} --timeout=120 </dev/null >/dev/null 2>&1 &"
            lab.shell.run(target.params["by"], ask, timeout=10)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        events = list(read_events(lab.paths.events, float(target.params["since"])))

        def asked(node: str) -> Proof:
            requests = fence_requests(events, node, float(target.params["since"]))
            return Proof(bool(requests), f"{node}: its BMC was asked for {requests[0].data.get('command')}"
                         if requests else f"{node}: its BMC was not asked")

        return all_hold([asked(node) for node in target.nodes])


FAULT = FenceRequest()
