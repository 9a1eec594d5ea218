"""What corosync-quorumtool says, for all who read it."""

from __future__ import annotations

import re

# The quorum device has a row of its own, as node 0: a vote, and no member.
_MEMBER = re.compile(r"^\s*([1-9]\d*)\s+\d+\s", re.MULTILINE)
_DEVICE = re.compile(r"^\s*0\s+(\d+)\s+Qdevice", re.MULTILINE)
_LOCAL = re.compile(r"^.*\(local\)\s*$", re.MULTILINE)


def table(said: str) -> str:
    """The rows below "Membership information"."""
    return said.partition("Membership information")[2]


def members(said: str) -> list[int]:
    """The ids of the nodes that it sees, in order."""
    return sorted(int(row[1]) for row in _MEMBER.finditer(table(said)))


def is_quorate(said: str) -> bool:
    return re.search(r"^Quorate:\s+Yes", said, re.MULTILINE) is not None


def has_device_vote(said: str) -> bool:
    """Whether the device is there with its vote: "0 1 Qdevice", and (A)live and (V)oting for this node."""
    row, own = _DEVICE.search(table(said)), _LOCAL.search(table(said))
    return row is not None and int(row[1]) > 0 and own is not None and "A,V" in own[0]
