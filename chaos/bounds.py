"""How long an outage must and may last, computed from the lab's live timers.

A fixed limit for 3 to 16 nodes is wrong, because detection alone grows with the number of
nodes.  Every function here is pure; times are seconds.  Names as in the literature:
Tm token + consensus (corosync forms the next membership), Tq the quorum device's vote, Tf fencing,
Ts start of a resource, Mt monitor interval, S/P/ka/j Galera's suspect, check, keepalive and
join-retransmission timers, i/f/c HAProxy's inter, fall and check timeout.

A fault names its family here (``BaseFault.bounds``), a probe what it is a client of
(``chaos.model.Traits``): a new fault or probe needs no change in this file unless it fails in
a way of its own.  What a family has no formula for should not notice the fault, and has the
bound of a client that tries twice.

The lower bound serves V6 (a window below it means that the fault did not do what it says), so
it leaves out what only some versions add.  The upper bound is what an SLA may refer to.
Constants marked *measured* were taken on Pacemaker 2.1.5, corosync 3, Galera 4 in containers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chaos.facts import Facts, Injection, Timers, client_patience
from chaos.faults import all_faults
from chaos.model import Traits
from chaos.probes import traits

# Pacemaker asks again for the CIB after a peer is lost, with sleep(1): once if this DC is new,
# twice if it was DC before (measured; do_pe_invoke_callback).
CIB_REASK = 2.0
FENCE_AGENT_LOW, FENCE_AGENT_HIGH = 0.1, 1.0  # one fence_ipmilan operation (measured 0.14..0.66)
VIP_START_LOW, VIP_START_HIGH = 0.05, 0.5  # IPaddr2 start and gratuitous ARP (measured 0.26)
UNIT_START_LOW, UNIT_START_HIGH = 1.0, 4.0  # Pacemaker polls a systemd job every 2 s (measured 2..4)
CLIENT_RETRY = 1.0  # the probes' timeout: a client that asked just before has to give up first
QUORUM_QUEUE_KILL_HIGH = 3.0  # Ra election after a process kill (measured 0.3)
QUORUM_QUEUE_SILENT_HIGH = 10.0  # aten's failure detector, then the election (measured 1..7)
# corosync-qdevice sends a heartbeat each 0.8 x device.timeout (qdevice-net), and corosync-qnetd gives a client up
# after 1.5 heartbeats without a word (dpd_interval_coefficient, corosync-qnetd(8)).
QNETD_PATIENCE = 0.8 * 1.5
QNETD_ANSWER_HIGH = 1.0  # the decision and its way back (measured: half of four quorate 3.2 s after a cut, Tm 2.2)


@dataclass(frozen=True)
class Bound:
    """``low`` and ``high`` in seconds, and the formula with its values in words."""

    low: float
    high: float
    why: str


class NoBound(LookupError):
    """What a formula needs could not be read; the argument says what."""


class NoFormula(NoBound):
    """Nobody has said yet what this may cost."""


@dataclass(frozen=True)
class Bounds:
    """By service: the bound, or what is missing for it; ``unread`` are those that have a formula."""

    known: dict[str, Bound]
    missing: dict[str, str]
    unread: frozenset[str] = frozenset()

    @property
    def highest(self) -> float | None:
        return max((bound.high for bound in self.known.values()), default=None)


def _known(timers: Timers, name: str) -> float:
    value = getattr(timers, name)
    if value is None:
        raise NoBound(f"the timer {name} was not read")
    return float(value)


def client_retry(timers: Timers) -> float:
    """How long a client waits for an answer, as :mod:`chaos.probes.fleet` tells the probes."""
    return CLIENT_RETRY * client_patience(timers.slowness)


def membership(timers: Timers) -> float:
    """Tm: corosync declares the token lost, then the survivors agree on a membership."""
    return _known(timers, "token") + _known(timers, "consensus")


def tie_break(timers: Timers) -> float:
    """Tq, upper: how much later than Tm a cluster with a quorum device agrees; 0 without one.

    A changed membership waits for the device's vote, at most ``sync_timeout``.  ffsplit decides when all
    clients that are connected to qnetd say the same, and a silent one stays connected for a while.
    """
    if timers.qdevice_timeout is None:
        return 0.0
    late = QNETD_PATIENCE * timers.qdevice_timeout - membership(timers)
    return min(_known(timers, "qdevice_sync_timeout"), max(0.0, late) + QNETD_ANSWER_HIGH * timers.slowness)


def fencing(timers: Timers) -> tuple[float, float]:
    """Tf, lower and upper: configured delay, the agent's call, its wait after off and after on."""
    fixed = timers.fence_delay + timers.fence_power_wait
    return fixed + FENCE_AGENT_LOW, fixed + timers.fence_power_wait + FENCE_AGENT_HIGH * timers.slowness


