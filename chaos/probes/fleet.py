"""All probes of one run: start them, wait until each has succeeded once, stop them in order."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.facts import client_patience
from chaos.probes import traits
from chaos.probes.config import PARENT, ProbeConfig, ProbeSecrets, Targets
from chaos.probes.hostload import HostLoad
from lab.errors import DeadlineError, HostError
from lab.host import cgroups

if TYPE_CHECKING:
    from lab.lab import Lab

# The default set: every service, the VIP's holder, and both ends of the queue.
DEFAULT_PROBES = ("vip_arp", "vip_tcp", "sql_read", "sql_write", "mq_publish", "mq_consume", "cache", "api_http")
TIMEOUT = 1.0  # seconds for one attempt
_HOST_FILE = "host.jsonl"
Command = Callable[[Sequence[str]], list[str]]
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ProbeExit:
    """How a probe's process ended; ``returncode`` is 0 after an orderly stop."""

    name: str
    returncode: int
    last_words: str = ""


def samples_file(run_dir: Path, name: str) -> Path:
    return run_dir / "samples" / f"{name}.jsonl"


def ledger_file(run_dir: Path, name: str) -> Path:
    """Rows acked (sql_write), ids confirmed (mq_publish), ids seen (mq_consume), replies (vip_arp)."""
    return run_dir / "ledgers" / f"{name}.txt"


def targets_of(lab: Lab, client: str, message_bytes: int = 0) -> Targets:
    """Where a lab's services are, read from its plan."""
    plan = lab.plan
    return Targets(
        client=client,
        vip=str(plan.internal_vip.address) if plan.internal_vip else "",
        vips={vip.name: str(vip.address) for vip in plan.vips},
        interface=plan.network("control").bridge,
        mq_hosts=tuple(str(node.control) for node in plan.running("rabbitmq")),
        mq_bytes=message_bytes,
        mq_quorum=plan.queues == "quorum",
        cache_servers=tuple(str(node.control) for node in plan.running("memcached")),
    )


def secrets_of(lab: Lab) -> ProbeSecrets:
    """The passwords of the probe users, under the names that provisioning gave them."""
    return ProbeSecrets(sql=lab.secrets.password("galera-probe"), amqp=lab.secrets.password("rabbitmq-probe"))


