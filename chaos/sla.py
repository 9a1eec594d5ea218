"""What a scenario promises: ``vip_tcp: bound + 2s``, ``sql_write: 8``, ``converged: 120s``.

``bound`` is the upper bound that :mod:`chaos.bounds` computes for that service from the live
timers, so one SLA serves 3 nodes and 16.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.errors import RefusedError

CONVERGED = "converged"
EVERY = "*"
_NUMBER = r"(\d+(?:\.\d+)?)\s*s?"
_PLAIN = re.compile(rf"^\s*{_NUMBER}\s*$")
_BOUND = re.compile(rf"^\s*bound\s*(?:\+\s*{_NUMBER})?\s*$")


def limit(sla: Mapping[str, float | str], service: str, bound_high: float | None) -> float | None:
    """Seconds that ``service`` may be away, or None when the SLA says nothing that can be judged.

    None is also the answer for a promise relative to a bound that is not known for this fault.
    Raises RefusedError on a promise that cannot be read.
    """
    promise = sla.get(service)
    if promise is None and service != CONVERGED:
        promise = sla.get(EVERY)
    return None if promise is None else seconds(promise, bound_high)


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
