"""How long the outages of one run must and may last: its faults, its targets and the lab's live timers.

A fixed limit for 3 to 16 nodes is wrong, because detection alone grows with the number of nodes.
Which losses a fault means for a client is in :mod:`chaos.families`, what each loss costs in
:mod:`chaos.formulas`.  A fault that no family has a formula for should not be noticed, and has the
bound of a client that tries twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.facts import Facts, Injection
from chaos.families import FAMILIES
from chaos.faults import all_faults
from chaos.formulas import Bound, NoBound, NoFormula, unnoticed
from chaos.model import Traits
from chaos.probes import traits


@dataclass(frozen=True)
class Floor:
    """How long (seconds) a service is away for sure, also where nobody can say for how long at most."""

    seconds: float
    why: str


@dataclass(frozen=True)
class Bounds:
    """By service: the bound, or what is missing for it; ``unread`` are those that have a formula.

    ``floors`` are of all services, the lower end of the bound where there is one.
    """

    known: dict[str, Bound]
    missing: dict[str, str]
    unread: frozenset[str] = frozenset()
    floors: dict[str, Floor] = field(default_factory=dict)

    @property
    def highest(self) -> float | None:
        return max((bound.high for bound in self.known.values()), default=None)


def bounds(facts: Facts) -> Bounds:
    """The bound of each service for this run's faults, targets and timers."""
    known: dict[str, Bound] = {}
    missing: dict[str, str] = {}
    unread: set[str] = set()
    floors: dict[str, Floor] = {}
    for probe in facts.probes:
        client = traits(probe)
        if client.observer:
            continue
        said = [_of_one(facts, one, probe, client) for one in facts.injections]
        floors[probe] = _floor(facts, said)
        parts = [one for one in said if isinstance(one, Bound)]
        lacks = [one for one in said if isinstance(one, NoBound)]
        if lacks or not parts:
            missing[probe] = str(lacks[0]) if lacks else "no fault was injected"
            if not all(isinstance(one, NoFormula) for one in lacks):
                unread.add(probe)
        else:
            known[probe] = _of_all(parts, [_offset(facts, one) for one in facts.injections], floors[probe])
    return Bounds(known, missing, frozenset(unread), floors)


def _of_one(facts: Facts, injection: Injection, probe: str, client: Traits) -> Bound | NoBound:
    try:
        return _slowest(_parts(facts, injection, probe, client)) or unnoticed(injection.timers)
    except NoBound as lacking:
        return lacking


def _of_all(parts: list[Bound], offsets: list[float], floor: Floor) -> Bound:
    """One window may hold the outages of all faults: the last of them has to be over, counted from when it struck."""
    if len(parts) == 1:
        return parts[0]
    return Bound(floor.seconds, max(offset + part.high for offset, part in zip(offsets, parts, strict=True)),
                 "; ".join(f"from {offset:+.1f} s: {part.why}" for offset, part in zip(offsets, parts, strict=True)))


def _floor(facts: Facts, said: list[Bound | NoBound]) -> Floor:
    """The longest outage that one of the faults causes whatever the others do.

    A fault whose target an earlier one had struck causes none for sure: what it takes may have been gone, or about to
    be given up.  What one causes is sure until the next one strikes, which may be a shorter way to the same end.
    """
    floor = Floor(0.0, "")
    for at, (injection, part) in enumerate(zip(facts.injections, said, strict=True)):
        low, why = (part.low, part.why) if isinstance(part, Bound | NoFormula) else (0.0, "")
        if any(_felt(one) and set(one.target) & set(injection.target) for one in facts.injections[:at]):
            continue
        sure = min([low, *(_offset(facts, one) - _offset(facts, injection)
                           for one in facts.injections[at + 1:] if _felt(one))])
        if sure > floor.seconds:
            floor = Floor(sure, why if len(said) == 1 else f"from {_offset(facts, injection):+.1f} s: {why}")
    return floor


def _felt(injection: Injection) -> bool:
    """Whether it takes, moves or holds up anything itself; a BMC that misbehaves does not."""
    fault = all_faults().get(injection.fault)
    return fault is None or fault.bounds != "unfelt"


def _offset(facts: Facts, injection: Injection) -> float:
    """Seconds from the first fault to this one."""
    return (injection.begin or 0.0) - (facts.inject_begin or 0.0)


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
