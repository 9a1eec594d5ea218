"""What one loss costs, as functions of the live timers: a lower and an upper bound each.

Every function is pure; times are seconds.  Names as in the literature: Tm token + consensus (corosync
forms the next membership), Tq the quorum device's vote, Tf fencing, Ts start of a resource, Mt monitor
interval, S/P/ka/j Galera's suspect, check, keepalive and join-retransmission timers, i/f/c HAProxy's
inter, fall and check timeout.

The lower bound serves V6 (a window below it means that the fault did not do what it says), so
it leaves out what only some versions add.  The upper bound is what an SLA may refer to.
Constants marked *measured* were taken on Pacemaker 2.1.5, corosync 3, Galera 4 in containers.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos.facts import Timers, client_patience
from daemons.pacemaker import CIB_REASK

FENCE_AGENT_LOW, FENCE_AGENT_HIGH = 0.1, 1.0  # one fence_ipmilan operation (measured 0.14..0.66)
VIP_START_LOW, VIP_START_HIGH = 0.05, 0.5  # IPaddr2 start and gratuitous ARP (measured 0.26)
MOVE_HIGH = 1.0  # Pacemaker's decision, and the VIP's stop (measured: 2.1..2.3 s in all with a monitor of 2 s)
RESTART_SEEN = 2.0  # crm_resource --restart looks each 2 s whether the resource has stopped
UNIT_START_LOW, UNIT_START_HIGH = 1.0, 4.0  # Pacemaker polls a systemd job every 2 s (measured 2..4)
CLIENT_RETRY = 1.0  # the probes' timeout: a client that asked just before has to give up first
QUORUM_QUEUE_KILL_HIGH = 3.0  # Ra election after a process kill (measured 0.3)
VIEW_AGREED = 0.5  # Galera's members send each other at most a message each 0.1 s about a view (measured 0.4..0.6)
BROKER_GIVEN_UP = 5.0  # the clients' own timers (chaos.probes.amqp): a frame each 2 s, 3 s without a word on it
NET_SETUP = 7.0  # Erlang's net_setuptime (kernel(6)), which nothing here sets: how long it tries to reach a node
RECONNECT_HIGH = 2.0  # to the next broker, with a channel and a consumer (measured once: 2.3 with the retry)
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
    """Nobody has said yet what this may cost at most; ``low`` is what is sure of it all the same, with its reason."""

    def __init__(self, what: str, low: float = 0.0, why: str = "") -> None:
        super().__init__(what)
        self.low = low
        self.why = why


def known(timers: Timers, name: str) -> float:
    """The timer of that name in seconds; NoBound if it was not read."""
    value = getattr(timers, name)
    if value is None:
        raise NoBound(f"the timer {name} was not read")
    return float(value)


def client_retry(timers: Timers) -> float:
    """How long a client waits for an answer, as :mod:`chaos.probes.fleet` tells the probes."""
    return CLIENT_RETRY * client_patience(timers.slowness)


def membership(timers: Timers) -> float:
    """Tm: corosync declares the token lost, then the survivors agree on a membership."""
    return known(timers, "token") + known(timers, "consensus")


def tie_break(timers: Timers) -> float:
    """Tq, upper: how much later than Tm a cluster with a quorum device agrees; 0 without one.

    A changed membership waits for the device's vote, at most ``sync_timeout``.  ffsplit decides when all
    clients that are connected to qnetd say the same, and a silent one stays connected for a while.
    """
    if timers.qdevice_timeout is None:
        return 0.0
    late = QNETD_PATIENCE * timers.qdevice_timeout - membership(timers)
    return min(known(timers, "qdevice_sync_timeout"), max(0.0, late) + QNETD_ANSWER_HIGH * timers.slowness)


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
    s, p, ka = (known(timers, f"evs_{name}") for name in ("suspect", "check", "keepalive"))
    view = max(known(timers, "evs_join_retrans"), VIEW_AGREED * timers.slowness)
    return Bound(max(0.0, s - ka), s + p + view + client_retry(timers),
                 f"S {s:g} - ka {ka:g} .. S + P {p:g} + {view:g} s for a view (j, or five rounds of messages) "
                 f"+ {client_retry(timers):.0f} s client retry")


def backend_silent(timers: Timers) -> Bound:
    """HAProxy's active backend stops answering; each check has to time out."""
    i, c = known(timers, "haproxy_inter"), known(timers, "haproxy_check_timeout")
    f = known(timers, "haproxy_fall")
    low = 0.0 if timers.haproxy_observe_layer4 else f * c
    fast = timers.haproxy_fastinter or i
    return Bound(low, i + f * max(c, fast) + client_retry(timers),
                 f"f {f:.0f} x c {c:g} .. i {i:g} + f c + client retry")


