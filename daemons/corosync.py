"""What corosync says: its quorum and members (corosync-quorumtool), and its map of settings (corosync-cmapctl)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

CONFIG = "/etc/corosync/corosync.conf"
LOG = "/var/log/corosync/corosync.log"
QUORUM = "corosync-quorumtool -si"  # its exit code is 2 when there is no quorum, and it prints all the same
MAP = "corosync-cmapctl"
# The quorum device has a row of its own, as node 0: a vote, and no member.
_MEMBER = re.compile(r"^\s*([1-9]\d*)\s+\d+\s", re.MULTILINE)
_DEVICE = re.compile(r"^\s*0\s+(\d+)\s+Qdevice", re.MULTILINE)
_LOCAL = re.compile(r"^.*\(local\)\s*$", re.MULTILINE)
_CHANGED = re.compile(r"A new membership \(.*\) was formed\. Members(?: joined:((?: \d+)+))?(?: left:((?: \d+)+))?")
_KEY = re.compile(r"^(\S+) \(\w+\) = (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Quorum:
    """One node's view of its cluster; ``members`` are node ids in order, ``needed`` is how many votes are quorum.

    ``device_votes``: the quorum device is there with its vote, and votes for this node.
    """

    provider: str
    quorate: bool
    expected_votes: int
    total_votes: int
    needed: int
    flags: tuple[str, ...]
    members: tuple[int, ...]
    device_votes: bool


def quorum(text: str) -> Quorum:
    """The answer to :data:`QUORUM`; ValueError if corosync did not give one."""
    def line(head: str) -> str:
        found = re.search(rf"^{head}:[ \t]*(.*)$", text, re.MULTILINE)
        if not found:
            raise ValueError(f"corosync does not answer: no '{head}' in it")
        return found[1].strip()

    table = text.partition("Membership information")[2]
    device, own = _DEVICE.search(table), _LOCAL.search(table)
    return Quorum(
        provider=line("Quorum provider"), quorate=line("Quorate") == "Yes", expected_votes=int(line("Expected votes")),
        # "2 Activity blocked" in a minority.
        total_votes=int(line("Total votes")), needed=int(line("Quorum").split()[0]), flags=tuple(line("Flags").split()),
        members=tuple(sorted(int(row[1]) for row in _MEMBER.finditer(table))),
        # "0 1 Qdevice", and (A)live and (V)oting in this node's own row.
        device_votes=device is not None and int(device[1]) > 0 and own is not None and "A,V" in own[0])


def left(line: str) -> tuple[int, ...]:
    """The node ids that a line of its log says are no members any more; none of any other line."""
    return _changed(line, 2)


def joined(line: str) -> tuple[int, ...]:
    """The node ids that a line of its log says are new members; a corosync that starts names itself."""
    return _changed(line, 1)


def _changed(line: str, group: int) -> tuple[int, ...]:
    found = _CHANGED.search(line)
    return tuple(int(one) for one in ((found[group] if found else None) or "").split())


def keys(text: str) -> Mapping[str, str]:
    """The answer to :data:`MAP`: every key with its value; empty without an answer."""
    return dict(_KEY.findall(text))


def config(text: str) -> Mapping[str, str]:
    """corosync.conf as ``section.key`` to value; of repeated sections (nodes, interfaces) the last one counts."""
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
