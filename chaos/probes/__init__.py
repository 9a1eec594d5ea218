"""Clients of the lab's services, each in a process of its own, on a schedule that never waits.

A probe is one module here that offers ``make(config) -> Probe``; modules without ``make``
are their shared machinery.  ``python -m chaos.probes NAME --config FILE`` runs one.
"""

from __future__ import annotations

import importlib
import pkgutil

from chaos.model import Probe
from chaos.probes.config import ProbeConfig
from lab.errors import NotFoundError


def names() -> tuple[str, ...]:
    """Every probe that exists, by module name."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        if hasattr(importlib.import_module(f"{__name__}.{module.name}"), "make"):
            found.append(module.name)
    return tuple(sorted(found))


def make(config: ProbeConfig) -> Probe:
    """The probe that ``config.probe`` names; only its own module (and library) is imported."""
    try:
        module = importlib.import_module(f"{__name__}.{config.probe}")
        factory = module.make
    except (ImportError, AttributeError) as error:
        raise NotFoundError(f"there is no probe '{config.probe}'",
                            where=f"probes: {', '.join(names())}") from error
    probe: Probe = factory(config)
    return probe
