"""The ways to break a lab; each file of this package is one fault, and adding a file adds a fault."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from chaos.faults.base import BaseFault
from lab.choices import unknown_choice

_NOT_FAULTS = frozenset({"alarmbase", "base", "clockbase", "diskbase", "fencebase", "guestbase", "loadbase",
                         "netbase", "netembase", "nodebase", "svcbase"})


@cache
def all_faults() -> dict[str, BaseFault]:
    """Every fault by name, in alphabetical order."""
    found: dict[str, BaseFault] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _NOT_FAULTS:
            continue
        fault = importlib.import_module(f"{__name__}.{module.name}").FAULT
        assert isinstance(fault, BaseFault), f"chaos/faults/{module.name}.py: FAULT is not a fault"
        found[fault.name] = fault
    return dict(sorted(found.items()))


def get_fault(name: str) -> BaseFault:
    """The fault of that name; RefusedError says which one was probably meant."""
    faults = all_faults()
    if name not in faults:
        raise unknown_choice("fault", name, faults)
    return faults[name]
