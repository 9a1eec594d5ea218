"""The program that ``lab.status --watch`` runs on each node: one JSON line a second about that node.

It is sent over SSH and run by the node's own Python (standard library only), so that one connection and
one process do what a login and half a dozen commands each second would.  Daemons are asked again only
when their log has grown; what costs nothing (the kernel's tables, local sockets) is read every time.
It ends when its standard input does.

The first line on standard input is the configuration: ``vips`` (addresses), ``control`` (this node's
address), and what there is to ask here (``lab.watch.feed``).  What the daemons print goes over the line as it
is: :mod:`lab.watch.said` reads it.
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
SELDOM = 10.0  # s between two questions to a daemon that has no cheap sign of change


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
        self.commands = {name: Asked(one["log"], LONGEST if one["log"] else SELDOM)
                         for name, one in config["commands"].items()}

    def look(self) -> dict[str, Any]:
        local = addresses(read("/proc/net/fib_trie"))
        vips = [vip for vip in self.config["vips"] if vip in local]
        said: dict[str, Any] = {"vips": vips}
        for name, asked in self.commands.items():
            said[name] = asked.get(lambda: command(self.config["commands"][name]["text"]))  # noqa: B023 - called at once
        if port := self.config["check"]:
            said["check"] = http(self.config["control"], port)
        if port := self.config["listens"]:
            said["listens"] = listens(read("/proc/net/tcp"), port)
        if self.config["proxy"] and vips:
            said["stat"] = haproxy(self.config["proxy"], "show stat")
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


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def command(text: str) -> str:
    try:
        return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def http(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), timeout=1) as link:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return received(link)
    except OSError:
        return ""


def haproxy(path: str, question: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect(path)
            link.sendall(f"{question}\n".encode())
            return received(link)
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