def vip_takeover(timers: Timers, fenced: bool = True) -> Bound:
    """The VIP's holder is lost without a word: detect, fence, start elsewhere."""
    tm, tq = membership(timers), tie_break(timers)
    low, high = fencing(timers) if fenced else (0.0, 0.0)
    start = VIP_START_HIGH * timers.slowness
    vote = f" {tq:.2f} s for the quorum device's vote," if tq else ""
    return Bound(tm + low + VIP_START_LOW, tm + tq + CIB_REASK + high + start + client_retry(timers),
                 f"Tm {tm:.2f} + Tf {low:.2f}..{high:.2f} + Ts {VIP_START_LOW}..{start:g}, "
                 f"above also{vote} {CIB_REASK:.0f} s CIB re-ask and {client_retry(timers):.0f} s client retry")


def galera_member_lost(timers: Timers) -> Bound:
    """Commits wait until the group has excluded a silent member."""
    s, p, ka = (_known(timers, f"evs_{name}") for name in ("suspect", "check", "keepalive"))
    j = _known(timers, "evs_join_retrans")
    return Bound(max(0.0, s - ka), s + p + j + client_retry(timers),
                 f"S {s:g} - ka {ka:g} .. S + P {p:g} + j {j:g} + {client_retry(timers):.0f} s client retry")


def backend_silent(timers: Timers) -> Bound:
    """HAProxy's active backend stops answering; each check has to time out."""
    i, c = _known(timers, "haproxy_inter"), _known(timers, "haproxy_check_timeout")
    f = _known(timers, "haproxy_fall")
    low = 0.0 if timers.haproxy_observe_layer4 else f * c
    fast = timers.haproxy_fastinter or i
    return Bound(low, i + f * max(c, fast) + client_retry(timers),
                 f"f {f:.0f} x c {c:g} .. i {i:g} + f c + client retry")


def backend_reset(timers: Timers) -> Bound:
    """HAProxy's active backend refuses connections."""
    i, f = _known(timers, "haproxy_inter"), _known(timers, "haproxy_fall")
    # Derived, the floor is (f - 1) i.  Measured, it is 0.02..0.06 s: the proxy redispatches a refused
    # connection to the next backend at once.
    return Bound(0.0, f * i + client_retry(timers), f"0 .. f {f:.0f} x i {i:g} + client retry")


def proxy_killed(timers: Timers) -> Bound:
    """HAProxy dies on the VIP's holder: systemd revives it, or Pacemaker's monitor does."""
    if timers.haproxy_restart is not None:
        r = timers.haproxy_restart
        start = 1.0 * timers.slowness
        return Bound(r, r + start + client_retry(timers), f"RestartSec {r:g} .. + {start:g} s start + client retry")
    mt, start = _known(timers, "haproxy_monitor"), UNIT_START_HIGH * timers.slowness
    return Bound(UNIT_START_LOW, mt + start + client_retry(timers),
                 f"Ts {UNIT_START_LOW}..{start:g} (polled systemd job) + Mt {mt:g} + client retry")


def queue_leader_lost(timers: Timers, silent: bool) -> Bound:
    """The quorum queue elects another leader.  The published lower bound for a silent loss (5 s)
    does not hold: 1.06 s was measured several times, so the floor is 0 until it is calibrated."""
    high = (QUORUM_QUEUE_SILENT_HIGH if silent else QUORUM_QUEUE_KILL_HIGH) * timers.slowness
    return Bound(0.0, high + client_retry(timers), f"0 .. {high:g} (election) + client retry")


def client_reconnect(timers: Timers) -> Bound:
    """Only the client's own connection was lost; the service is there."""
    return Bound(0.0, 2 * client_retry(timers), "0 .. one timeout and one reconnect")


def unnoticed(timers: Timers) -> Bound:
    """Nothing that the service needs is lost; a client may have to ask twice."""
    return Bound(0.0, client_retry(timers), f"should not notice: 0 .. {client_retry(timers):.0f} s client retry")


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


def _struck(injection: Injection, role: str) -> bool:
    """Whether the fault hit the node of that role."""
    who: str = getattr(injection.roles, role)
    if not who:
        raise NoBound(f"who was {role} is not known")
    return injection.hits(who)


