"""How long an outage must and may last, computed from the lab's live timers.

A fixed limit for 3 to 16 nodes is wrong, because detection alone grows with the number of
nodes.  Every function here is pure; times are seconds.  Names as in the literature:
Tm token + consensus (corosync forms the next membership), Tf fencing, Ts start of a resource,
Mt monitor interval, S/P/ka/j Galera's suspect, check, keepalive and join-retransmission timers,
i/f/c HAProxy's inter, fall and check timeout.

The lower bound serves V6 (a window below it means that the fault did not do what it says), so
it leaves out what only some versions add.  The upper bound is what an SLA may refer to.
Constants marked *measured* were taken on Pacemaker 2.1.5, corosync 3, Galera 4 in containers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos.facts import Facts, Timers

# Pacemaker asks again for the CIB after a peer is lost, with sleep(1): once if this DC is new,
# twice if it was DC before (measured; do_pe_invoke_callback).
CIB_REASK = 2.0
FENCE_AGENT_LOW, FENCE_AGENT_HIGH = 0.1, 1.0  # one fence_ipmilan operation (measured 0.14..0.66)
VIP_START_LOW, VIP_START_HIGH = 0.05, 0.5  # IPaddr2 start and gratuitous ARP (measured 0.26)
UNIT_START_LOW, UNIT_START_HIGH = 1.0, 4.0  # Pacemaker polls a systemd job every 2 s (measured 2..4)
CLIENT_RETRY = 1.0  # the probes' timeout: a client that asked just before has to give up first
QUORUM_QUEUE_KILL_HIGH = 3.0  # Ra election after a process kill (measured 0.3)
QUORUM_QUEUE_SILENT_HIGH = 10.0  # aten's failure detector, then the election (measured 1..7)

Bounds = dict[str, "Bound"]
Formula = Callable[[], "Bound"]
_KILLED = {"lb.kill": "haproxy", "cache.kill": "memcached", "mq.leader_kill": "beam.smp"}
_SQL = ("sql_read", "sql_write")
_MQ = ("mq_publish", "mq_consume")
SILENT_LOSS = frozenset(
    {"node.poweroff", "node.reset", "node.panic", "node.freeze", "net.isolate", "net.split"})
GRACEFUL = frozenset({"pcmk.standby", "vip.move", "node.shutdown", "node.reboot"})


@dataclass(frozen=True)
class Bound:
    """``low`` and ``high`` in seconds, and the formula with its values in words."""

    low: float
    high: float
    why: str


class UnknownTimer(LookupError):
    """A bound needs a timer that could not be read; the argument is its name."""


def _known(timers: Timers, name: str) -> float:
    value = getattr(timers, name)
    if value is None:
        raise UnknownTimer(name)
    return float(value)


def membership(timers: Timers) -> float:
    """Tm: corosync declares the token lost, then the survivors agree on a membership."""
    return _known(timers, "token") + _known(timers, "consensus")


def fencing(timers: Timers) -> tuple[float, float]:
    """Tf, lower and upper: configured delay, the agent's call, its wait after off and after on."""
    fixed = timers.fence_delay + timers.fence_power_wait
    return fixed + FENCE_AGENT_LOW, fixed + timers.fence_power_wait + FENCE_AGENT_HIGH * timers.slowness


def vip_takeover(timers: Timers, fenced: bool = True) -> Bound:
    """The VIP's holder is lost without a word: detect, fence, start elsewhere."""
    tm = membership(timers)
    low, high = fencing(timers) if fenced else (0.0, 0.0)
    start = VIP_START_HIGH * timers.slowness
    return Bound(tm + low + VIP_START_LOW, tm + CIB_REASK + high + start + CLIENT_RETRY,
                 f"Tm {tm:.2f} + Tf {low:.2f}..{high:.2f} + Ts {VIP_START_LOW}..{start:g}, "
                 f"above also {CIB_REASK:.0f} s CIB re-ask and {CLIENT_RETRY:.0f} s client retry")


def galera_member_lost(timers: Timers) -> Bound:
    """Commits wait until the group has excluded a silent member."""
    s, p, ka = (_known(timers, f"evs_{name}") for name in ("suspect", "check", "keepalive"))
    j = _known(timers, "evs_join_retrans")
    return Bound(max(0.0, s - ka), s + p + j + CLIENT_RETRY,
                 f"S {s:g} - ka {ka:g} .. S + P {p:g} + j {j:g} + {CLIENT_RETRY:.0f} s client retry")


def backend_silent(timers: Timers) -> Bound:
    """HAProxy's active backend stops answering; each check has to time out."""
    i, c = _known(timers, "haproxy_inter"), _known(timers, "haproxy_check_timeout")
    f = _known(timers, "haproxy_fall")
    low = 0.0 if timers.haproxy_observe_layer4 else f * c
    fast = timers.haproxy_fastinter or i
    return Bound(low, i + f * max(c, fast) + CLIENT_RETRY,
                 f"f {f:.0f} x c {c:g} .. i {i:g} + f c + client retry")


def backend_reset(timers: Timers) -> Bound:
    """HAProxy's active backend refuses connections."""
    i, f = _known(timers, "haproxy_inter"), _known(timers, "haproxy_fall")
    # Derived, the floor is (f - 1) i.  Measured, it is 0.02..0.06 s: the proxy redispatches a refused
    # connection to the next backend at once.
    return Bound(0.0, f * i + CLIENT_RETRY, f"0 .. f {f:.0f} x i {i:g} + client retry")


