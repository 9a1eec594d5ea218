"""The program that ``lab.status --watch`` runs on each node: one JSON line a second about that node.

It is sent over SSH and run by the node's own Python (standard library only), so that one connection and
one process do what a login and half a dozen commands each second would.  Daemons are asked again only
when their log has grown; what costs nothing (the kernel's tables, local sockets) is read every time.
It ends when its standard input does.

The first line on standard input is the configuration: ``vips`` (addresses), ``control`` (this node's
address), ``services``, and ``lead``: whether this node speaks for its cluster.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PERIOD = 1.0
LONGEST = 15.0  # s after which a daemon is asked again though its log was silent
BROKERS = 10.0  # s between two questions to RabbitMQ, which has no cheap sign of change
_STATES = {"0": "Undefined", "1": "Joiner", "2": "Donor", "3": "Joined", "4": "Synced"}
_ERLANG = "HOME=/var/lib/rabbitmq erl_call -sname halabwatch -n rabbit@$(hostname) -e"


class Asked:
    """The last answer of a daemon, asked again when the file has grown, or after ``longest`` seconds."""

    def __init__(self, log: str | None, longest: float) -> None:
        self.log, self.longest = log, longest
        self.size, self.at = -1, 0.0
        self.answer: Any = None

    def get(self, ask: Callable[[], Any]) -> Any:
        now = time.monotonic()
        if self.size_now() != self.size or now - self.at > self.longest:
            self.answer, self.at = ask(), now
            # Taken afterwards: the question itself may be logged.
            self.size = self.size_now()
        return self.answer

    def size_now(self) -> int:
        try:
            return Path(self.log).stat().st_size if self.log else 0
        except OSError:
            return 0


class Watcher:
    """Looks at one node; ``look`` is one line."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.quorum = Asked("/var/log/corosync/corosync.log", LONGEST)
        self.crm = Asked("/var/log/pacemaker/pacemaker.log", LONGEST)
        self.brokers = Asked(None, BROKERS)

    def look(self) -> dict[str, Any]:
        services, lead = self.config["services"], self.config["lead"]
        local = addresses(read("/proc/net/fib_trie"))
        vips = [vip for vip in self.config["vips"] if vip in local]
        said: dict[str, Any] = {"vips": vips}
        said["quorum"] = self.quorum.get(lambda: quorum(command(["corosync-quorumtool", "-si"])))
        if lead:
            said["crm"] = self.crm.get(lambda: crm(command(
                ["crm_mon", "--one-shot", "--inactive", "--output-as=xml"])))
        if "galera" in services:
            said["galera"] = galera(http(self.config["control"], 9200))
        if "rabbitmq" in services:
            said["listens"] = listens(read("/proc/net/tcp"), 5672)
            if lead:
                said["brokers"] = self.brokers.get(lambda: brokers(erlang("{rabbit_nodes:all_running(), "
                                                                          "rabbit_node_monitor:partitions()}.\n")))
        if "haproxy" in services and vips:
            said["backends"] = backends(haproxy("show stat"))
        spent = os.times()
        said["cpu"] = round(spent.user + spent.system + spent.children_user + spent.children_system, 3)
        return said


def addresses(trie: str) -> set[str]:
    """The addresses that the kernel calls its own, of /proc/net/fib_trie."""
    return set(re.findall(r"\|-- (\S+)\s+/32 host LOCAL", trie))


def listens(table: str, port: int) -> bool:
    """Whether something listens on ``port``, of /proc/net/tcp: hexadecimal, state 0A."""
    return any(words[1].endswith(f":{port:04X}") and words[3] == "0A"
               for words in (line.split() for line in table.splitlines()[1:]) if len(words) > 3)


def quorum(text: str) -> dict[str, Any] | None:
    """``corosync-quorumtool -si``: quorate, votes, and the ids of the members; None without an answer."""
    fields = dict(re.findall(r"^([A-Z][\w ]+):\s+(\S+)", text, re.M))
    if "Expected votes" not in fields:
        return None
    # As lab.node.quorum reads it, which is not on the node: row 0 is the quorum device.
    ids = re.findall(r"^\s*([1-9]\d*)\s+\d+\s", text.partition("Membership information")[2], re.M)
    return {"quorate": fields.get("Quorate") == "Yes", "votes": int(fields["Total votes"]),
            "expected": int(fields["Expected votes"]), "members": [int(one) for one in ids]}


def crm(text: str) -> dict[str, Any] | None:
    """crm_mon's XML: the DC, each node's state, where each resource is, how many actions failed."""
    from xml.etree import ElementTree  # only the speaker of a cluster needs it

    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    nodes = {}
    for node in root.iterfind("nodes/node"):
        words = [word for word in ("unclean", "standby", "maintenance", "pending") if node.get(word) == "true"]
        nodes[node.attrib["name"]] = " ".join(words) or ("online" if node.get("online") == "true" else "OFFLINE")
    places: dict[str, list[list[str]]] = {}
    for resource in root.iterfind("resources//resource"):
        homes = places.setdefault(resource.attrib["id"].split(":")[0], [])
        failed = " FAILED" if resource.get("failed") == "true" else ""
        homes += [[node.attrib["name"], resource.attrib["role"] + failed] for node in resource.iterfind("node")]
    dc = root.find("summary/current_dc")
    failures = [f"{one.get('op_key')} on {one.get('node')}" for one in root.iterfind("failures/failure")]
    return {"dc": dc.get("name", "") if dc is not None else "", "nodes": nodes, "places": places, "failures": failures}


def galera(body: str) -> str:
    """The check service's words: state and component."""
    fields = dict(re.findall(r"(WSREP_\w+)=(\w+)", body))
    if not fields:
        return ""
    state = _STATES.get(fields.get("WSREP_LOCAL_STATE", ""), "?")
    return state if fields.get("WSREP_CLUSTER_STATUS") == "Primary" else f"{state} non-Primary"


def brokers(answer: str) -> dict[str, Any] | None:
    """Erlang's term: the running members, and how many partitions; None without an answer."""
    found = re.search(r"\{ok, \{\[(.*?)\],\s*\[(.*?)\]\}\}", answer, re.S)
    if not found:
        return None
    return {"running": re.findall(r"rabbit@([\w-]+)", found[1]), "partitions": len(re.findall(r"\{", found[2]))}


def backends(stat: str) -> list[list[Any]]:
    """``show stat``: section, server, status and open sessions of each server."""
    rows = [line.split(",") for line in stat.splitlines() if line]
    if not rows:
        return []
    heads = {name: at for at, name in enumerate(rows[0])}
    return [[row[0], row[1], row[heads["status"]], int(row[heads["scur"]] or 0)] for row in rows[1:]
            if len(row) > heads["status"] and row[1] not in ("FRONTEND", "BACKEND")]


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def command(argv: list[str], given: str | None = None) -> str:
    try:
        return subprocess.run(argv, input=given, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def erlang(question: str) -> str:
    return command(["sh", "-c", _ERLANG], question)


def http(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), timeout=1) as link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return received(link)
    except OSError:
        return ""


def haproxy(question: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect("/run/haproxy/admin.sock")
            link.sendall(f"{question}\n".encode())
            return received(link).removeprefix("# ")
    except OSError:
        return ""


def received(link: socket.socket) -> str:
    parts = []
    while part := link.recv(65536):
        parts.append(part)
    return b"".join(parts).decode(errors="replace")


def main() -> None:
    watcher = Watcher(json.loads(sys.stdin.readline()))
    while True:
        begun = time.monotonic()
        try:
            sys.stdout.write(json.dumps(watcher.look()) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(0)  # nobody reads any more; an ordinary exit would complain about it
        rest = max(0.1, PERIOD - (time.monotonic() - begun))
        if select.select([0], [], [], rest)[0] and not os.read(0, 4096):
            return


if __name__ == "__main__":
    main()
