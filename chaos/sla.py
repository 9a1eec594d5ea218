"""What a scenario promises: ``vip_tcp: bound + 2s``, ``sql_write: 8``, ``converged: 120s``.

``bound`` is the upper bound that :mod:`chaos.bounds` computes for that service from the live
timers, so one SLA serves 3 nodes and 16.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import RefusedError

CONVERGED = "converged"
EVERY = "*"
_NUMBER = r"(\d+(?:\.\d+)?)\s*s?"
_PLAIN = re.compile(rf"^\s*{_NUMBER}\s*$")
_BOUND = re.compile(rf"^\s*bound\s*(?:\+\s*{_NUMBER})?\s*$")


@dataclass(frozen=True)
class Limit:
    """How long a service may be away.  ``seconds`` is None when nothing was promised, or when
    ``missing`` says what the promise lacks: then it can neither be kept nor broken."""

    seconds: float | None = None
    missing: str = ""


def limit(sla: Mapping[str, float | str], service: str, bound_high: float | None,
          lacks: str = "its bound is not known") -> Limit:
    """What is promised for ``service``; ``lacks`` says why there is no ``bound_high``.

    Raises RefusedError on a promise that cannot be read.
    """
    promise = sla.get(service)
    if promise is None and service != CONVERGED:
        promise = sla.get(EVERY)
    if promise is None:
        return Limit()
    allowed = seconds(promise, bound_high)
    return Limit(allowed) if allowed is not None else Limit(None, f"no limit for '{promise}': {lacks}")


def seconds(promise: float | str, bound_high: float | None) -> float | None:
    """One promise as seconds; None if it refers to a bound that is not known."""
    if isinstance(promise, int | float):
        return float(promise)
    if plain := _PLAIN.match(promise):
        return float(plain[1])
    if relative := _BOUND.match(promise):
        return None if bound_high is None else bound_high + float(relative[1] or 0)
    raise RefusedError(f"cannot read the SLA '{promise}'", where="sla",
                       remedy="a number of seconds, '6s', 'bound' or 'bound + 2s'")
