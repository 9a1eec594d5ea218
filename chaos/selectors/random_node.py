"""random(seed): one node of the lab, the same for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, whole_number

if TYPE_CHECKING:
    from lab.lab import Lab


class RandomNode(BaseSelector):
    """A run that failed can be repeated: its seed is in the scenario."""

    name = "random"
    argument = "seed"

    def validate(self, argument: str) -> None:
        whole_number(self.name, argument)

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        names = [node.name for node in lab.plan.nodes]
        return (random.Random(whole_number(self.name, argument)).choice(names),)


SELECTOR = RandomNode()
