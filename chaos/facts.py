"""What a run knows about itself besides its samples: ``facts.json`` in the run's folder.

The runner fills a :class:`Facts` while it works and writes it at the end (also when it gives
up half way: every field that it could not learn stays ``None`` or empty, and the checks say
what is missing).  The checks read it and never the lab, so an old run can be judged again.

All times are seconds since the epoch on the host's clock; all durations are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chaos.model import Proof
from lab.errors import RefusedError

FACTS_FILE = "facts.json"
_WRONG = {"unexpected_keyword_argument": "unknown field", "missing": "is missing"}


@dataclass(frozen=True)
class Timers:
    """The lab's live timers, in SECONDS, as its daemons report them; ``None``: could not be read.

    Sources: ``corosync-cmapctl`` (``runtime.config.totem.token`` and ``.consensus``, which hold
    the effective values, the coefficient already added, and ``quorum.device``), the CIB (monitor intervals, fencing
    parameters), ``haproxy.cfg``, ``wsrep_provider_options``, ``rabbitmqctl environment``.
    """

    token: float | None = None  # effective, with the coefficient
    consensus: float | None = None
    qdevice_timeout: float | None = None  # of the target's cluster; None: it asks no quorum device
    qdevice_sync_timeout: float | None = None
    vip_monitor: float | None = None
    haproxy_monitor: float | None = None
    galera_monitor: float | None = None  # of the promoted role
    fence_delay: float = 0.0  # pcmk_delay_base of the target's device
    fence_power_wait: float = 0.0
    haproxy_restart: float | None = None  # RestartSec if systemd revives the proxy, else None
    haproxy_one_try: bool = False  # no timer: Pacemaker does not start a failed proxy again, the VIP moves
    haproxy_inter: float | None = None
    haproxy_fastinter: float | None = None
    haproxy_fall: int | None = None
    haproxy_rise: int | None = None
    haproxy_check_timeout: float | None = None
    haproxy_observe_layer4: bool = False
    evs_keepalive: float | None = None
    evs_check: float | None = None
    evs_join_retrans: float | None = None
    evs_suspect: float | None = None
    evs_inactive: float | None = None
    evs_install: float | None = None
    net_ticktime: float | None = None
    mirrored_queues: bool = False  # no timer: which failure detector finds a silent broker
    mq_heartbeat: float | None = None  # what the broker suggests to its clients
    stonith_timeout: float | None = None  # of the cluster
    fence_timeout: float | None = None  # pcmk_reboot_timeout of the target's device
    flush_at_commit: int | None = None  # innodb_flush_log_at_trx_commit; no timer, and in every report
    # How many times longer than in a container a program takes on a node (lab.drivers.base); no timer,
    # but the parts of a bound that were measured in containers stretch with it.
    slowness: float = 1.0


def client_patience(slowness: float) -> float:
    """How many times longer than from a container a client waits for an answer; an outage is one for it too."""
    return min(slowness, 5.0)


@dataclass(frozen=True)
class Roles:
    """Who did what when the fault struck; node names, empty if unknown.

    ``galera_writer`` is the backend to which HAProxy sent connections.  Bounds depend on them:
    losing a bystander costs nothing.
    """

    vip_holder: str = ""
    galera_writer: str = ""


@dataclass(frozen=True)
class NodeRows:
    """The audit of one database node: is it Synced, and which acknowledged rows does it lack.

    ``missing`` holds at most the first 50 as ``client/seq``; ``missing_total`` is the number.
    ``tables`` maps each of the probes' tables to its checksum, ``bank`` is the sum of all balances; both are
    empty where the table does not exist, and in old recordings.
    """

    node: str
    synced: bool
    rows: int
    missing_total: int = 0
    missing: tuple[str, ...] = ()
    tables: dict[str, str] = field(default_factory=dict)
    bank: int | None = None


@dataclass(frozen=True)
class SqlAudit:
    """Acknowledged rows against the rows on each node, made by ``chaos.ledger.audit_rows``."""

    acked: int
    nodes: tuple[NodeRows, ...]


@dataclass(frozen=True)
class PrimarySighting:
    """One look at all Galera nodes at once.

    ``components`` holds one tuple of node names per distinct Primary component, where nodes
    belong together when they show the same view with the status Primary (daemons.galera).
    ``answered`` names who was read at all; None in recordings from before it was noted.
    """

    at: float
    components: tuple[tuple[str, ...], ...]
    answered: tuple[str, ...] | None = None

    @property
    def counts(self) -> bool:
        """Whether this look could have seen anything."""
        return bool(self.components if self.answered is None else self.answered)


@dataclass(frozen=True)
class GateResult:
    """One gate of ``lab.gates`` as it stood at the end of the run."""

    name: str
    ok: bool
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Injection:
    """One fault of a run as it was carried out: on whom, when, and what was known just before.

    ``begin`` is taken just before the fault acts, or is what the fault says (``BaseFault.struck``), ``end`` when
    ``inject`` returned.
    ``timers``, ``roles`` and ``members`` (empty in old recordings) are those of the target's cluster
    at that moment.  ``fencing`` is what the cluster's configuration and devices said of whom it may fence (V5).
    ``detected_at`` is when the survivors formed a membership without the target (their log).
    ``held`` is the proof of effect once more, right before the heal, of a fault that endures.
    ``helped`` says what ought to have come back by itself and had to be started by the heal.
    ``whole_at`` is when the lab was seen whole again before the next fault struck; None if nobody waited for that.
    """

    fault: str
    target: tuple[str, ...] = ()
    selector: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    wants_fencing: bool = False
    starves: bool = False  # nodes go on without quorum, and nobody will fence them
    roles: Roles = field(default_factory=Roles)
    timers: Timers = field(default_factory=Timers)
    members: tuple[str, ...] = ()
    begin: float | None = None
    end: float | None = None
    took_effect: Proof | None = None
    held: Proof | None = None
    healed: Proof | None = None
    helped: str = ""
    fencing: Proof | None = None
    detected_at: float | None = None
    whole_at: float | None = None

    def hits(self, node: str) -> bool:
        return node in self.target


@dataclass(frozen=True)
class Facts:
    """Everything that is true of one run and is not a sample or an event.

    ``injections`` are its faults in the order in which they acted; most runs have one.

    ``sla`` maps a probe's name, ``*`` (every probe without an entry of its own) or ``converged``
    to a number of seconds, ``"6s"``, ``"bound"`` or ``"bound + 2s"`` (see :mod:`chaos.sla`).
    ``macs`` maps the lower-case MAC of each node's control NIC to the node.
    ``converged_at`` is when every gate held again after the heal.
    ``phase_notes`` holds, by phase, what a ``wait`` said that ended without it; L5 fails on each.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    scenario: str
    lab: str
    driver: str
    style: str
    profile: str
    nodes: tuple[str, ...]  # every node of the lab
    probes: tuple[str, ...]  # the names that were started
    period: float
    injections: tuple[Injection, ...] = ()
    witnessed: bool = False  # the driver watched the power of its nodes to the end (lab.events: power.seen)
    # the clock
    started_at: float | None = None
    heal_begin: float | None = None
    heal_end: float | None = None
    converged_at: float | None = None
    undisturbed_until: float | None = None  # then the gates were looked at once more; None: it was not noted
    ended_at: float | None = None
    phase_notes: dict[str, str] = field(default_factory=dict)
    # the lab
    versions: dict[str, str] = field(default_factory=dict)
    vips: dict[str, str] = field(default_factory=dict)  # name -> address
    macs: dict[str, str] = field(default_factory=dict)  # MAC -> node
    nodeids: dict[str, int] = field(default_factory=dict)  # as corosync counts them; {}: in the order of ``nodes``
    clusters: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by name, its members; {}: one of all nodes
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)  # as Plan.running; {}: all on all
    # the audits, made after convergence
    looked: bool = False  # the nodes were watched (chaos.looks), and rows signed; recordings from before: not
    logged: tuple[str, ...] | None = None  # whose logs were read (chaos.nodelog); None: it was not noted
    sql: SqlAudit | None = None
    primaries: tuple[PrimarySighting, ...] = ()
    gates: tuple[GateResult, ...] = ()
    # the judgement
    sla: dict[str, float | str] = field(default_factory=dict)
    expect: str = "PASS"  # the verdict that the scenario is meant to have (chaos.scenario.Expect)
    expect_checks: tuple[str, ...] = ()
    expect_also: tuple[str, ...] = ()
    # for whoever reads it
    description: str = ""
    teaches: str = ""
    rerun: str = ""  # the command that repeats the run
    error: str = ""  # why the tool gave up, if it did: the verdict is BROKEN

    @property
    def fault(self) -> str:
        """The names of the faults, as a person says them."""
        return ", then ".join(one.fault for one in self.injections) or "no fault"

    @property
    def target(self) -> tuple[str, ...]:
        """Every node that a fault hit, each once."""
        return tuple(dict.fromkeys(node for one in self.injections for node in one.target))

    @property
    def inject_begin(self) -> float | None:
        """When the first fault struck."""
        return self.injections[0].begin if self.injections else None

    @property
    def inject_end(self) -> float | None:
        return self.injections[-1].end if self.injections else None

    @property
    def fenced_targets(self) -> tuple[str, ...]:
        """The nodes whose loss only fencing may end."""
        return tuple(dict.fromkeys(node for one in self.injections if one.wants_fencing for node in one.target))

    @property
    def wants_fencing(self) -> bool:
        return any(one.wants_fencing for one in self.injections)

    @property
    def detected_at(self) -> float | None:
        """When the last of the losses was noticed; None while one of them was not."""
        times = [one.detected_at for one in self.injections if one.wants_fencing]
        return max((at for at in times if at is not None), default=None) if None not in times else None

    @property
    def timers(self) -> Timers:
        """Those of the first fault's target."""
        return self.injections[0].timers if self.injections else Timers()

    def running(self, service: str) -> tuple[str, ...]:
        """The nodes that ought to run ``service`` (haproxy, galera, rabbitmq, memcached, keystone)."""
        return self.services.get(service, self.nodes)

    def hits(self, injection: Injection, service: str) -> bool:
        """Whether a target of ``injection`` runs ``service``."""
        return any(node in self.running(service) for node in injection.target)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the inverse of :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Facts:
        """Raises RefusedError that names the field if one is unknown, missing or of the wrong type."""
        try:
            return _adapter().validate_json(json.dumps(_of_today(raw)))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(["facts", *(str(step) for step in first["loc"])])
            raise RefusedError(f"{place}: {_WRONG.get(first['type'], 'has the wrong type')}", where=place,
                               remedy="another version of halab may have made it: run the scenario again") from error

    def write(self, run_dir: Path) -> None:
        """Write ``facts.json``, whole or not at all."""
        temporary = run_dir / (FACTS_FILE + ".new")
        temporary.write_text(json.dumps(self.to_json(), indent=1) + "\n")
        temporary.replace(run_dir / FACTS_FILE)

    @classmethod
    def read(cls, run_dir: Path) -> Facts:
        path = run_dir / FACTS_FILE
        try:
            return cls.from_json(json.loads(path.read_text()))
        except FileNotFoundError as error:
            raise RefusedError("the run has no facts", where=str(path),
                               remedy="run the scenario again: it stopped too early to be judged") from error
        except json.JSONDecodeError as error:
            raise RefusedError(f"not JSON: {error}", where=str(path),
                               remedy="run the scenario again: this record is damaged") from error


def _of_today(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Without what older recordings hold and nobody reads any more."""
    def kept(value: object, *retired: str) -> object:
        return {key: one for key, one in value.items() if key not in retired} if isinstance(value, dict) else value

    found = dict(raw)
    if isinstance(found.get("injections"), list):
        found["injections"] = [
            {**one, "roles": kept(one["roles"], "dc", "mq_leader")} if isinstance(one, dict) and "roles" in one else one
            for one in (kept(one, "cluster_size") for one in found["injections"])]
    return found


@cache
def _adapter() -> TypeAdapter[Facts]:
    return TypeAdapter(Facts)
