"""The seams of the chaos engine: Fault, Selector, Probe, Check, and the values between them.

A run goes one way: scenario -> (fault + probes) -> recording on disk -> checks -> verdict.
Faults touch the lab, probes touch its services as clients do, checks touch only files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chaos.recording import Recording
    from lab.lab import Lab
    from lab.plan import Service


class Result(StrEnum):
    """The four verdicts: the cluster kept its word, broke it, nothing was proven, the tool failed."""

    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"
    BROKEN = "BROKEN"

    @property
    def exit_code(self) -> int:
        return {"PASS": 0, "FAIL": 1, "INVALID": 3, "BROKEN": 4}[self.value]


class Outcome(StrEnum):
    """What a client knows of one operation; ``unknown`` may have happened or not, but not half."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Target:
    """Whom a fault hits: resolved node names, and the fault's own parameters (plain JSON)."""

    nodes: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)
    selector: str = ""  # as the scenario wrote it, e.g. "vip_holder"


@dataclass(frozen=True)
class Proof:
    """Whether something holds, and the words that show it."""

    ok: bool
    evidence: str


class HealRank(StrEnum):
    """Order of healing: packets first, then frozen nodes, then power, then services."""

    NETWORK = "1-network"
    RESUME = "2-resume"
    POWER = "3-power"
    SERVICE = "4-service"


class Selector(Protocol):
    """Resolves a word such as ``vip_holder`` to node names from the cluster's own state.

    ``argument`` is what a person has to write in the brackets behind the name, '' for none.
    """

    name: str
    argument: str

    def validate(self, argument: str) -> None: ...
    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Sample:
    """One operation of a probe.  Times are epoch seconds on the host's clock; latency counts
    from ``intended``, the moment that the open-loop schedule gave, not from ``started``."""

    slot: int
    intended: float
    started: float
    ended: float
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Traits:
    """What the engine has to know of a probe, declared in the probe's own module as ``TRAITS``."""

    client_of: Service | None = None  # where the plan deploys none of it, the probe is not started
    through_vip: bool = False  # its requests go to the proxy on the virtual address
    writes: bool = False  # it waits until the whole group has its data
    observer: bool = False  # it looks from outside and is no client: it has no outage of its own
    ledger: bool = False  # it writes down what it was promised, or what it saw
    period: float | None = None  # seconds, if not as the scenario says
    timeout: float | None = None  # seconds for one attempt, if not the second that the others have
    grace: float = 5.0  # seconds that it may take to stop


class Probe(Protocol):
    """A client of one service.  ``attempt`` is one operation with its own deadline; the schedule
    that calls it never waits for it."""

    name: str
    timeout: float

    async def open(self) -> None: ...
    async def attempt(self, slot: int) -> tuple[Outcome, str]: ...
    async def close(self) -> None: ...


@dataclass(frozen=True)
class Finding:
    """What one check says.  ``kind`` decides what a failure means: safety and liveness -> FAIL,
    validity -> INVALID.  ``skipped`` is for a check that does not apply, with the reason in ``evidence``."""

    id: str
    title: str
    kind: str  # "safety" | "liveness" | "validity"
    ok: bool
    evidence: str
    skipped: bool = False


class Check(Protocol):
    """A pure function of the recording; proven by a planted violation in the tests."""

    id: str
    title: str
    kind: str

    def judge(self, run: Recording) -> Finding: ...
