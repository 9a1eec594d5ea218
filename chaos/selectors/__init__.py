"""Words that mean nodes by their role, so that a scenario holds for every lab.

Each file of this package is one selector.  A selector may take an argument in brackets, such as
``minority(1)`` or ``not(vip_holder)``; a plain node name is a selector of itself.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING

from chaos.model import Selector
from lab.choices import unknown_choice
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Plan

# name, name(argument) or name:argument
_WORD = re.compile(r"(?P<name>[a-z_]+)(?:\((?P<inner>.*)\)|:(?P<tail>[a-z]+))?")
_NODE_NAME = re.compile(r"[a-z][a-z0-9-]*")
_NOT_SELECTORS = frozenset({"base"})


@cache
def all_selectors() -> dict[str, Selector]:
    """Every selector by name."""
    found: dict[str, Selector] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _NOT_SELECTORS:
            continue
        selector: Selector = importlib.import_module(f"{__name__}.{module.name}").SELECTOR
        found[selector.name] = selector
    return dict(sorted(found.items()))


def shown() -> list[str]:
    """The selectors as a person writes them."""
    return [f"{name}({one.argument})" if one.argument else name for name, one in all_selectors().items()]


def parse(word: str) -> tuple[Selector, str]:
    """A selector and its argument ('' for none); RefusedError for what is no selector, or lacks one."""
    match = _WORD.fullmatch(word)
    if match is None or match["name"] not in all_selectors():
        raise unknown_choice("selector", word, shown())
    selector, argument = all_selectors()[match["name"]], match["inner"] or match["tail"] or ""
    if argument and not selector.argument:
        raise RefusedError(f"the selector '{selector.name}' takes no argument", where=word, remedy=selector.name)
    if selector.argument and not argument and not selector.argument.startswith("["):
        raise RefusedError(f"the selector '{selector.name}' needs an argument", where=word,
                           remedy=f"{selector.name}({selector.argument})")
    if argument:
        selector.validate(argument)
    return selector, argument


def plausible(word: str) -> None:
    """RefusedError for what can be neither a selector nor a node: names of nodes are a lab's to know."""
    if word in all_selectors() or not _NODE_NAME.fullmatch(word):
        parse(word)


def check(plan: Plan, word: str) -> None:
    """RefusedError when ``word`` is neither a selector nor a node of this plan."""
    nodes = [node.name for node in plan.nodes]
    if word in nodes:
        return
    match = _WORD.fullmatch(word)
    if match is None or match["name"] not in all_selectors():
        raise unknown_choice("node or selector", word, [*shown(), *nodes], where="the scenario's target")
    parse(word)


def resolve(lab: Lab, word: str) -> tuple[str, ...]:
    """The nodes that ``word`` means in this lab right now.

    Raises RefusedError for an unknown word, and what the selector raises when the cluster
    cannot say (NodeError, HalabError).
    """
    if word in [node.name for node in lab.plan.nodes]:
        return (word,)
    check(lab.plan, word)
    selector, argument = parse(word)
    return selector.resolve(lab, argument)
