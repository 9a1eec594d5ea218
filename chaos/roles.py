"""Who does what at the moment when a fault strikes: bounds depend on it, and the report says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos import broker, pacemaker
from chaos.facts import Roles
from chaos.probes.config import QUEUE
from chaos.selectors import resolve
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab


def read_roles(lab: Lab, cluster: str) -> Roles:
    """The roles now; empty where the lab has none or cannot say.  ``cluster`` is whose DC is meant."""
    members = [node.name for node in lab.plan.members(cluster)]
    brokers = lab.plan.running("rabbitmq")
    return Roles(
        vip_holder=_or_nobody(lambda: resolve(lab, "vip_holder")[0]) if lab.plan.vips else "",
        dc=_or_nobody(lambda: pacemaker.ask(lab, members).dc),
        galera_writer=(_or_nobody(lambda: resolve(lab, "galera_writer")[0])
                       if lab.plan.vips and lab.plan.running("galera") else ""),
        mq_leader=_or_nobody(lambda: broker.leader(lab, brokers[0].name, QUEUE)) if brokers else "",
    )


def _or_nobody(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except HalabError:
        return ""
