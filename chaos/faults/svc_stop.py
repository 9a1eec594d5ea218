"""svc.stop: a unit of systemd or a resource of Pacemaker is stopped in good order, and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import pacemaker
from chaos.evidence import holds
from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault
from chaos.faults.svcbase import Resource, subject
from chaos.model import Proof, Target
from lab.errors import NothingThereError, RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class SvcStop(GuestFault):
    """What an operator's mistake or a package upgrade does.

    ``unit``: one of ``UNITS``, on the node.  ``resource``: one that runs on the node; a stop by Pacemaker is an order,
    which holds on every node and is not recovered from.
    """

    name = "svc.stop"
    summary = "stop a systemd unit or a resource"
    bounds = "unit"
    parameters = frozenset({"unit", "resource"})
    shows_within = 60.0  # s for the resource's stop

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        subject(self.name, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Refuse what does not run there: nobody would be stopped, and a heal would start it."""
        one = subject(self.name, target.params)
        if isinstance(one, Resource):
            pacemaker.must_host(lab, target.nodes, one.name)
        else:
            for node in target.nodes:
                stopped = holds(lab.shell.run(node, one.stopped(), timeout=10, check=False).exit_code)
                if stopped is not False:
                    kind = NothingThereError if stopped else RefusedError
                    raise kind(f"no {one.name} runs on {node}" if stopped else
                               f"nobody could say whether {one.name} runs on {node}", where=node,
                               remedy=f"./inv lab.status --name={lab.name} shows which services it has")
        return target

    def may_leave(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Who stops corosync says goodbye; without Pacemaker alone the node stays a member."""
        return target.nodes if target.params.get("unit") == "corosync" else super().may_leave(target, members)

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return subject(self.name, target.params).stop()

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """A resource has the order to stop, and has stopped: in maintenance mode an order stops nothing."""
        one = subject(self.name, target.params)
        gone = [pacemaker.nowhere(lab, node, one.name) for node in target.nodes] if isinstance(one, Resource) else []
        return all_hold([super().took_effect(lab, target), *gone])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return subject(self.name, target.params).start()

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return subject(self.name, target.params).stopped()

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return subject(self.name, target.params).unfinished()


FAULT = SvcStop()
