"""Which losses a fault of each family means for a client: the formulas that its bound is the slowest of.

A fault names its family (``BaseFault.bounds``), a probe what it is a client of (``chaos.model.Traits``):
a new fault or probe needs no change here unless it fails in a way of its own.  Empty: the client should
not notice.  NoFormula: nobody has said yet what it may cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chaos.facts import Facts, Injection
from chaos.formulas import (
    MOVE_HIGH,
    RESTART_SEEN,
    VIP_START_HIGH,
    VIP_START_LOW,
    Bound,
    NoBound,
    NoFormula,
    backend_reset,
    backend_silent,
    client_reconnect,
    client_retry,
    galera_member_lost,
    known,
    proxy_killed,
    queue_leader_lost,
    vip_takeover,
)
from chaos.model import Traits
from daemons.pacemaker import CIB_REASK
from daemons.services import of_process
from lab.bmc import SLOW as BMC_SLOW


def _struck(injection: Injection, role: str) -> bool:
    """Whether the fault hit the node of that role."""
    who: str = getattr(injection.roles, role)
    if not who:
        raise NoBound(f"who was {role} is not known")
    return injection.hits(who)


def _silent_loss(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A node is gone and said no goodbye."""
    if injection.starves and client.client_of != "memcached":
        raise NoFormula(f"after {injection.fault} nobody has quorum until it is healed; promise seconds")
    timers = injection.timers
    found: list[Bound] = []
    vip_lost = client.through_vip and _struck(injection, "vip_holder")
    if vip_lost:
        takeover = vip_takeover(timers, injection.wants_fencing)
        found.append(_by_its_bmc(facts, injection, takeover) if injection.wants_fencing else takeover)
    if client.client_of == "galera" and not vip_lost and _struck(injection, "galera_writer"):
        found.append(backend_silent(timers))
    if client.client_of == "galera" and client.writes and facts.hits(injection, "galera"):
        found.append(galera_member_lost(timers))
    if client.client_of == "rabbitmq" and facts.hits(injection, "rabbitmq"):
        # Whoever leads: what a client pays depends on whether it was connected to the lost broker, which nobody knows.
        found.append(queue_leader_lost(timers, silent=True, consumes=not client.writes))
    if client.client_of == "memcached" and facts.hits(injection, "memcached"):
        found.append(client_reconnect(timers))
    if client.client_of == "keystone" and facts.hits(injection, "keystone"):
        # One request in n meets it until the checks have found out; the others are answered.
        found.append(replace(backend_silent(timers), low=0.0))
    return found


