"""The lab's live timers, as its daemons report them: what every bound is computed from.

Nothing here reads a profile: a profile says what was wished for.  A timer that cannot be
read stays None and is named in the notes, so that a bound is never computed from a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from chaos import broker, pacemaker
from chaos.facts import Timers
from daemons import corosync
from daemons import haproxy as proxy
from daemons.cib import Cib, seconds
from daemons.galera import CLIENT
from daemons.services import SERVICES
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Service

_QDEVICE_DEFAULTS = {"timeout": 10_000, "sync_timeout": 30_000}  # ms, corosync-qdevice(8)
_STONITH_TIMEOUT = "60s"  # Pacemaker's default
_ISO = re.compile(r"P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_SYSTEMD = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|min|h)")
_SYSTEMD_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_SILENT = (HalabError, ValueError, KeyError, IndexError)  # nobody answers, or not with what was asked for
_PROVIDER = {
    "evs.keepalive_period": "evs_keepalive", "evs.inactive_check_period": "evs_check",
    "evs.join_retrans_period": "evs_join_retrans", "evs.suspect_timeout": "evs_suspect",
    "evs.inactive_timeout": "evs_inactive", "evs.install_timeout": "evs_install",
}


@dataclass
class Reading:
    """The timers so far, and a sentence for each source that did not answer."""

    timers: Timers = field(default_factory=Timers)
    notes: list[str] = field(default_factory=list)

    def take(self, source: str, read: Callable[[], dict[str, Any]]) -> None:
        try:
            self.timers = replace(self.timers, **read())
        except _SILENT as error:
            self.notes.append(f"{source}: {error.what if isinstance(error, HalabError) else error!r}")


def read_timers(lab: Lab, target: str) -> Reading:
    """All timers that matter when something happens to ``target``.

    Totem and fencing are of the target's own cluster, the VIP's of the cluster that holds it,
    the services' of the first node that runs them and answers.
    """
    reading = Reading(Timers(slowness=lab.driver.slowness, mirrored_queues=lab.plan.queues == "mirrored"))
    home = lab.plan.node(target).cluster
    shell = lab.shell.run
    reading.take("corosync", lambda: totem(shell(target, corosync.MAP, timeout=10).stdout))
    reading.take("fencing", lambda: _fencing(pacemaker.cib(lab, home), target))
    if lab.plan.vips:
        proxies = lab.plan.vips[0].cluster
        members = [node.name for node in lab.plan.members(proxies)]
        reading.take("monitors", lambda: _proxy_monitors(pacemaker.cib(lab, proxies)))
        reading.take("haproxy.cfg", lambda: _anyone(members, lambda node: haproxy(
            shell(node, f"cat {proxy.CONFIG}").stdout)))
        reading.take("haproxy.service", lambda: _anyone(members, lambda node: restart(shell(
            node, f"systemctl show {SERVICES['haproxy'].unit}.service --property=Restart,RestartUSec").stdout)))
    if databases := _running(lab, "galera"):
        reading.take("wsrep", lambda: _anyone(databases, lambda node: provider_options(shell(
            node, CLIENT, stdin="SHOW GLOBAL VARIABLES LIKE 'wsrep_provider_options';").stdout)))
        reading.take("flush at commit", lambda: _anyone(databases, lambda node: {"flush_at_commit": int(shell(
            node, CLIENT, stdin="SELECT @@innodb_flush_log_at_trx_commit;").stdout)}))
        reading.take("galera monitor", lambda: {"galera_monitor": pacemaker.cib(
            lab, lab.plan.node(databases[0]).cluster).monitor("galera", promoted=True)})
    if brokers := _running(lab, "rabbitmq"):
        reading.take("rabbitmq", lambda: _anyone(brokers, lambda node: {"net_ticktime": broker.ticktime(lab, node)}))
        reading.take("rabbitmq heartbeat", lambda: _anyone(brokers, lambda node: {
            "mq_heartbeat": broker.heartbeat(lab, node)}))
    return reading


def _running(lab: Lab, service: Service) -> list[str]:
    return [node.name for node in lab.plan.running(service)]


def _anyone(nodes: list[str], ask: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """What the first node says that can: an earlier fault of the same run may have silenced one."""
    *others, last = nodes
    for node in others:
        with suppress(*_SILENT):
            return ask(node)
    return ask(last)


def totem(text: str) -> dict[str, Any]:
    """``corosync-cmapctl``: milliseconds, the coefficient already added; a quorum device where there is one."""
    said = corosync.keys(text)
    device = "quorum.device.model" in said
    return {
        **{name: int(said[f"runtime.config.totem.{name}"]) / 1000 for name in ("token", "consensus")},
        **{f"qdevice_{name}": int(said.get(f"quorum.device.{name}", default)) / 1000 if device else None
           for name, default in _QDEVICE_DEFAULTS.items()}}


def _fencing(config: Cib, target: str) -> dict[str, Any]:
    devices = config.fences(target)
    if not devices:
        raise ValueError(f"no fence device for {target}")
    device = devices[0]
    return {"fence_delay": device.delay, "fence_power_wait": device.power_wait, "fence_timeout": device.timeout,
            "stonith_timeout": seconds(config.properties.get("stonith-timeout") or _STONITH_TIMEOUT)}


def _proxy_monitors(config: Cib) -> dict[str, Any]:
    return {"vip_monitor": config.monitor("IPaddr2"), "haproxy_monitor": config.monitor("haproxy"),
            "haproxy_one_try": config.one_try("haproxy")}


def haproxy(text: str) -> dict[str, Any]:
    """The check values of the section that balances Galera; its own ``default-server`` wins.

    HAProxy's times are milliseconds without a unit; ``inter`` is 2 s, ``fall`` 3 and ``rise`` 2
    when nothing is said (HAProxy 2.6 configuration manual, 5.2).
    """
    said: list[str] = []
    timeout = None
    # The last mention wins: what is said of all sections comes first.
    for section in sorted((one for one in proxy.sections(text) if one.kind == "defaults" or one.name == proxy.PROXY),
                          key=lambda one: one.kind != "defaults"):
        said += [word for line in (*section.having("default-server"), *section.having("server")) for word in line]
        for line in section.having("timeout", "check"):
            timeout = proxy.seconds(line[2])
    after = dict(pairwise(said))
    inter = proxy.seconds(after.get("inter", "2s"))
    return {
        "haproxy_inter": inter,
        "haproxy_fastinter": proxy.seconds(after["fastinter"]) if "fastinter" in after else inter,
        "haproxy_fall": int(after.get("fall", "3")),
        "haproxy_rise": int(after.get("rise", "2")),
        "haproxy_check_timeout": timeout if timeout is not None else inter,
        "haproxy_observe_layer4": after.get("observe") == "layer4",
    }


def restart(text: str) -> dict[str, Any]:
    """``systemctl show``: how soon systemd revives the proxy, None if it leaves that to others."""
    shown = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if shown["Restart"] not in ("always", "on-failure", "on-abnormal", "on-abort"):
        return {"haproxy_restart": None}
    parts = _SYSTEMD.findall(shown["RestartUSec"])
    return {"haproxy_restart": sum(float(number) * _SYSTEMD_UNITS[unit] for number, unit in parts)}


def provider_options(text: str) -> dict[str, Any]:
    """``wsrep_provider_options``: ``name = value;`` pairs, times in ISO 8601."""
    pairs = dict(pair.split(" = ", 1) for pair in text.partition("\t")[2].split("; ") if " = " in pair)
    return {ours: _iso(pairs[theirs].strip(" ;\n")) for theirs, ours in _PROVIDER.items()}


def _iso(text: str) -> float:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text}")
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest

