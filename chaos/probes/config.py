"""What a probe's process is told: one JSON file, without a secret in it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.errors import RefusedError

DATABASE = "halab"
TABLE = "probe_rows"
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
    http_port: int = 8404
    http_path: str = "/healthz"
    sql_port: int = 3306
    sql_user: str = "halab_probe"
    mq_hosts: tuple[str, ...] = ()
    mq_port: int = 5672
    mq_user: str = "halab_probe"
    cache_servers: tuple[str, ...] = ()
    cache_port: int = 11211


class ProbeSecrets(_Value):
    """The content of the secrets file (mode 0600): passwords of the two probe users."""

    sql: str = ""
    amqp: str = ""


class ProbeConfig(_Value):
    """``period`` and ``timeout`` in seconds; ``ledger`` takes what was acknowledged or seen."""

    probe: str
    period: float = Field(default=0.02, gt=0)
    timeout: float = Field(default=1.0, gt=0)
    samples: Path
    ledger: Path | None = None
    targets: Targets
    secrets_file: Path | None = None

    @property
    def status(self) -> Path:
        """Where the process writes how it ended."""
        return self.samples.with_suffix(".status.json")

    def secrets(self) -> ProbeSecrets:
        """Read the passwords; a file that others can read is refused."""
        if self.secrets_file is None:
            return ProbeSecrets()
        if self.secrets_file.stat().st_mode & 0o077:
            raise RefusedError("the probe's secrets can be read by others", where=str(self.secrets_file),
                               remedy=f"chmod 600 {self.secrets_file}")
        return ProbeSecrets.model_validate_json(self.secrets_file.read_text())

    @classmethod
    def read(cls, path: Path) -> ProbeConfig:
        try:
            return cls.model_validate(json.loads(path.read_text()))
        except (ValidationError, json.JSONDecodeError, OSError) as error:
            raise RefusedError(f"bad probe configuration: {error}", where=str(path)) from error
