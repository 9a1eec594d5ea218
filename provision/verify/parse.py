"""What the system and client configurations say, made into facts.  ValueError: these words make no sense.

What the daemons say is read by :mod:`daemons`.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from provision.verify.facts import Endpoint, Socket, Unit

_PROGRAM = re.compile(r'\(\("([^"]+)"')
_HOST_PORT = re.compile(r"(?:inet6?:)?\[?([\w.:-]+?)\]?:(\d+)")


def sockets(text: str) -> tuple[Socket, ...]:
    """``ss -Hlntup``."""
    found = []
    for line in text.splitlines():
        words = line.split()
        address, _, port = words[4].rpartition(":")
        program = _PROGRAM.search(line)
        found.append(Socket(words[0], address.strip("[]").partition("%")[0], int(port),
                            program.group(1) if program else ""))
    return tuple(found)


def units(text: str) -> Mapping[str, Unit]:
    """``systemctl show`` of several units, a paragraph each."""
    found = {}
    for paragraph in text.strip().split("\n\n"):
        pairs = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        name = pairs["Id"]
        found[name] = Unit(name, pairs.get("UnitFileState", "").startswith("enabled"),
                           pairs.get("ActiveState") == "active", pairs.get("Restart", ""))
    return found


def packages(text: str) -> Mapping[str, str]:
    """``dpkg-query`` as ``status package version``; only what is installed."""
    rows = (line.split() for line in text.splitlines())
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "ii"}


def clients(text: str) -> tuple[Endpoint, ...]:
    """Every host of an oslo-style configuration: URLs, comma-separated lists of hosts, host:port pairs."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    return tuple(Endpoint(f"{section}/{option}", host, port) for section in parser.sections()
                 for option, value in parser.items(section) for host, port in _hosts(value))


def _hosts(value: str) -> list[tuple[str, int | None]]:
    if "://" in value:
        scheme, _, rest = value.partition("://")
        places = [urlsplit(f"{scheme}://{part}") for part in rest.partition("/")[0].split(",")]
        return [(place.hostname or "", place.port) for place in places]
    pairs = [_HOST_PORT.fullmatch(part.strip()) for part in value.split(",")]
    if all(pairs):
        return [(pair.group(1), int(pair.group(2))) for pair in pairs if pair]
    return [(value, None)] if value in ("localhost", "127.0.0.1", "::1") else []
