"""Words of daemons and configuration files, made into facts.  ValueError: these words make no sense."""

from __future__ import annotations

import configparser
import csv
import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.etree import ElementTree

from lab.node.quorum import members
from provision.verify.facts import (
    Broker,
    Cib,
    Constraint,
    Endpoint,
    GaleraMember,
    Primitive,
    ProxyServer,
    Quorum,
    Section,
    Socket,
    Unit,
)

_SECTIONS = ("global", "defaults", "frontend", "backend", "listen", "peers", "userlist", "resolvers")
_BROKER = re.compile(r"\{ok, \{\[(.*?)\], \[(.*?)\], (\w+)\}\}")
_PROGRAM = re.compile(r'\(\("([^"]+)"')
_HOST_PORT = re.compile(r"(?:inet6?:)?\[?([\w.:-]+?)\]?:(\d+)")


def quorum(text: str) -> Quorum:
    """``corosync-quorumtool -si``."""
    def line(head: str) -> str:
        found = re.search(rf"^{head}:\s*(.*)$", text, re.MULTILINE)
        if not found:
            raise ValueError(f"no '{head}' in it")
        return found.group(1).strip()

    return Quorum(
        provider=line("Quorum provider"), quorate=line("Quorate") == "Yes",
        expected_votes=int(line("Expected votes")), flags=tuple(line("Flags").split()),
        members=tuple(members(text)))


def corosync_conf(text: str) -> Mapping[str, str]:
    """``section.key`` to value; of repeated sections (nodes, interfaces) the last one counts."""
    found, path = {}, []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.endswith("{"):
            path.append(line[:-1].strip())
        elif line == "}" and path:
            path.pop()
        elif ":" in line:
            key, _, value = line.partition(":")
            found[".".join([*path, key.strip()])] = value.strip()
    return found


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


def cib(text: str) -> Cib:
    """``cibadmin --query``; without clones' own children the agent of each primitive stands alone."""
    root = ElementTree.fromstring(text)
    home = {primitive.get("id", ""): clone.get("id", "")
            for clone in root.iterfind(".//resources/clone") for primitive in clone.iter("primitive")}
    return Cib(
        properties={pair.attrib["name"]: pair.attrib["value"]
                    for pair in root.iterfind(".//crm_config/cluster_property_set/nvpair")},
        primitives=tuple(Primitive(
            one.attrib["id"], ":".join(one.get(key, "") for key in ("class", "provider", "type") if one.get(key)),
            {pair.attrib["name"]: pair.get("value", "") for pair in one.iterfind("instance_attributes/nvpair")},
            home.get(one.attrib["id"], "")) for one in root.iterfind(".//resources//primitive")),
        constraints=tuple(Constraint(one.tag, {key: value for key, value in one.attrib.items() if key != "id"})
                          for one in root.iterfind(".//constraints/*")))


def haproxy(text: str) -> tuple[Section, ...]:
    """haproxy.cfg."""
    found: list[tuple[str, str, list[tuple[str, ...]]]] = []
    for raw in text.splitlines():
        words = tuple(raw.partition("#")[0].split())
        if words and words[0] in _SECTIONS and not raw[0].isspace():
            found.append((words[0], words[1] if len(words) > 1 else "", []))
        elif words and found:
            found[-1][2].append(words)
    return tuple(Section(kind, name, tuple(lines)) for kind, name, lines in found)


def proxy_servers(text: str) -> tuple[ProxyServer, ...]:
    """``show stat`` of HAProxy's socket."""
    rows = list(csv.DictReader(text.lstrip("# ").splitlines()))
    if not rows:
        raise ValueError("HAProxy does not answer")
    return tuple(ProxyServer(row["pxname"], row["svname"], row["status"], row.get("addr") or "",
                             int(row["scur"] or 0))
                 for row in rows if row["svname"] not in ("FRONTEND", "BACKEND"))


def stick_table(text: str) -> str:
    """``show table galera``: its first line; ValueError if there is no such table."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    if not first.startswith("# table: galera"):
        raise ValueError(first or "no answer")
    return first.lstrip("# ")


def galera(text: str) -> GaleraMember:
    """``name<tab>value`` of the wsrep status and wsrep_node_name."""
    status = dict(line.lower().split("\t", 1) for line in text.splitlines() if "\t" in line)
    try:
        return GaleraMember(status["wsrep_node_name"], status["wsrep_local_state_comment"],
                            status["wsrep_cluster_status"], int(status["wsrep_cluster_size"]))
    except KeyError as error:
        raise ValueError(f"no {error.args[0]} in it") from error


def broker(text: str) -> Broker:
    """What erl_call printed for {running, known, partition handling}."""
    found = _BROKER.search(text)
    if not found:
        raise ValueError("the broker does not answer")

    def names(listed: str) -> tuple[str, ...]:
        return tuple(sorted(name.strip(" '").removeprefix("rabbit@") for name in listed.split(",") if name.strip()))

    return Broker(names(found.group(1)), names(found.group(2)), found.group(3))


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


def seconds(text: str) -> float:
    """A time as HAProxy writes it: milliseconds without a unit."""
    found = re.fullmatch(r"(\d+)(us|ms|s|m|h|d)?", text)
    if not found:
        raise ValueError(f"'{text}' is no time")
    return int(found.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[
        found.group(2) or "ms"]
