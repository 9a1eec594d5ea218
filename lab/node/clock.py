"""How far a node's clock is from the host's: nothing for a container, which has the host's own."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import HalabError
from lab.lab import Lab
from lab.parallel import for_each

_LOOKS = 3


@dataclass(frozen=True)
class Offset:
    """How far a node's clock is ahead of the host's, and how wrong that may be; seconds."""

    ahead: float
    error: float


def offset(lab: Lab, node: str) -> Offset:
    """Measured to half the time of the quickest of some commands; HalabError or ValueError without an answer.

    A machine's clock is set once, at its boot, and stands still with it.
    """
    if "own_clock" not in lab.driver.capabilities:
        return Offset(0.0, 0.0)
    looks = []
    for _ in range(_LOOKS):
        before = time.time()
        said = float(lab.shell.run(node, "date +%s.%N", timeout=5).stdout)
        after = time.time()
        looks.append(Offset(said - (before + after) / 2, (after - before) / 2))
    return min(looks, key=lambda look: look.error)


def offsets(lab: Lab, nodes: Iterable[str]) -> dict[str, Offset]:
    """By node, for drivers whose nodes have clocks of their own; nodes that do not answer are left out."""
    if "own_clock" not in lab.driver.capabilities:
        return {}
    names = list(nodes)

    def ask(node: str) -> Offset | None:
        try:
            return offset(lab, node)
        except (HalabError, ValueError):
            return None

    return {node: found for node, found in zip(names, for_each(names, ask), strict=True) if found is not None}
