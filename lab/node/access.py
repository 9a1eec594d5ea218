"""A person's ways to a node: a login, one command, the journals, the diary."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Iterator

from lab import interrupt
from lab.choices import unknown_choice
from lab.errors import HalabError, NotFoundError
from lab.lab import Lab
from lab.node.shell import Completed
from lab.parallel import for_each
from lab.state.events import Event, read_events

_FOLLOW = 0.3  # seconds between two looks at the diary
_LOGS_TIMEOUT = 20.0


def login(name: str, node: str) -> int:
    """An interactive root shell on ``node`` in this terminal; the exit code of ssh.

    HostError for a lab of which only the record is left.
    """
    lab = _with_node(name, node)
    if not lab.paths.ssh_config.exists():
        raise NotFoundError(
            f"the lab '{name}' is half-built: it has no SSH configuration yet",
            where=str(lab.paths.ssh_config),
            remedy=f"./inv lab.up --name={name}",
        )
    with lab.namespace.inside():
        pass  # gone after a reboot of the host: said here with the way out, and not by nsenter
    argv = ["ssh", "-F", str(lab.paths.ssh_config), node]
    # The terminal belongs to ssh: it must share this session, so lab.host.process.run is not for it.
    return subprocess.call(lab.namespace.command(argv))


def execute(name: str, node: str, command: str, timeout: float) -> Completed:
    """Run ``command`` (shell text) as root on ``node``; its failure is a result, not an error."""
    return _with_node(name, node).shell.run(node, command, timeout=timeout, check=False)


def logs(name: str, node: str | None, unit: str | None, lines: int) -> Iterator[str]:
    """The last ``lines`` of each node's journal (or one node's), or of its console if it does not answer."""
    lab = Lab.open(name) if node is None else _with_node(name, node)
    nodes = [node] if node else [one.name for one in lab.plan.hosts]
    query = f"journalctl --no-pager --output=short-precise --lines={lines}"
    if unit:
        query += f" --unit={shlex.quote(unit)}"

    def read(one: str) -> list[str]:
        try:
            return lab.shell.run(one, query, timeout=_LOGS_TIMEOUT).stdout.splitlines()
        except HalabError as error:
            console = lab.paths.node(one) / "console.log"
            said = console.read_text(errors="replace").splitlines()[-lines:] if console.exists() else []
            return [f"({error.what}; its console:)", *said]

    for one, said in zip(nodes, for_each(nodes, read), strict=True):
        yield from (f"{one}  {line}" for line in said)


def diary(name: str, age: float | None = None, *, follow: bool = False) -> Iterator[Event]:
    """The lab's events of the last ``age`` seconds (None: all); with ``follow`` for ever."""
    lab = Lab.open(name)
    seen = 0
    since = 0.0 if age is None else time.time() - age
    while True:
        events = read_events(lab.paths.events, since)
        yield from events[seen:]
        seen = len(events)
        if not follow:
            return
        interrupt.wait(_FOLLOW)


def _with_node(name: str, node: str) -> Lab:
    lab = Lab.open(name)
    known = [one.name for one in lab.plan.hosts]
    if node not in known:
        raise unknown_choice("node", node, known, where=f"lab '{name}'")
    return lab
