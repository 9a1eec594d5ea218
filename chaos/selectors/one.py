"""one(selector): the first of the nodes that another selector means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import selectors
from chaos.selectors.base import BaseSelector

if TYPE_CHECKING:
    from lab.lab import Lab


class One(BaseSelector):
    """``one(not(vip_holder))`` is a bystander."""

    name = "one"
    argument = "role:db"

    def validate(self, argument: str) -> None:
        selectors.plausible(argument)

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        return selectors.resolve(lab, argument)[:1]


SELECTOR = One()