class ProbeFleet:
    """The processes of one run.

    Start it from a thread that lives as long as the run: the probes ask the kernel to end
    them when that thread ends.  ``with`` stops them whatever happens.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ready: dict[str, float] = {}
        self._patience = 1.0
        self._look = ""  # what to try when a probe never succeeds
        self._load = HostLoad(run_dir / _HOST_FILE)

    def __enter__(self) -> ProbeFleet:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def ready(self) -> Mapping[str, float]:
        """Epoch seconds of each probe's first success."""
        return dict(self._ready)

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def start(self, lab: Lab, names: Sequence[str], period: float = 0.02, *, client: str,
              deadline: float = 30.0, message_bytes: int = 0) -> None:
        """Start the probes in the lab's namespace and wait until each has succeeded once.

        ``client`` marks this run's rows and messages (lower-case letters and digits);
        ``message_bytes`` is how long a message is at least.
        Raises DeadlineError that names the silent probes and the last outcome of each, after
        stopping all of them.
        """
        if not lab.namespace.exists():
            raise HostError(f"the lab's network namespace {lab.namespace.name} is gone",
                            where=str(lab.namespace.path), remedy=f"./inv lab.resume --name={lab.name}")
        self._patience = client_patience(lab.driver.slowness)
        self._look = f"./inv lab.status --name={lab.name} (the lab must be healthy before it is broken)"
        deadline *= lab.driver.slowness
        self._load.watch(cgroups.pressure_file(lab.name))
        self.start_in(lab.namespace.command, targets_of(lab, client, message_bytes), names, period,
                      secrets_of(lab), deadline)

    def start_in(self, command: Command, targets: Targets, names: Sequence[str], period: float,
                 secrets: ProbeSecrets, deadline: float) -> None:
        """As ``start``, with ``command(argv) -> argv`` that steps into the place of the clients."""
        for folder in ("samples", "ledgers", "probes"):
            (self._run_dir / folder).mkdir(parents=True, exist_ok=True)
        self._load.start()
        try:
            for name in names:
                config = self._config(name, targets, period)
                self._processes[name] = self._spawn(command, name, config, secrets)
            self._await_ready(deadline)
        except BaseException:
            self.stop()
            raise

    def alive(self) -> dict[str, bool]:
        """Which probes still run; a probe that died makes the run BROKEN."""
        return {name: process.poll() is None for name, process in self._processes.items()}

    def stop(self) -> tuple[ProbeExit, ...]:
        """Stop and collect all probes.  Idempotent; kills what does not leave in time.

        All are told at once, or the consumer would count slots in which nobody published; it
        stays until the queue is empty.
        """
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        exits = self._collect()
        self._processes.clear()
        self._load.stop()
        return tuple(exits)

    def _config(self, name: str, targets: Targets, period: float) -> Path:
        config = ProbeConfig(
            probe=name, period=traits(name).period or period,
            timeout=(traits(name).timeout or TIMEOUT) * self._patience,
            samples=samples_file(self._run_dir, name),
            ledger=ledger_file(self._run_dir, name) if traits(name).ledger else None, targets=targets)
        path = self._run_dir / "probes" / f"{name}.json"
        path.write_text(config.model_dump_json(indent=1) + "\n")
        return path

    def _spawn(self, command: Command, name: str, config: Path, secrets: ProbeSecrets) -> subprocess.Popen[bytes]:
        argv = command([sys.executable, "-m", "chaos.probes", name, "--config", str(config)])
        log = self._run_dir / "probes" / f"{name}.log"
        with log.open("wb") as errors:
            # A session of its own: Ctrl-C is for the runner, which then stops the probes in order.
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                       cwd=_ROOT, start_new_session=True,
                                       env={**os.environ, PARENT: str(os.getpid())})
        assert process.stdin is not None
        # Shorter than a pipe holds, so this never waits.  A process that is gone already is told by _heard.
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(secrets.model_dump_json().encode())
        return process

    def _await_ready(self, deadline: float) -> None:
        until = time.monotonic() + deadline
        with selectors.DefaultSelector() as pipes:
            for name, process in self._processes.items():
                assert process.stdout is not None
                pipes.register(process.stdout, selectors.EVENT_READ, name)
            while pipes.get_map() and (left := until - time.monotonic()) > 0:
                for key, _ in pipes.select(min(left, 0.5)):
                    pipes.unregister(key.fileobj)
                    self._heard(key.data)
        silent = [name for name in self._processes if name not in self._ready]
        if silent:
            raise DeadlineError(f"no first success within {deadline:.0f} s: {', '.join(silent)}",
                                where="; ".join(f"{name}: {self._last_outcome(name)}" for name in silent),
                                remedy=self._look)

    def _heard(self, name: str) -> None:
        stdout = self._processes[name].stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            code = self._processes[name].wait()
            raise HostError(f"the probe {name} ended at once (exit {code})", where=self._last_words(name),
                            remedy=self._look)
        self._ready[name] = float(json.loads(line)["at"])

    def _last_outcome(self, name: str) -> str:
        try:
            last = samples_file(self._run_dir, name).read_text().splitlines()[-1]
            row = json.loads(last)
            return f"{row[4]} {row[5]}"
        except (OSError, IndexError, json.JSONDecodeError):
            return self._last_words(name) or "no sample"

    def _last_words(self, name: str) -> str:
        try:
            return (self._run_dir / "probes" / f"{name}.log").read_text()[-300:].strip()
        except OSError:
            return ""

    def _collect(self) -> list[ProbeExit]:
        begun = time.monotonic()
        exits = []
        for name, process in self._processes.items():
            try:
                code = process.wait(max(0.1, begun + traits(name).grace * self._patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            if process.stdout is not None:
                process.stdout.close()
            exits.append(ProbeExit(name, code, self._last_words(name)))
        return exits
