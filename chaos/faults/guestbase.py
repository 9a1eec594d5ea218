"""What the faults share that act inside a node: a script, its inverse, and a look that tells them apart."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from chaos import deadman
from chaos.evidence import holds
from chaos.faults.base import FAULT_ID, BaseFault, all_hold, power_back_on
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from daemons import rabbitmq
from lab.errors import HalabError, NodeError, RefusedError
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

_BACK_WITHIN = 60.0  # s, for a node that was fenced meanwhile
_POLL = 0.3  # s
DEFAULT_RESOURCE = "vip-public"
_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


class GuestFault(BaseFault):
    """A subclass gives three shell scripts.

    ``act`` breaks; ``undo`` repairs, any number of times; ``shows`` prints the evidence and ends with 0 while the
    fault is in effect, with 1 when it is not, and with something else when nobody could be asked (chaos.evidence);
    ``remains`` says the same of what is left to undo, where that is more than what is in effect.
    The inverse is also armed on the node itself (chaos.deadman); ``armed`` is for one that has to be worded
    differently when nobody can be asked.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"shell"})
    rank: ClassVar[HealRank] = HealRank.SERVICE
    wants_fencing: ClassVar[bool] = False
    acts_within: ClassVar[float] = 60.0  # s

    def act(self, lab: Lab, node: str, target: Target) -> str:
        raise NotImplementedError

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        raise NotImplementedError

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        raise NotImplementedError

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return self.shows(lab, node, target)

    def armed(self, lab: Lab, node: str, target: Target) -> str:
        return self.undo(lab, node, target)

    def lasts(self, params: Mapping[str, Any]) -> float | None:
        return deadman.LONGEST

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.arm(lab, node, identity(target), self.armed(lab, node, target))
            lab.shell.run(node, self.act(lab, node, target), timeout=self.acts_within)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        # All at once: a node that is loaded takes seconds for its answer.
        return all_hold(for_each(target.nodes,
                                 lambda node: self._look(lab, node, self.shows(lab, node, target), wanted=True)))

    def heal(self, lab: Lab, target: Target) -> None:
        """Every node gets its inverse, also when another cannot be reached; the first error is raised after that."""
        errors = [error for node in target.nodes if (error := self._heal_one(lab, node, target)) is not None]
        if errors:
            raise errors[0]

    def _heal_one(self, lab: Lab, node: str, target: Target) -> HalabError | None:
        try:
            power_back_on(lab, node)
            until_it_answers(lab, node)
            self._undone(lab, node, target)
        except HalabError as error:
            return error
        return None

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._gone(lab, node, target) for node in target.nodes])

    def release(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.disarm(lab, node, identity(target))

    def _undone(self, lab: Lab, node: str, target: Target) -> None:
        """Have the inverse act: a daemon that is just starting takes no orders yet.  ``healed`` says whether it did."""
        end = time.monotonic() + _BACK_WITHIN * lab.driver.slowness
        while not lab.shell.run(node, self.undo(lab, node, target), timeout=120, check=False).ok:
            if time.monotonic() > end or self._gone(lab, node, target).ok:
                return
            time.sleep(_POLL)

    def _gone(self, lab: Lab, node: str, target: Target) -> Proof:
        return self._look(lab, node, self.remains(lab, node, target), wanted=False)

    def _look(self, lab: Lab, node: str, script: str, *, wanted: bool) -> Proof:
        """Silence is no evidence either way: a look that could not be taken proves nothing."""
        try:
            looked = lab.shell.run(node, script, timeout=20, check=False)
        except HalabError as error:
            return Proof(False, f"{node}: cannot look: {error.what}")
        there = holds(looked.exit_code)
        if there is None:
            last = " ".join(looked.stderr.split())[-160:] or f"exit code {looked.exit_code}"
            return Proof(False, f"{node}: cannot look: no answer that says yes or no ({last})")
        words = " ".join(looked.stdout.split())[-160:]
        state = "in effect" if there else "not in effect"
        return Proof(there is wanted, f"{node}: {self.name} {state}" + (f" ({words})" if words else ""))


def identity(target: Target) -> str:
    """What the journal calls this fault."""
    return str(target.params[FAULT_ID])


def until_it_answers(lab: Lab, node: str) -> None:
    end = time.monotonic() + _BACK_WITHIN * lab.driver.slowness
    while not ssh_banner(lab, node):
        if time.monotonic() > end:
            raise NodeError(f"{node} cannot be reached, so nothing on it could be undone", where=node,
                            remedy=f"./inv lab.logs {node} --name={lab.name} shows its console; then ./inv chaos.heal")
        time.sleep(_POLL)


# Daemons that gave up while a fault held start again, whoever runs them.
REVIVE = ("for unit in $(systemctl list-units --failed --type=service --plain --no-legend | cut -d' ' -f1); do "
          "systemctl reset-failed $unit; systemctl start --no-block $unit; done; "
          "crm_resource --cleanup >/dev/null 2>&1; true")


def erlang(question: str) -> str:
    """A command that has the node's broker evaluate an Erlang expression and prints the answer."""
    return rabbitmq.question("fault", question)


def resource_of(fault: str, params: Mapping[str, Any]) -> str:
    """The parameter ``resource`` (default: the first VIP); RefusedError for what is no resource's name.

    Resource names are the CIB's to know; what is not one by its letters goes to no shell.
    """
    name = str(params.get("resource", DEFAULT_RESOURCE))
    if not _RESOURCE.fullmatch(name):
        raise RefusedError(f"'{name}' is no name of a resource", where="params.resource",
                           remedy=f"such as {DEFAULT_RESOURCE}, haproxy or galera")
    return name
