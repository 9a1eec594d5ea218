"""How long the outages of one run must and may last: its faults, its targets and the lab's live timers.

A fixed limit for 3 to 16 nodes is wrong, because detection alone grows with the number of nodes.
Which losses a fault means for a client is in :mod:`chaos.families`, what each loss costs in
:mod:`chaos.formulas`.  A fault that no family has a formula for should not be noticed, and has the
bound of a client that tries twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.facts import Facts, Injection
from chaos.families import FAMILIES
from chaos.faults import all_faults
from chaos.formulas import Bound, NoBound, NoFormula, unnoticed
from chaos.model import Traits
from chaos.probes import traits


@dataclass(frozen=True)
class Bounds:
    """By service: the bound, or what is missing for it; ``unread`` are those that have a formula."""

    known: dict[str, Bound]
    missing: dict[str, str]
    unread: frozenset[str] = frozenset()

    @property
    def highest(self) -> float | None:
        return max((bound.high for bound in self.known.values()), default=None)


def bounds(facts: Facts) -> Bounds:
    """The bound of each service for this run's faults, targets and timers."""
    known: dict[str, Bound] = {}
    missing: dict[str, str] = {}
    unread: set[str] = set()
    for probe in facts.probes:
        client = traits(probe)
        if client.observer:
            continue
        try:
            known[probe] = _of_all([_of_one(facts, one, probe, client) for one in facts.injections],
                                   [(one.begin or 0.0) - (facts.inject_begin or 0.0) for one in facts.injections])
        except NoBound as error:
            missing[probe] = str(error)
            if not isinstance(error, NoFormula):
                unread.add(probe)
    return Bounds(known, missing, frozenset(unread))


def _of_one(facts: Facts, injection: Injection, probe: str, client: Traits) -> Bound:
    return _slowest(_parts(facts, injection, probe, client)) or unnoticed(injection.timers)


def _of_all(parts: list[Bound], offsets: list[float]) -> Bound:
    """One window may hold the outages of all faults: the floor is the first one's, and the last of
    them has to be over, counted from when it struck."""
    if not parts:
        raise NoFormula("no fault was injected")
    if len(parts) == 1:
        return parts[0]
    return Bound(parts[0].low, max(offset + part.high for offset, part in zip(offsets, parts, strict=True)),
                 "; ".join(f"from {offset:+.1f} s: {part.why}" for offset, part in zip(offsets, parts, strict=True)))


def _slowest(parts: list[Bound]) -> Bound | None:
    if len(parts) <= 1:
        return parts[0] if parts else None
    return Bound(max(part.low for part in parts), max(part.high for part in parts),
                 "the slowest of: " + "; ".join(part.why for part in parts))


def _parts(facts: Facts, injection: Injection, probe: str, client: Traits) -> list[Bound]:
    """What has to happen before ``probe`` succeeds again; empty: it should not notice."""
    fault = all_faults().get(injection.fault)
    if fault is None:
        raise NoFormula(f"no fault {injection.fault} is known here")
    if client.client_of is None:
        raise NoFormula(f"no probe {probe} is known here")
    return FAMILIES[fault.bounds](facts, injection, client)
