"""Timers that contradict each other: found by reading, before any run has to find it out.

Each rule looks at the live timers (:mod:`chaos.timers`) and says what is wrong, why it matters and
what would be right.  A rule whose timers could not be read says that instead: silence is no approval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chaos import formulas
from chaos.facts import Facts, Timers
from chaos.timers import read_timers
from lab.lab import Lab

CONSENSUS_FACTOR = 1.2  # corosync.conf(5): consensus must be at least 1.2 * token
_LEVELS = ("contradiction", "remark", "unread", "ok")
_ROUNDING = 0.01  # s; corosync counts in whole milliseconds


@dataclass(frozen=True)
class Remark:
    """What one rule says; ``level`` is "ok", "contradiction", "remark" (it may cost something and contradicts nothing)
    or "unread"."""

    rule: str
    level: str
    what: str
    remedy: str = ""


@dataclass(frozen=True)
class _Rule:
    """``judge`` gives whether it holds (None: not in every case, which is worth a remark), why, and what to try."""

    name: str
    judge: Callable[[Timers], tuple[bool | None, str, str]]


def lint(timers: Timers) -> tuple[Remark, ...]:
    """Every rule's remark, contradictions first."""
    return _sorted(_remark(rule, timers) for rule in _RULES)


def lint_lab(lab: Lab) -> tuple[Remark, ...]:
    """The rules on a running lab's timers, as they are for a loss of each cluster's first node.

    What holds for one cluster and not for all names it: token and fencing are a cluster's own.
    """
    clusters = [cluster.name for cluster in lab.plan.clusters]
    said: dict[Remark, list[str]] = {}
    for cluster in clusters:
        for one in lint(read_timers(lab, lab.plan.members(cluster)[0].name).timers):
            said.setdefault(one, []).append(cluster)
    return _sorted(one if where == clusters else replace(one, what=f"{', '.join(where)}: {one.what}")
                   for one, where in said.items())


def lint_run(facts: Facts) -> tuple[Remark, ...]:
    """What is not right with the timers of a recorded run, each thing once however many faults it had."""
    said = (one for injection in facts.injections for one in lint(injection.timers))
    return _sorted(dict.fromkeys(one for one in said if one.level in ("contradiction", "remark")))


def _sorted(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(remarks, key=lambda one: _LEVELS.index(one.level)))


def contradictions(remarks: Iterable[Remark]) -> list[Remark]:
    return [one for one in remarks if one.level == "contradiction"]


def _remark(rule: _Rule, timers: Timers) -> Remark:
    try:
        holds, what, remedy = rule.judge(timers)
    except formulas.NoBound as error:
        return Remark(rule.name, "unread", str(error))
    level = "remark" if holds is None else "ok" if holds else "contradiction"
    return Remark(rule.name, level, what, "" if holds else remedy)


def _consensus(timers: Timers) -> tuple[bool, str, str]:
    token, consensus = formulas.known(timers, "token"), formulas.known(timers, "consensus")
    least = CONSENSUS_FACTOR * token
    return (consensus + _ROUNDING >= least, f"consensus {consensus:g} s, 1.2 x token is {least:g} s",
            "leave totem.consensus out: corosync computes it")


def _install(timers: Timers) -> tuple[bool, str, str]:
    install, suspect = formulas.known(timers, "evs_install"), formulas.known(timers, "evs_suspect")
    return (install >= suspect, f"evs.install_timeout {install:g} s, evs.suspect_timeout {suspect:g} s: "
            "a view must not be given up before the silent member is", "raise evs.install_timeout")


def _inactive(timers: Timers) -> tuple[bool, str, str]:
    inactive, install = formulas.known(timers, "evs_inactive"), formulas.known(timers, "evs_install")
    return (inactive >= install, f"evs.inactive_timeout {inactive:g} s, evs.install_timeout {install:g} s: "
            "Galera refuses to start with install above inactive", "lower evs.install_timeout")


def _keepalive(timers: Timers) -> tuple[bool, str, str]:
    keepalive, suspect = formulas.known(timers, "evs_keepalive"), formulas.known(timers, "evs_suspect")
    return (suspect >= 3 * keepalive, f"evs.suspect_timeout {suspect:g} s holds {suspect / keepalive:.1f} keepalives: "
            "fewer than three, and one lost packet makes a suspect", "lower evs.keepalive_period")


def _proxy(timers: Timers) -> tuple[bool | None, str, str]:
    """Slower when its checks come at the worst moment is a remark; nobody means always slower, or twice as slow."""
    retry = formulas.client_retry(timers)
    least = formulas.known(timers, "haproxy_fall") * formulas.known(timers, "haproxy_check_timeout")
    most = formulas.backend_silent(timers).high - retry
    group = formulas.galera_member_lost(timers).high - retry
    slow = least > group or most > 2 * group
    return (False if slow else True if most <= group else None,
            f"the proxy gives a silent database up after {least:.1f} to {most:.1f} s, its group within {group:.1f} s: "
            "clients wait for the slower one", "lower inter, fall or 'timeout check' in haproxy.cfg")


def _fence_timeout(timers: Timers) -> tuple[bool, str, str]:
    allowed = formulas.known(timers, "stonith_timeout")
    _, needed = formulas.fencing(timers)
    return (allowed > needed, f"stonith-timeout {allowed:g} s, a fence operation may take {needed:.1f} s",
            "raise stonith-timeout above delay + power_wait + the agent's own time")


def _device_timeout(timers: Timers) -> tuple[bool, str, str]:
    device, allowed = formulas.known(timers, "fence_timeout"), formulas.known(timers, "stonith_timeout")
    return (device <= allowed, f"pcmk_reboot_timeout {device:g} s, stonith-timeout {allowed:g} s: the cluster "
            "gives up before the device does", "raise stonith-timeout to pcmk_reboot_timeout or more")


def _ticktime(timers: Timers) -> tuple[bool, str, str]:
    tick, heartbeat = formulas.known(timers, "net_ticktime"), formulas.known(timers, "mq_heartbeat")
    return (heartbeat == 0 or 1.25 * tick <= 2 * heartbeat,
            f"brokers miss each other after {1.25 * tick:g} s (1.25 x net_ticktime), clients their broker after "
            f"{2 * heartbeat:g} s (two heartbeats): clients would leave before the cluster knows why",
            "lower net_ticktime or raise the heartbeat")


def _flush(timers: Timers) -> tuple[bool, str, str]:
    flush = formulas.known(timers, "flush_at_commit")
    return (flush == 1, f"innodb_flush_log_at_trx_commit is {flush:g}"
            + ("" if flush == 1 else ": when all members lose power at once, acknowledged rows are gone (S4)"),
            "set it to 1")


_RULES = (
    _Rule("corosync consensus", _consensus), _Rule("galera install and suspect", _install),
    _Rule("galera inactive and install", _inactive), _Rule("galera keepalive", _keepalive),
    _Rule("proxy and galera", _proxy), _Rule("cluster's fencing timeout", _fence_timeout),
    _Rule("device's fencing timeout", _device_timeout), _Rule("broker and client", _ticktime),
    _Rule("flush at commit", _flush),
)