def _freeze(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A node stands still: for good, for so long that it may be given up, or shorter than any detector needs."""
    if "seconds" not in injection.params:
        return _silent_loss(facts, injection, client)
    length, retry = float(injection.params["seconds"]), client_retry(injection.timers)
    if injection.params["short"]:
        lost = _silent_loss(facts, injection, client)
        # Some detector may be faster than the token: one with a floor, that this freeze is longer than.
        found = [part for part in lost if 0 < part.low < length]
    else:
        fenced = replace(injection, wants_fencing=True)
        lost = found = _silent_loss(replace(facts, injections=tuple(
            fenced if one is injection else one for one in facts.injections)), fenced, client)
    itself = [Bound(0.0, length + retry, f"0 .. {length:g} s frozen + {retry:g} s client retry")] if lost else []
    return [replace(part, low=0.0) for part in (*itself, *found)]


def _by_its_bmc(facts: Facts, injection: Injection, takeover: Bound) -> Bound:
    """The same with what an earlier fault did to the BMC that the fencing needs."""
    done = {one.fault for one in facts.injections[:facts.injections.index(injection)]
            if any(injection.hits(node) for node in one.target)}
    if "fence.unreachable" in done:
        raise NoFormula("a BMC that is silent fences nobody until it is healed; promise seconds",
                        takeover.low, takeover.why)
    if "fence.slow" not in done:
        return takeover
    return Bound(takeover.low + BMC_SLOW, takeover.high + BMC_SLOW, f"{takeover.why}, and {BMC_SLOW:g} s of a slow BMC")


def _process(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """One process is gone, and the kernel resets its connections; ``params`` name it."""
    process, timers = str(injection.params.get("process", "")), injection.timers
    if injection.wants_fencing:
        # The node leaves its cluster but serves on until it is fenced: a silent loss without a floor.
        return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]
    if process == "pacemaker-controld":
        return []  # resources run on; pacemakerd starts it again
    match of_process(process), client.client_of:
        case "haproxy", _:
            through = client.through_vip and _struck(injection, "vip_holder")
            return [proxy_killed(timers)] if through else []
        case "galera", "galera" if client.writes:
            return [galera_member_lost(timers), backend_reset(timers)]
        case "galera", "galera":
            return [backend_reset(timers)] if _struck(injection, "galera_writer") else []
        case "rabbitmq", "rabbitmq":
            return [queue_leader_lost(timers, silent=False)]
        case "memcached", "memcached":
            return [client_reconnect(timers)]
        case "keystone", "keystone":
            return _instance(facts, injection, backend_reset(timers))
        case "galera" | "rabbitmq" | "memcached" | "keystone", _:
            return []
    raise NoFormula(f"there is no formula for the death of {process or 'an unnamed process'}")


def _instance(facts: Facts, injection: Injection, lost: Bound) -> list[Bound]:
    """One of n instances behind the proxy is lost: one request in n meets it, until the checks have found out."""
    if set(facts.running("keystone")) <= set(injection.target):
        raise NoFormula("no instance is left; promise seconds")
    return [replace(lost, low=0.0)] if facts.hits(injection, "keystone") else []


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
        case 5000, "keystone":
            if _struck(injection, "vip_holder"):
                raise NoFormula("the proxy's own port on the virtual IP is blocked as well; promise seconds")
            return _instance(facts, injection, backend_silent(timers))
        case 11211, "memcached":
            return [client_reconnect(timers)]
        case 25672, "rabbitmq":
            # Erlang's links to some peers or to all, for either side may have opened one.
            return [replace(queue_leader_lost(timers, silent=True, consumes=not client.writes), low=0.0)]
        case 5672, "rabbitmq":
            raise NoFormula("when a client gives up a broker that is silent is its own affair; promise seconds")
    return []


def _pause(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A process stands still and keeps its sockets; ``params`` name it."""
    timers, process = injection.timers, str(injection.params.get("process", ""))
    if injection.wants_fencing:
        return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]
    match of_process(process), client.client_of:
        case "galera", "galera" if client.writes:
            return [replace(galera_member_lost(timers), low=0.0), replace(backend_silent(timers), low=0.0)]
        case "galera", "galera":
            return [replace(backend_silent(timers), low=0.0)] if _struck(injection, "galera_writer") else []
        case "rabbitmq", "rabbitmq":
            # Its peers miss its ticks.
            return [replace(queue_leader_lost(timers, silent=True, consumes=not client.writes), low=0.0)]
        case "memcached", "memcached":
            return [client_reconnect(timers)]
        case "keystone", "keystone":
            return _instance(facts, injection, backend_silent(timers))
        case "galera" | "rabbitmq" | "memcached" | "keystone", _:
            return []
    # Nobody asks a proxy for an answer: its unit is active, and its clients hang.
    raise NoFormula(f"nobody notices a paused {process or 'process'}; promise seconds")


