"""What a probe's process is told: one JSON file, without a secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemons import galera
from daemons.services import HEALTH_PORT, port
from lab.errors import RefusedError

DATABASE = galera.PROBE_DATABASE
TABLE = galera.PROBE_TABLE
BANK = "probe_bank"
QUEUE = "halab.probe"
PARENT = "HALAB_PROBE_PARENT"  # environment: the process whose death ends the probe


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Targets(_Value):
    """Where the services are, as a client on the control network sees them.

    ``client`` marks this run's rows and messages, so that leftovers of other runs are told
    apart; letters and digits only, because it becomes part of SQL text.
    """

    client: str = Field(pattern=r"^[a-z0-9]{1,32}$")
    vip: str = ""  # the proxy's address
    vips: dict[str, str] = {}  # every virtual address, for ARP
    interface: str = "br-control"
    http_port: int = HEALTH_PORT
    http_path: str = "/healthz"
    api_port: int = port("keystone")
    sql_port: int = port("galera")
    sql_user: str = galera.PROBE_USER
    mq_hosts: tuple[str, ...] = ()
    mq_port: int = port("rabbitmq")
    mq_user: str = "halab_probe"
    mq_bytes: int = 0  # what a message is filled up to
    mq_quorum: bool = True  # the queue's type: quorum, or classic and mirrored by the broker's policy
    cache_servers: tuple[str, ...] = ()
    cache_port: int = port("memcached")


class ProbeSecrets(_Value):
    """Passwords of the two probe users.  They come over the process's standard input, as one line
    of JSON: a run's folder outlives the lab, so nothing secret is ever in it."""

    sql: str = ""
    amqp: str = ""

    @classmethod
    def read(cls, source: BinaryIO) -> ProbeSecrets:
        """Up to the end of ``source``; nothing at all means that there are none."""
        try:
            return cls.model_validate_json(source.read() or b"{}")
        except ValidationError:
            # Without its cause: pydantic quotes what it could not read.
            raise RefusedError("what came over standard input are no probe secrets",
                               remedy="a JSON object, as ProbeSecrets writes it, or nothing at all") from None


class ProbeConfig(_Value):
    """``period`` and ``timeout`` in seconds; ``ledger`` takes what was acknowledged or seen."""

    probe: str
    period: float = Field(default=0.02, gt=0)
    timeout: float = Field(default=1.0, gt=0)
    samples: Path
    ledger: Path | None = None
    targets: Targets

    @property
    def status(self) -> Path:
        """Where the process writes how it ended."""
        return self.samples.with_suffix(".status.json")

    @classmethod
    def read(cls, path: Path) -> ProbeConfig:
        try:
            return cls.model_validate(json.loads(path.read_text()))
        except (ValidationError, json.JSONDecodeError, OSError) as error:
            raise RefusedError(f"bad probe configuration: {error}", where=str(path),
                               remedy="a JSON object, as ProbeConfig writes it") from error
