"""galera_donor: the database node that is giving its data to another one now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, nobody
from daemons import galera
from lab.node.asking import answers

if TYPE_CHECKING:
    from lab.lab import Lab

_STATE = "Donor/Desynced"  # wsrep_local_state_comment of a donor, and of a server that was desynchronised by hand


class GaleraDonor(BaseSelector):
    """As the servers themselves say; with a person's ``wsrep_desync`` there is no telling which of the two it is."""

    name = "galera_donor"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        if found := donors(lab):
            return found[:1]
        raise nobody(lab, "no database server is giving its data to another one")


def donors(lab: Lab) -> tuple[str, ...]:
    """Every donor at this moment."""
    nodes = [node.name for node in lab.plan.running("galera")]
    return tuple(node for node, text in answers(lab, nodes, galera.COMMAND, timeout=3).items() if _gives(text))


def _gives(said: str) -> bool:
    try:
        return galera.member(said).state == _STATE
    except ValueError:
        return False


SELECTOR = GaleraDonor()
