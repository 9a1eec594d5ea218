"""Gates: what "healthy" means, one file each.

A gate looks once and says whether its fact holds; waiting, deadlines and parallel looking are
here.  The same gates end ``lab.up``, define convergence in chaos runs, and make ``lab.status``.
"""

from __future__ import annotations

import importlib
import pkgutil
import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from lab import interrupt
from lab.errors import DeadlineError, HalabError
from lab.parallel import for_each
from lab.plan import Cluster, Plan

if TYPE_CHECKING:
    from lab.lab import Lab

_POLL = 0.2  # seconds between two looks; a look costs some 30 ms of CPU on a node
# From the ground up: what a person should read first when several are red.
_ORDER = ("power", "ssh", "membership", "fencing", "resources", "galera", "rabbitmq", "memcached", "haproxy", "vip",
          "keystone")


@dataclass(frozen=True)
class Look:
    """What one look saw: ``detail`` is the one fact that holds or does not."""

    ok: bool
    detail: str


@dataclass(frozen=True)
class GateResult:
    """``seconds`` is how long the gate was waited for; ``show`` the command that shows the fact."""

    name: str
    ok: bool
    seconds: float
    detail: str
    show: str = ""


class Gate(Protocol):
    """One fact about a healthy lab.  ``look`` may raise HalabError: that counts as not yet.

    ``after`` names gates that cannot be red while this one is green: while they are waited for,
    this one is not looked at, which leaves the CPU to the daemons that start.
    """

    name: str
    after: tuple[str, ...]

    def applies(self, plan: Plan) -> bool: ...
    def look(self, lab: Lab) -> Look: ...
    def show(self, lab: Lab) -> str: ...


@cache
def _registry() -> tuple[Gate, ...]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    names.sort(key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    return tuple(importlib.import_module(f"{__name__}.{name}").GATE for name in names)


def gates_of(plan: Plan) -> list[Gate]:
    """The gates that this plan has to pass, from the ground up."""
    return [gate for gate in _registry() if gate.applies(plan)]


def check_all(lab: Lab) -> list[GateResult]:
    """Look once at every gate, all at the same time."""
    return for_each(gates_of(lab.plan), lambda gate: _look(lab, gate, time.monotonic()))


def await_all(lab: Lab, deadline: float, *, settle: float = 0.0) -> list[GateResult]:
    """Wait until every gate holds at the same moment; ``deadline`` is on ``time.monotonic()``.

    The gates are waited for all at once; when each has been green, one more look at all of them
    together, ``settle`` seconds later, must find them green still.  ``settle`` is for a cluster
    that may not have noticed yet what was done to it.

    Raises DeadlineError with the first gate (from the ground up) that does not hold.  ``seconds``
    count from the call.  Each gate that turns green is told to the lab's events.
    """
    begun = time.monotonic()
    while True:
        results = _await_each(lab, begun, deadline)
        interrupt.check("gates")
        if all(result.ok for result in results):
            interrupt.wait(settle)
            together = check_all(lab)
            if all(result.ok for result in together):
                return results
            results = together if time.monotonic() > deadline else []
        for result in results:
            if not result.ok:
                waited = time.monotonic() - begun
                raise DeadlineError(f"gate '{result.name}' is not green after {waited:.0f} s: {result.detail}",
                                    where=result.show, remedy=f"./inv lab.status --name={lab.name}")


def _await_each(lab: Lab, begun: float, deadline: float) -> list[GateResult]:
    gates = gates_of(lab.plan)
    green = {gate.name: threading.Event() for gate in gates}
    return for_each(gates, lambda gate: _await(lab, gate, green, begun, deadline))


def first_red(lab: Lab, judge: Callable[[Cluster], Look | None]) -> Look | None:
    """``judge`` on every cluster at the same time; the first red look in the plan's order, None if there is none."""
    return next((look for look in for_each(lab.plan.clusters, judge) if look is not None), None)


def on_node(lab: Lab, node: str, command: str) -> str:
    """The line that a person types to see for themselves: ``command`` run on one node."""
    return f"./inv lab.exec {node} {shlex.quote(command)} --name={lab.name}"


def _await(lab: Lab, gate: Gate, green: dict[str, threading.Event], begun: float,
           deadline: float) -> GateResult:
    for name in gate.after:
        while name in green and not green[name].wait(_POLL):
            if time.monotonic() > deadline or interrupt.requested():
                break
    while True:
        looked = time.monotonic()
        result = _look(lab, gate, begun)
        took = time.monotonic() - looked
        if result.ok or time.monotonic() > deadline or interrupt.requested():
            kind = "gate.ok" if result.ok else "gate.fail"
            lab.events.emit(kind, gate=gate.name, seconds=result.seconds, detail=result.detail)
            if result.ok:
                green[gate.name].set()
            return result
        # A deadline-bound poll: the daemons of ten components offer no common event.
        # On a slow node a look costs as much as what it waits for: leave it at least as long in peace.
        time.sleep(max(_POLL * lab.driver.slowness, took if lab.driver.slowness > 1 else 0.0))


def _look(lab: Lab, gate: Gate, begun: float) -> GateResult:
    try:
        look = gate.look(lab)
    except HalabError as error:
        look = Look(False, f"{error.what}; {error.where}" if error.where else error.what)
    except OSError as error:
        look = Look(False, str(error))
    except (KeyError, ValueError, IndexError) as error:
        # A daemon that is only half up may give half an answer; if it stays so, the deadline tells.
        look = Look(False, f"an answer that makes no sense: {error!r}")
    return GateResult(gate.name, look.ok, round(time.monotonic() - begun, 2), look.detail, gate.show(lab))
