"""Words that mean a node by its role, so that a scenario holds for every lab.

Each file of this package is one selector.  A plain node name is a selector of itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from chaos.model import Selector
from lab.choices import unknown_choice

if TYPE_CHECKING:
    from lab.lab import Lab


@cache
def all_selectors() -> dict[str, Selector]:
    """Every selector by name."""
    found: dict[str, Selector] = {}
    for module in pkgutil.iter_modules(__path__):
        selector: Selector = importlib.import_module(f"{__name__}.{module.name}").SELECTOR
        found[selector.name] = selector
    return dict(sorted(found.items()))


def resolve(lab: Lab, word: str) -> tuple[str, ...]:
    """The nodes that ``word`` means in this lab right now.

    Raises RefusedError for an unknown word, and what the selector raises when the cluster
    cannot say (NodeError, HalabError).
    """
    nodes = [node.name for node in lab.plan.nodes]
    if word in nodes:
        return (word,)
    selectors = all_selectors()
    if word not in selectors:
        raise unknown_choice("node or selector", word, [*selectors, *nodes], where=f"lab {lab.name}")
    return selectors[word].resolve(lab)