def proxy_killed(timers: Timers) -> Bound:
    """HAProxy dies on the VIP's holder: systemd revives it, or Pacemaker's monitor does."""
    if timers.haproxy_restart is not None:
        r = timers.haproxy_restart
        start = 1.0 * timers.slowness
        return Bound(r, r + start + CLIENT_RETRY, f"RestartSec {r:g} .. + {start:g} s start + client retry")
    mt, start = _known(timers, "haproxy_monitor"), UNIT_START_HIGH * timers.slowness
    return Bound(UNIT_START_LOW, mt + start + CLIENT_RETRY,
                 f"Ts {UNIT_START_LOW}..{start:g} (polled systemd job) + Mt {mt:g} + client retry")


def queue_leader_lost(timers: Timers, silent: bool) -> Bound:
    """The quorum queue elects another leader.  The published lower bound for a silent loss (5 s)
    does not hold: 1.06 s was measured several times, so the floor is 0 until it is calibrated."""
    high = (QUORUM_QUEUE_SILENT_HIGH if silent else QUORUM_QUEUE_KILL_HIGH) * timers.slowness
    return Bound(0.0, high + CLIENT_RETRY, f"0 .. {high:g} (election) + client retry")


def client_reconnect() -> Bound:
    """Only the client's own connection was lost; the service is there."""
    return Bound(0.0, 2 * CLIENT_RETRY, "0 .. one timeout and one reconnect")


def graceful_move(timers: Timers) -> Bound:
    """The resource is stopped here and started there, in order."""
    high = 1.5 * timers.slowness
    return Bound(VIP_START_LOW, high + CLIENT_RETRY, f"Ts {VIP_START_LOW} .. {high:g} + client retry")


def shorter_than_token(timers: Timers, seconds: float) -> Bound:
    """A freeze that ends before the token is declared lost costs at most its own length."""
    return Bound(0.0, seconds + CLIENT_RETRY, f"freeze {seconds:g} s below the token {timers.token:g} s")


def bounds(facts: Facts) -> Bounds:
    """The bound of each service for this run's fault, target and timers.

    A service that the fault should not touch, or whose timers could not be read, has none.
    """
    found: dict[str, Bound] = {}
    for probe in facts.probes:
        parts = []
        for formula in _formulas(facts, probe):
            try:
                parts.append(formula())
            except UnknownTimer:
                parts = []
                break
        if parts:
            found[probe] = _slowest(parts)
    return found


def _slowest(parts: list[Bound]) -> Bound:
    if len(parts) == 1:
        return parts[0]
    return Bound(max(part.low for part in parts), max(part.high for part in parts),
                 "the slowest of: " + "; ".join(part.why for part in parts))


def _formulas(facts: Facts, probe: str) -> list[Formula]:
    """What has to happen before ``probe`` succeeds again; empty: it should not notice, or unknown."""
    if facts.fault == "node.freeze" and _brief(facts):
        seconds = float(facts.params["seconds"])
        return [lambda: shorter_than_token(facts.timers, seconds)]
    if facts.fault in SILENT_LOSS:
        return _silent(facts, probe)
    if facts.fault in GRACEFUL:
        hit = facts.roles.vip_holder in facts.target and probe in ("vip_tcp", *_SQL)
        return [lambda: graceful_move(facts.timers)] if hit else []
    process = str(facts.params.get("process", _KILLED.get(facts.fault, "")))
    return _killed(facts, probe, process) if process else []


def _brief(facts: Facts) -> bool:
    seconds, token = facts.params.get("seconds"), facts.timers.token
    return isinstance(seconds, int | float) and token is not None and seconds < token


def _silent(facts: Facts, probe: str) -> list[Formula]:
    timers, roles, target = facts.timers, facts.roles, facts.target
    found: list[Formula] = []
    if probe in ("vip_tcp", *_SQL) and roles.vip_holder in target:
        found.append(lambda: vip_takeover(timers, facts.wants_fencing))
    if probe in _SQL and roles.galera_writer in target and roles.vip_holder not in target:
        found.append(lambda: backend_silent(timers))
    if probe == "sql_write" and facts.runs("galera"):
        found.append(lambda: galera_member_lost(timers))
    if probe in _MQ and facts.runs("rabbitmq"):
        found.append(lambda: queue_leader_lost(timers, silent=True))
    if probe == "cache" and facts.runs("memcached"):
        found.append(client_reconnect)
    return found


def _killed(facts: Facts, probe: str, process: str) -> list[Formula]:
    timers, roles, target = facts.timers, facts.roles, facts.target
    if process == "haproxy" and probe in ("vip_tcp", *_SQL) and roles.vip_holder in target:
        return [lambda: proxy_killed(timers)]
    if process == "mariadbd" and probe == "sql_write":
        return [lambda: galera_member_lost(timers), lambda: backend_reset(timers)]
    if process == "mariadbd" and probe == "sql_read" and roles.galera_writer in target:
        return [lambda: backend_reset(timers)]
    if process == "beam.smp" and probe in _MQ:
        return [lambda: queue_leader_lost(timers, silent=False)]
    if process == "memcached" and probe == "cache":
        return [client_reconnect]
    return []
