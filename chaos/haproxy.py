"""What HAProxy says about itself: the runtime API on its admin socket.

Formats: https://docs.haproxy.org/2.6/management.html, sections 9.1 (CSV of ``show stat``)
and 9.3 (``show table``).
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.lab import Lab

SOCKET = "/run/haproxy/admin.sock"
_STICK = re.compile(r"\bserver_key=(\S+)")
_USED_UNTIL = re.compile(r"\bexp=(\d+)")


@dataclass(frozen=True)
class Server:
    """One backend server of one proxy section, in the order of the configuration."""

    proxy: str
    name: str
    address: str  # without the port; empty if HAProxy hides it
    status: str  # "UP", "UP 1/2", "DOWN", "MAINT", "no check"
    sessions: int
    backup: bool

    @property
    def up(self) -> bool:
        return self.status.startswith("UP") or self.status == "no check"


def servers(stat: str) -> list[Server]:
    """The servers in ``show stat``; the pseudo servers FRONTEND and BACKEND are left out."""
    rows = csv.DictReader(io.StringIO(stat.lstrip("# ")))
    return [Server(proxy=row["pxname"], name=row["svname"], address=(row.get("addr") or "").rsplit(":", 1)[0],
                   status=row["status"], sessions=int(row["scur"] or 0), backup=row.get("bck") == "1")
            for row in rows if row.get("svname") not in (None, "FRONTEND", "BACKEND")]


def stuck_to(table: str) -> str:
    """The server of the freshest entry in ``show table``; empty if the table is."""
    freshest, server = -1, ""
    for line in table.splitlines():
        if (key := _STICK.search(line)) is None:
            continue
        until = _USED_UNTIL.search(line)
        if (age := int(until[1]) if until else 0) > freshest:
            freshest, server = age, key[1]
    return server


def active(found: Collection[Server], stick: str) -> str:
    """The server that clients are really sent to; empty if none is up.

    Sessions that are open now say it best.  Without any, the stick table decides where the
    next client goes; with an empty table it is the first server that is up, and backups only
    count when no ordinary server is.
    """
    up = [server for server in found if server.up]
    busiest = max((server.sessions for server in up), default=0)
    if busiest:
        most = [server.name for server in up if server.sessions == busiest]
        return stick if stick in most else most[0]
    if stick in {server.name for server in up}:
        return stick
    ordered = [server for server in up if not server.backup] or up
    return ordered[0].name if ordered else ""


def ask(lab: Lab, node: str, command: str) -> str:
    """One command to the admin socket of ``node``'s HAProxy."""
    line = f"echo {shlex.quote(command)} | socat -t 5 - UNIX-CONNECT:{SOCKET}"
    return lab.shell.run(node, line, timeout=10).stdout
