"""role:service: every node that the plan has run a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, nobody
from lab.choices import unknown_choice

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Service

# What people call them, and the services' own names.
_SERVICES: dict[str, Service] = {
    "lb": "haproxy", "db": "galera", "mq": "rabbitmq", "mc": "memcached", "api": "keystone",
    "haproxy": "haproxy", "galera": "galera", "rabbitmq": "rabbitmq", "memcached": "memcached", "keystone": "keystone",
}


class Role(BaseSelector):
    """By the plan, whatever runs at the moment."""

    name = "role"
    argument = "db"

    def validate(self, argument: str) -> None:
        if argument not in _SERVICES:
            raise unknown_choice("role", argument, _SERVICES)

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        nodes = tuple(node.name for node in lab.plan.running(_SERVICES[argument]))
        if not nodes:
            raise nobody(lab, f"no node of this lab runs {_SERVICES[argument]}")
        return nodes


SELECTOR = Role()
