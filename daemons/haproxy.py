"""What HAProxy says about itself (the runtime API on its admin socket), and its configuration file.

Formats: https://docs.haproxy.org/2.6/management.html, sections 9.1 (CSV of ``show stat``) and
9.3 (``show table``); times and sections: the configuration manual, 2.5 and 2.1.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass

CONFIG = "/etc/haproxy/haproxy.cfg"
SOCKET = "/run/haproxy/admin.sock"
ADMIN = f"socat -t 3 stdio unix-connect:{SOCKET}"  # commands on its standard input
PROXY = "galera"  # the section that balances the database
_SECTIONS = ("global", "defaults", "frontend", "backend", "listen", "peers", "userlist", "resolvers")
_STICK = re.compile(r"\bserver_key=(\S+)")
_USED_UNTIL = re.compile(r"\bexp=(\d+)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Server:
    """One backend server of one proxy section, in the order of the configuration."""

    proxy: str
    name: str
    address: str  # with the port; empty if HAProxy hides it
    status: str  # "UP", "UP 1/2", "DOWN", "MAINT", "no check"
    sessions: int
    backup: bool

    @property
    def up(self) -> bool:
        return self.status.startswith("UP") or self.status == "no check"

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]


@dataclass(frozen=True)
class Section:
    """A section of haproxy.cfg: ``lines`` as words, in order."""

    kind: str
    name: str
    lines: tuple[tuple[str, ...], ...]

    def having(self, *words: str) -> tuple[tuple[str, ...], ...]:
        """The lines that begin with these words."""
        return tuple(line for line in self.lines if line[:len(words)] == words)

    @property
    def binds(self) -> tuple[str, ...]:
        return tuple(part for line in self.having("bind") for part in line[1].split(","))

    @property
    def servers(self) -> tuple[tuple[str, ...], ...]:
        """``name address:port options...`` of each server line."""
        return tuple(line[1:] for line in self.having("server"))


def command(words: str) -> str:
    """The shell command that gives ``words`` to the admin socket, such as ``show stat``."""
    return f"echo {shlex.quote(words)} | {ADMIN}"


STAT = command("show stat")
TABLE = command(f"show table {PROXY}")


def servers(stat: str) -> tuple[Server, ...]:
    """The servers in ``show stat``; the pseudo servers FRONTEND and BACKEND are left out.  Empty: no answer."""
    rows = csv.DictReader(io.StringIO(stat.lstrip("# ")))
    return tuple(Server(proxy=row["pxname"], name=row["svname"], address=row.get("addr") or "", status=row["status"],
                        sessions=int(row.get("scur") or 0), backup=row.get("bck") == "1")
                 for row in rows if row.get("svname") not in (None, "FRONTEND", "BACKEND"))


def table_head(table: str) -> str:
    """The first line of ``show table``: its name, type and use; ValueError if there is no such table."""
    first = table.strip().partition("\n")[0]
    if not first.startswith(f"# table: {PROXY}"):
        raise ValueError(first or "no answer")
    return first.lstrip("# ")


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


def sections(config: str) -> tuple[Section, ...]:
    """haproxy.cfg, section by section."""
    found: list[tuple[str, str, list[tuple[str, ...]]]] = []
    for raw in config.splitlines():
        words = tuple(raw.partition("#")[0].split())
        if words and words[0] in _SECTIONS and not raw[0].isspace():
            found.append((words[0], words[1] if len(words) > 1 else "", []))
        elif words and found:
            found[-1][2].append(words)
    return tuple(Section(kind, name, tuple(lines)) for kind, name, lines in found)


def seconds(text: str) -> float:
    """A time as HAProxy writes it, milliseconds without a unit; ValueError for anything else."""
    found = re.fullmatch(r"(\d+)(us|ms|s|m|h|d)?", text)
    if not found:
        raise ValueError(f"'{text}' is no time")
    return int(found[1]) * _UNITS[found[2] or "ms"]
