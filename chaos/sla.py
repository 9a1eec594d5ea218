"""What a scenario promises: ``vip_tcp: bound + 2s``, ``sql_write: 8``, ``converged: 120s``.

``bound`` is the upper bound that :mod:`chaos.bounds` computes for that service from the live
timers, so one SLA serves 3 nodes and 16.

Beside the windows: ``errors`` is what all failed operations of a service together may cost, in the same
words or as a share of its operations (``2 %``), and ``latency`` how many times slower it may be
afterwards (``3x``), and ``latency_during`` how slow while the fault is on (``3x`` or ``0.5s``).  Each may name a
service: ``errors.sql_write``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.errors import RefusedError

CONVERGED = "converged"
EVERY = "*"
ERRORS = "errors"
LATENCY = "latency"
DURING = "latency_during"
_NUMBER = r"(\d+(?:\.\d+)?)\s*s?"
_PLAIN = re.compile(rf"^\s*{_NUMBER}\s*$")
_SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
_TIMES = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*x\s*$")
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


def of_bound(promise: float | str) -> bool:
    """Whether the promise refers to the bound, in which the nodes' slowness is already."""
    return _BOUND.match(str(promise)) is not None


def names(probes: Iterable[str]) -> list[str]:
    """Every key that an SLA may have, for these probes."""
    known = list(probes)
    words = (ERRORS, LATENCY, DURING)
    return [*known, EVERY, CONVERGED, *words, *(f"{word}.{name}" for word in words for name in known)]


def service_of(key: str) -> str:
    """The service that a key of an SLA names, '' for one about all of them."""
    word, _, service = key.rpartition(".")
    return "" if service in (EVERY, CONVERGED, ERRORS, LATENCY, DURING) and not word else service


def check(name: str, promise: float | str) -> None:
    """RefusedError for a promise that cannot be read under that key."""
    match name.partition(".")[0]:
        case "errors":
            if share(promise) is None:
                seconds(promise, bound_high=0.0)
        case "latency":
            times(promise)
        case "latency_during":
            slowest(promise, before=0.0)
        case _:
            seconds(promise, bound_high=0.0)


def said(sla: Mapping[str, float | str], word: str, service: str) -> float | str | None:
    """What is promised under ``errors``, ``latency`` or ``latency_during`` for a service; None for nothing."""
    own = sla.get(f"{word}.{service}")
    return own if own is not None else sla.get(word)


def share(promise: float | str) -> float | None:
    """``2 %`` as 0.02; None for a promise that is no share."""
    match = _SHARE.match(str(promise))
    return float(match[1]) / 100 if match else None


def times(promise: float | str) -> float:
    """``3x`` as 3.0."""
    match = _TIMES.match(str(promise))
    if match is None:
        raise RefusedError(f"cannot read '{promise}' as a factor", where="sla", remedy="such as 3x")
    return float(match[1])


def slowest(promise: float | str, before: float, slowness: float = 1.0) -> float:
    """How long an operation may take that took ``before`` seconds: so many times that, or so many seconds.

    Seconds are promised for nodes at full speed; others get their slowness times as long.
    """
    if _TIMES.match(str(promise)):
        return times(promise) * before
    if _PLAIN.match(str(promise)):
        return (seconds(promise, bound_high=None) or 0.0) * slowness
    raise RefusedError(f"cannot read '{promise}' as a factor or a time", where="sla", remedy="such as 3x or 0.5s")