def _vip_process(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """The address itself fails on a healthy node: Pacemaker's monitor finds out and starts it again."""
    timers = injection.timers
    if not client.through_vip or not _struck(injection, "vip_holder"):
        return []
    mt, start = known(timers, "vip_monitor"), VIP_START_HIGH * timers.slowness
    return [Bound(0.0, mt + CIB_REASK + 2 * start + client_retry(timers),
                  f"0 .. Mt {mt:g} + {CIB_REASK:.0f} s decision + stop and start {2 * start:g} + client retry")]


def _vip_recovery(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """Pacemaker was told that the address failed: it stops it and starts it again, with nothing to find out."""
    timers = injection.timers
    if not client.through_vip or not _struck(injection, "vip_holder"):
        return []
    start = VIP_START_HIGH * timers.slowness
    return [Bound(0.0, CIB_REASK + 2 * start + client_retry(timers),
                  f"0 .. {CIB_REASK:.0f} s decision + stop and start {2 * start:g} + client retry")]


def _split(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A silent loss for the other nodes alone: clients reach both sides, and are served until the fence."""
    return [replace(part, low=0.0) for part in _silent_loss(facts, injection, client)]


def _graceful(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """Everything leaves in good order: a stop, a start, and a client that asks again."""
    found = _vip_leaves(injection) if client.through_vip and _struck(injection, "vip_holder") else []
    if client.client_of == "galera" and _struck(injection, "galera_writer"):
        found.append(backend_reset(injection.timers))
    return found


def _vip_leaves(injection: Injection) -> list[Bound]:
    """The address stops here and starts there."""
    start, retry = VIP_START_HIGH * injection.timers.slowness, client_retry(injection.timers)
    return [Bound(0.0, 2 * start + retry, f"0 .. stop and start {2 * start:g} + client retry")]


def _backend(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """The proxy takes a database out that still answers, and ends its sessions."""
    return [backend_reset(injection.timers)] if (
        client.client_of == "galera" and _struck(injection, "galera_writer")) else []


def _late(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A database answers every request, late by the parameter ``ms`` at most; commits wait for each member."""
    if client.client_of != "galera" or not facts.hits(injection, "galera"):
        return []
    if not client.writes and not _struck(injection, "galera_writer"):
        return []
    late, retry = int(injection.params["ms"]) / 1000, client_retry(injection.timers)
    return [Bound(0.0, late + retry, f"0 .. {late:g} s late + {retry:g} s client retry")]


def _unfelt(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    return []


def _writers(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """Nobody can commit until it ends; readers go on."""
    if client.client_of == "galera" and client.writes:
        raise NoFormula(f"{injection.fault} holds commits up for as long as it lasts; promise seconds")
    return []


def _database(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """The whole database is away until somebody has bootstrapped it."""
    if client.client_of == "galera":
        raise NoFormula(f"{injection.fault} takes the whole database away; promise seconds")
    return []


def _broker(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """Publishers are blocked until it ends."""
    if client.client_of == "rabbitmq":
        raise NoFormula(f"{injection.fault} blocks publishers for as long as it lasts; promise seconds")
    return []


def _unit(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A unit or a resource is stopped in good order; ``params`` name it."""
    if resource := str(injection.params.get("resource", "")):
        return _ordered(resource, client)
    timers, unit = injection.timers, str(injection.params.get("unit", ""))
    match unit, client.client_of:
        case "haproxy", _:
            # A stop is no failure to systemd: Pacemaker's monitor has to find it.
            through = client.through_vip and _struck(injection, "vip_holder")
            return [proxy_killed(replace(timers, haproxy_restart=None))] if through else []
        case "halab-galera-check", "galera":
            return [backend_reset(timers)] if _struck(injection, "galera_writer") else []
        case "rabbitmq-server", "rabbitmq":
            return [queue_leader_lost(timers, silent=False)]
        case "memcached", "memcached":
            return [client_reconnect(timers)]
        case "keystone", "keystone":
            return _instance(facts, injection, backend_reset(timers))
        case "pacemaker" | "corosync", _:
            raise NoFormula(f"there is no formula for a stopped {unit}")
    return []


def _ordered(resource: str, client: Traits) -> list[Bound]:
    """Pacemaker was told to stop a resource, and starts it no more until it is told to."""
    if _behind(resource, client):
        raise NoFormula(f"nobody starts {resource} until it is told to; promise seconds")
    return []


def _behind(resource: str, client: Traits) -> bool:
    """Whether the client is away when this resource is stopped everywhere."""
    if resource == "haproxy" or resource.startswith("vip-"):
        return client.through_vip
    return client.client_of == resource


def _restart(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """A unit is away for a moment, at most as long as one that stays stopped; a resource until its stop was seen."""
    resource, timers = str(injection.params.get("resource", "")), injection.timers
    if not resource:
        return [replace(part, low=0.0) for part in _unit(facts, injection, client)]
    if resource == "haproxy":
        # An instance of a clone is restarted by a ban from its node: a virtual IP there moves meanwhile.
        return _vip_leaves(injection) if client.through_vip and _struck(injection, "vip_holder") else []
    if not _behind(resource, client):
        return []
    if not resource.startswith("vip-"):
        raise NoFormula(f"there is no formula for a restart of {resource} by Pacemaker")
    turn = (RESTART_SEEN + MOVE_HIGH + 2 * VIP_START_HIGH) * timers.slowness
    return [Bound(VIP_START_LOW, turn + client_retry(timers),
                  f"Ts {VIP_START_LOW:g} .. {turn:g} s to stop, to be seen to, and to start + client retry")]


def _undecided(facts: Facts, injection: Injection, client: Traits) -> list[Bound]:
    """What this costs depends on more than timers: a scenario gives its own limits, in seconds."""
    raise NoFormula(f"{injection.fault} has no formula; promise seconds")


FAMILIES: dict[str, Callable[[Facts, Injection, Traits], list[Bound]]] = {
    "silent_loss": _silent_loss, "freeze": _freeze, "process": _process, "port": _port, "pause": _pause,
    "vip_process": _vip_process, "vip_recovery": _vip_recovery, "split": _split, "graceful": _graceful,
    "backend": _backend, "late": _late,
    "writers": _writers, "database": _database, "broker": _broker, "unit": _unit,
    "restart": _restart, "unfelt": _unfelt, "undecided": _undecided}
