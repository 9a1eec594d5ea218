"""Timer profiles: how patient each layer of the stack is.

The values live as data in ``topologies/profiles/*.yml``; this module is their schema.
Units: milliseconds where the name ends in ``_ms``, seconds otherwise.
Bounds and gates never read a profile: they read the live timers of the lab.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from daemons.pacemaker import CIB_REASK

_DECISION = 1.0  # s for Pacemaker to act, once it has asked for the CIB
_LONGEST = 3600  # s, far below what overflows a daemon's integers


class _Timers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    # Names of those that no daemon takes as 0.
    _above_zero: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name, value in self:
            if not isinstance(value, int | float):
                continue
            if value < 0:
                raise ValueError(f"{name} is negative ({value})")
            if value > _LONGEST * (1000 if name.endswith("_ms") else 1):
                raise ValueError(f"{name} is longer than an hour ({value})")
            if not value and name in self._above_zero:
                raise ValueError(f"{name} is 0, with which its daemon does not work")
        return self


class CorosyncTimers(_Timers):
    """totem timers, corosync.conf(5).  Effective token = token + (n-2) x coefficient for n >= 3."""

    token_ms: int
    token_coefficient_ms: int
    consensus_ms: int | None = None  # None: corosync computes 1.2 x the effective token
    join_ms: int = 50
    # corosync-qdevice(8), with its own defaults.  A dead member's connection to qnetd lasts about the
    # timeout, and until it is gone a changed membership waits for the vote, at most sync_timeout.
    qdevice_timeout_ms: int = 10_000
    qdevice_sync_timeout_ms: int = 30_000

    @model_validator(mode="after")
    def _ordered(self) -> CorosyncTimers:
        if self.token_ms < 100:
            raise ValueError(f"token_ms {self.token_ms} is below 100 ms, in which no token goes round a busy host")
        least = self.token_ms * 12 // 10
        if self.consensus_ms is not None and self.consensus_ms < least:
            raise ValueError(f"consensus_ms must be at least 1.2 x token_ms, corosync.conf(5): {least} for a token of "
                             f"{self.token_ms} (got {self.consensus_ms})")
        return self

    def effective_token_ms(self, members: int) -> int:
        return self.token_ms + max(0, members - 2) * self.token_coefficient_ms

    def effective_consensus_ms(self, members: int) -> int:
        return self.consensus_ms or int(1.2 * self.effective_token_ms(members))

    def detection_ms(self, members: int) -> int:
        """Until the others agree that a silent member is gone."""
        return self.effective_token_ms(members) + self.effective_consensus_ms(members)


class PacemakerTimers(_Timers):
    """Monitor intervals and fencing; ``dc_deadtime`` may be short because wait_for_all guards the boot."""

    _above_zero = ("vip_monitor", "haproxy_monitor", "galera_promoted_monitor", "galera_monitor", "fence_timeout")

    dc_deadtime: float
    vip_monitor: float
    haproxy_monitor: float
    galera_promoted_monitor: float
    galera_monitor: float
    fence_power_wait: float
    fence_timeout: float

    @model_validator(mode="after")
    def _told_apart(self) -> PacemakerTimers:
        if round(self.galera_monitor * 1000) == round(self.galera_promoted_monitor * 1000):
            raise ValueError("galera_monitor and galera_promoted_monitor must differ: Pacemaker knows the "
                             f"operations of a resource by name and interval (both are {self.galera_monitor:g} s)")
        return self


class GaleraTimers(_Timers):
    """evs.* provider options (ISO 8601 seconds).  install <= inactive, or Galera refuses to start."""

    _above_zero = ("keepalive", "check", "join_retrans", "suspect")

    keepalive: float
    check: float
    join_retrans: float
    suspect: float
    inactive: float
    install: float

    @model_validator(mode="after")
    def _ordered(self) -> GaleraTimers:
        if not self.suspect <= self.install <= self.inactive:
            raise ValueError(
                "Galera needs suspect <= install <= inactive "
                f"(got {self.suspect} / {self.install} / {self.inactive})"
            )
        return self


class HaproxyTimers(_Timers):
    """Health checks of the proxy: a backend is out after ``fall`` failures at ``inter_ms``."""

    _above_zero = ("inter_ms", "fastinter_ms", "fall", "rise", "check_timeout_ms")

    inter_ms: int
    fastinter_ms: int
    fall: int
    rise: int
    check_timeout_ms: int
    observe_layer4: bool
    restart_by_systemd: bool  # Restart=on-failure: revives a killed proxy long before the next monitor


class RabbitmqTimers(_Timers):
    """net_ticktime T detects a silent peer in 0.75..1.25 T seconds; ``failure_detector`` is how often, in seconds,
    quorum queues look whether a member's node is silent."""

    _above_zero = ("net_ticktime", "failure_detector")

    net_ticktime: int
    failure_detector: float


class BmcTimers(_Timers):
    """``post`` is the power-on self test of the emulated machine: longer than the fence operation takes."""

    post: float


class Profile(_Timers):
    """One complete set of timers; ``summary`` is the sentence that ``lab.styles`` shows.

    ``patience`` multiplies what only guards against hangs: the operation timeouts of Pacemaker and
    the start timeouts of units.  It is 1 where nodes run at full speed.
    """

    _above_zero = ("patience",)

    name: str
    summary: str
    patience: float = 1.0
    corosync: CorosyncTimers
    pacemaker: PacemakerTimers
    galera: GaleraTimers
    haproxy: HaproxyTimers
    rabbitmq: RabbitmqTimers
    bmc: BmcTimers

    def reaction(self, members: int, slowness: float) -> float:
        """Seconds until a cluster of so many has acted on a lost member: token, consensus, Pacemaker's decision.

        Corosync's timers suit the nodes' speed already, and Pacemaker's wait for the CIB is a sleep:
        ``slowness`` stretches what it computes and does afterwards.
        """
        return self.corosync.detection_ms(members) / 1000 + CIB_REASK + _DECISION * slowness
