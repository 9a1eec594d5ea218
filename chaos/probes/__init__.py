"""Clients of the lab's services, each in a process of its own, on a schedule that never waits.

A probe is one module here that offers ``make(config, secrets) -> Probe`` and its ``TRAITS``;
modules without ``make`` are their shared machinery.  ``python -m chaos.probes NAME --config FILE`` runs one.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from chaos.model import Probe, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets
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


@cache
def traits(name: str) -> Traits:
    """What the probe's module says of itself; those of nothing for a name that an old recording holds."""
    if name not in names():
        return Traits()
    found: Traits = importlib.import_module(f"{__name__}.{name}").TRAITS
    return found


def make(config: ProbeConfig, secrets: ProbeSecrets) -> Probe:
    """The probe that ``config.probe`` names; only its own module (and library) is imported."""
    try:
        module = importlib.import_module(f"{__name__}.{config.probe}")
        factory = module.make
    except (ImportError, AttributeError) as error:
        raise NotFoundError(f"there is no probe '{config.probe}'",
                            where=f"probes: {', '.join(names())}",
                            remedy="use one of these") from error
    probe: Probe = factory(config, secrets)
    return probe