def backend_reset(timers: Timers) -> Bound:
    """HAProxy's active backend refuses connections."""
    i, f = known(timers, "haproxy_inter"), known(timers, "haproxy_fall")
    # Derived, the floor is (f - 1) i.  Measured, it is 0.02..0.06 s: the proxy redispatches a refused
    # connection to the next backend at once.
    return Bound(0.0, f * i + client_retry(timers), f"0 .. f {f:.0f} x i {i:g} + client retry")


def proxy_killed(timers: Timers) -> Bound:
    """HAProxy dies on the VIP's holder: systemd revives it, or Pacemaker's monitor does, or the VIP moves."""
    if timers.haproxy_restart is not None:
        r = timers.haproxy_restart
        start = 1.0 * timers.slowness
        return Bound(r, r + start + client_retry(timers), f"RestartSec {r:g} .. + {start:g} s start + client retry")
    mt, start = known(timers, "haproxy_monitor"), UNIT_START_HIGH * timers.slowness
    if timers.haproxy_one_try:
        move = (MOVE_HIGH + VIP_START_HIGH) * timers.slowness
        return Bound(VIP_START_LOW, mt + move + client_retry(timers),
                     f"Ts {VIP_START_LOW:g} .. Mt {mt:g} + {move:g} s for the VIP's move + client retry")
    return Bound(UNIT_START_LOW, mt + start + client_retry(timers),
                 f"Ts {UNIT_START_LOW}..{start:g} (polled systemd job) + Mt {mt:g} + client retry")


def queue_leader_lost(timers: Timers, silent: bool, consumes: bool = False) -> Bound:
    """The queue gets another leader; ``consumes``: for a client that takes its messages.

    Silent, Erlang's distribution gives the broker up after at most 1.25 x net_ticktime, and a mirror is promoted then
    (measured: publishers at once).  The channel of a consumer that is connected elsewhere looks for the lost master
    before it subscribes to the new one, and Erlang tries that long to reach its node, or until that refuses (measured:
    10.4 and 10.6 s, against 3.2 to 4.9 s of consumers that were connected to the lost broker itself).
    A quorum queue's failure detector is faster (measured 1.5..2.7 s), for clients that are connected to another
    broker.  One that was connected to the lost one has to give it up, and a channel that it opens elsewhere hangs
    until Erlang gave up too (docs/decisions/broker.md), whoever leads: measured with 5 s, 7.3 s after the loss of a
    broker that led nothing.
    """
    if not silent:
        high = QUORUM_QUEUE_KILL_HIGH * timers.slowness
        return Bound(0.0, high + client_retry(timers), f"0 .. {high:g} (election) + client retry")
    missed = 1.25 * known(timers, "net_ticktime")
    if timers.mirrored_queues:
        promotion = QUORUM_QUEUE_KILL_HIGH * timers.slowness
        high = missed + (max(NET_SETUP, promotion) if consumes else promotion)
        what = "Erlang's net_setuptime" if consumes else "a mirror's promotion"
        return Bound(0.0, high + client_retry(timers), f"0 .. {high:g} (1.25 net_ticktime, then {what}) + client retry")
    reconnect = RECONNECT_HIGH * timers.slowness
    high = max(BROKER_GIVEN_UP, missed) + reconnect
    return Bound(0.0, high + client_retry(timers),
                 f"0 .. {high:g} ({BROKER_GIVEN_UP:g} s until the client gives it up, or 1.25 net_ticktime {missed:g}; "
                 f"{reconnect:g} s to another broker) + client retry")


def client_reconnect(timers: Timers) -> Bound:
    """Only the client's own connection was lost; the service is there."""
    return Bound(0.0, 2 * client_retry(timers), "0 .. one timeout and one reconnect")


def unnoticed(timers: Timers) -> Bound:
    """Nothing that the service needs is lost; a client may have to ask twice."""
    return Bound(0.0, client_retry(timers), f"should not notice: 0 .. {client_retry(timers):.0f} s client retry")


def stops(timers: Timers) -> float:
    """How long Pacemaker may take, once quorum is lost, to decide and to take its addresses down.

    The proxy stops first: the order of the two is optional and holds where both stop (measured 4..6).
    """
    return CIB_REASK + (UNIT_START_HIGH + VIP_START_HIGH) * timers.slowness


def broker_paused(timers: Timers) -> float:
    """How long a broker in the minority may take to find the others silent, and to stop."""
    return 1.25 * known(timers, "net_ticktime") + UNIT_START_HIGH * timers.slowness