def _silent_loss(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A node is gone and said no goodbye."""
    timers = injection.timers
    found: list[Bound] = []
    vip_lost = client.through_vip and _struck(injection, "vip_holder")
    if vip_lost:
        found.append(vip_takeover(timers, injection.wants_fencing))
    if client.client_of == "galera" and not vip_lost and _struck(injection, "galera_writer"):
        found.append(backend_silent(timers))
    if client.client_of == "galera" and client.writes and facts.hits(injection, "galera"):
        found.append(galera_member_lost(timers))
    if client.client_of == "rabbitmq" and facts.hits(injection, "rabbitmq"):
        found.append(queue_leader_lost(timers, silent=True))
    if client.client_of == "memcached" and facts.hits(injection, "memcached"):
        found.append(client_reconnect(timers))
    return found


def _process(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """One process is gone, and the kernel resets its connections; ``params`` name it."""
    process, timers = str(injection.params.get("process", "")), injection.timers
    if injection.wants_fencing:
        # The node leaves its cluster but serves on until it is fenced: a silent loss without a floor.
        return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]
    match process, client.client_of:
        case "haproxy", _:
            through = client.through_vip and _struck(injection, "vip_holder")
            return [proxy_killed(timers)] if through else []
        case "mariadbd", "galera" if client.writes:
            return [galera_member_lost(timers), backend_reset(timers)]
        case "mariadbd", "galera":
            return [backend_reset(timers)] if _struck(injection, "galera_writer") else []
        case "beam.smp", "rabbitmq":
            return [queue_leader_lost(timers, silent=False)]
        case "memcached", "memcached":
            return [client_reconnect(timers)]
        case "mariadbd" | "beam.smp" | "memcached", _:
            return []
    raise NoFormula(f"there is no formula for the death of {process or 'an unnamed process'}")


def _port(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """One port of a node meets silence; ``params`` name it."""
    timers, port = injection.timers, injection.params.get("port")
    if injection.wants_fencing:
        return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]
    match port, client.client_of:
        case 3306, "galera":
            return [replace(backend_silent(timers), low=0.0)] if _struck(injection, "galera_writer") else []
        case 4567, "galera" if client.writes and facts.hits(injection, "galera"):
            return [replace(galera_member_lost(timers), low=0.0)]
        case 9200, "galera":
            # The sessions of a backend that is marked down are ended: clients reconnect to the next one.
            return [replace(backend_silent(timers), low=0.0)] if _struck(injection, "galera_writer") else []
        case 11211, "memcached":
            return [client_reconnect(timers)]
        case 5672 | 25672 | 4369, "rabbitmq":
            raise NoFormula(f"there is no formula for the silence of port {port}")
    return []


def _pause(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A process stands still and keeps its sockets; ``params`` name it."""
    timers, process = injection.timers, str(injection.params.get("process", ""))
    if injection.wants_fencing:
        return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]
    match process, client.client_of:
        case "mariadbd", "galera" if client.writes:
            return [replace(galera_member_lost(timers), low=0.0), replace(backend_silent(timers), low=0.0)]
        case "mariadbd", "galera":
            return [replace(backend_silent(timers), low=0.0)] if _struck(injection, "galera_writer") else []
        case "memcached", "memcached":
            return [client_reconnect(timers)]
        case "mariadbd" | "memcached", _:
            return []
    # A paused proxy or broker is only noticed by a monitor's timeout or a heartbeat.
    raise NoFormula(f"there is no formula for a paused {process or 'process'}")


def _vip_process(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """The address itself fails on a healthy node: Pacemaker's monitor finds out and starts it again."""
    timers = injection.timers
    if not client.through_vip or not _struck(injection, "vip_holder"):
        return []
    mt, start = _known(timers, "vip_monitor"), VIP_START_HIGH * timers.slowness
    return [Bound(0.0, mt + CIB_REASK + 2 * start + client_retry(timers),
                  f"0 .. Mt {mt:g} + {CIB_REASK:.0f} s decision + stop and start {2 * start:g} + client retry")]


def _graceful(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """Everything leaves in good order: a stop, a start, and a client that asks again."""
    timers = injection.timers
    found: list[Bound] = []
    if client.through_vip and _struck(injection, "vip_holder"):
        start = VIP_START_HIGH * timers.slowness
        found.append(Bound(0.0, 2 * start + client_retry(timers), f"0 .. stop and start {2 * start:g} + client retry"))
    if client.client_of == "galera" and _struck(injection, "galera_writer"):
        found.append(backend_reset(timers))
    return found


def _backend(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """The proxy takes a database out that still answers, and ends its sessions."""
    return [backend_reset(injection.timers)] if (
        client.client_of == "galera" and _struck(injection, "galera_writer")) else []


def _unfelt(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    return []


def _undecided(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """What this costs depends on more than timers: a scenario gives its own limits, in seconds."""
    raise NoFormula(f"{injection.fault} has no formula; promise seconds")


FAMILIES: dict[str, Callable[[Facts, Injection, Traits], list[Bound]]] = {
    "silent_loss": _silent_loss, "process": _process, "port": _port, "pause": _pause,
    "vip_process": _vip_process, "graceful": _graceful, "backend": _backend,
    "unfelt": _unfelt, "undecided": _undecided}
