"""What can be stopped and started in good order: a unit of systemd, or a resource of Pacemaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.evidence import UNASKED, judged
from chaos.faults.guestbase import resource_of
from lab.choices import unknown_choice
from lab.errors import RefusedError

UNITS = ("corosync", "haproxy", "halab-galera-check", "keystone", "memcached", "pacemaker", "rabbitmq-server")


class Subject(Protocol):
    """Shell commands for one node.

    ``stopped`` and ``unfinished`` are looks (chaos.evidence): whether it was told to stop, and whether anything of a
    stop or a restart is left to undo.  ``age`` prints what changes when it starts anew, and nothing else.
    ``restart`` may take ``within`` seconds.
    """

    @property
    def name(self) -> str: ...
    def stop(self) -> str: ...
    def start(self) -> str: ...
    def restart(self, node: str, within: float) -> str: ...
    def stopped(self) -> str: ...
    def unfinished(self) -> str: ...
    def age(self, node: str) -> str: ...


@dataclass(frozen=True)
class Unit:
    """A unit of systemd on the node itself; to systemd a stop is no failure."""

    name: str

    def stop(self) -> str:
        return f"systemctl stop {self.name}"

    def start(self) -> str:
        # Pacemaker goes with corosync, and nobody starts it again.
        units = "corosync pacemaker" if self.name == "corosync" else self.name
        return f"systemctl reset-failed {units} 2>/dev/null; systemctl start {units}; crm_resource --cleanup " \
               ">/dev/null 2>&1; true"

    def restart(self, node: str, within: float) -> str:
        return f"systemctl restart {self.name}"

    def stopped(self) -> str:
        return judged(f"systemctl show --property=ActiveState {self.name}", "grep -vE '=(active|reloading)$'")

    def unfinished(self) -> str:
        return self.stopped()

    def age(self, node: str) -> str:
        return f"systemctl show --value --property=ActiveEnterTimestampMonotonic {self.name}"


@dataclass(frozen=True)
class Resource:
    """A resource, stopped through Pacemaker: by ``target-role`` everywhere, whichever node is asked to.

    ``crm_resource --restart`` does it by ``target-role`` too, and for an instance of a clone by a ban from its node.
    """

    name: str

    def stop(self) -> str:
        return f"crm_resource --resource={self.name} --meta --set-parameter=target-role --parameter-value=Stopped"

    def start(self) -> str:
        """Idempotent; takes away what crm_resource leaves of it in the configuration as well."""
        return (f"pkill -f '^crm_resource --restart --resource={self.name} '; "
                f"crm_resource --resource={self.name} --clear >/dev/null 2>&1; "
                f"crm_resource --resource={self.name} --meta --delete-parameter=target-role >/dev/null 2>&1; "
                f"cibadmin --delete --xpath '//resources//meta_attributes[not(*)]' >/dev/null 2>&1; "
                f"({self.unfinished()}) >/dev/null; [ $? = 1 ]")

    def restart(self, node: str, within: float) -> str:
        return f"crm_resource --restart --resource={self.name} --node={node} --timeout={within:.0f}s"

    def stopped(self) -> str:
        return judged("cibadmin --query --scope=resources", f"grep -E '{self._role()}'")

    def unfinished(self) -> str:
        return judged("cibadmin --query --scope=configuration", f"grep -E '{self._role()}|{self._ban()}'")

    def age(self, node: str) -> str:
        """The number of the last call that changed it on the node, whatever the call was; Pacemaker keeps one."""
        where = (f'//node_state[@uname="{node}"]//lrm_resource[@id="{self.name}"]'
                 f'/lrm_rsc_op[@id="{self.name}_last_0"]')
        return (f"said=$(cibadmin --query --xpath '{where}') || exit {UNASKED}; printf '%s\\n' \"$said\" | "
                "grep -oE ' call-id=\"[0-9]+\"' | tr -dc '0-9'")

    def _role(self) -> str:
        return f'id="{self.name}(-clone)?-meta[^"]*target-role"[^>]* value="Stopped"'

    def _ban(self) -> str:
        return f'id="cli-ban-{self.name}(-clone)?-on-'


def subject(fault: str, params: Mapping[str, Any]) -> Subject:
    """What ``params`` name; RefusedError unless it is one known unit or one name of a resource."""
    if ("unit" in params) is ("resource" in params):
        raise RefusedError(f"{fault} needs either the parameter 'unit' or the parameter 'resource'",
                           where="params", remedy=f"unit: one of {', '.join(UNITS)}; resource: such as vip-internal")
    if "resource" in params:
        return Resource(resource_of(fault, params))
    if params["unit"] not in UNITS:
        raise unknown_choice("unit", str(params["unit"]), UNITS)
    return Unit(str(params["unit"]))
