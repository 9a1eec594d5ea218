"""All requirements: each module here has ``REQUIREMENTS``, a tuple of those that belong together."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from provision.verify.model import Requirement


@cache
def all_requirements() -> tuple[Requirement, ...]:
    """Every requirement, R1 first."""
    found: list[Requirement] = []
    for module in pkgutil.iter_modules(__path__):
        found += importlib.import_module(f"{__name__}.{module.name}").REQUIREMENTS
    return tuple(sorted(found, key=lambda one: int(one.id.removeprefix("R"))))
