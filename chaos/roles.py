"""Who does what at the moment when a fault strikes: bounds depend on it, and the report says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chaos.facts import Roles
from chaos.selectors import resolve
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab


def read_roles(lab: Lab) -> Roles:
    """The roles now; empty where the lab has none or cannot say."""
    return Roles(
        vip_holder=_or_nobody(lambda: resolve(lab, "vip_holder")[0]) if lab.plan.vips else "",
        galera_writer=(_or_nobody(lambda: resolve(lab, "galera_writer")[0])
                       if lab.plan.vips and lab.plan.running("galera") else ""),
    )


def _or_nobody(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except HalabError:
        return ""
