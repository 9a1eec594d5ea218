"""Who answers for each virtual address?  ARP from outside the nodes, every 100 ms.

Each request carries its own number in the sender's hardware address, which a Linux node copies
into its answer (arp_process() in net/ipv4/arp.c).  So an answer that is late belongs to the
request that caused it, and two answers to ONE request are two holders at one time, not a move.
The sender's protocol address is 0.0.0.0 (an RFC 5227 probe): no node's neighbour table changes.

Answers go to such an invented address, so the bridge floods them and the socket listens in
promiscuous mode.  Needs root, in the lab's namespace.  The records go to the ledger file, one
JSON line for each request: ``[slot, vip, sent, [[mac, received], ...]]``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from ipaddress import IPv4Address

from chaos.model import Outcome, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets
from chaos.probes.ledger_file import LedgerFile

_WINDOW = 0.9  # seconds during which answers to one request are collected
_ARP, _REQUEST, _REPLY = 0x0806, 1, 2
_BROADCAST = b"\xff" * 6
_MARK = b"\x02\xa1"  # locally administered; two bytes that say "asked by halab"
_SOL_PACKET, _ADD_MEMBERSHIP, _MR_PROMISC = 263, 1, 1
# S1 asks for a look every 100 ms.
TRAITS = Traits(client_of="haproxy", observer=True, ledger=True, period=0.1)


def request(source: bytes, number: int, vip: IPv4Address) -> bytes:
    """The Ethernet frame: who-has ``vip``, with ``number`` (32 bits) as the asker's MAC."""
    asker = _MARK + struct.pack("!I", number & 0xFFFFFFFF)
    return (_BROADCAST + source + struct.pack("!HHHBBH", _ARP, 1, 0x0800, 6, 4, _REQUEST)
            + asker + bytes(4) + bytes(6) + vip.packed)


def reply(frame: bytes) -> tuple[int, IPv4Address, str] | None:
    """(number, vip, answering MAC) of a frame that answers one of our requests, else None."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x06" or frame[20:22] != b"\x00\x02" or frame[32:34] != _MARK:
        return None
    number = struct.unpack("!I", frame[34:38])[0]
    return number, IPv4Address(frame[28:32]), frame[22:28].hex(":")


class _Asked:
    def __init__(self, slot: int, vip: str, sent: float) -> None:
        self.slot, self.vip, self.sent = slot, vip, sent
        self.replies: dict[str, float] = {}
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class VipArp:
    """``ok`` when every VIP was answered for; the ledger holds each distinct answering MAC."""

    name = "vip_arp"

    def __init__(self, interface: str, vips: tuple[str, ...], ledger: LedgerFile, timeout: float) -> None:
        self.timeout = timeout
        self._interface = interface
        self._vips = tuple(IPv4Address(vip) for vip in vips)
        self._ledger = ledger
        self._open: dict[int, _Asked] = {}
        self._socket: socket.socket | None = None
        self._mac = b""
        # A wall clock that no step bends, as in the schedule.
        self._epoch = time.time() - time.monotonic()

    async def open(self) -> None:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP))
        sock.setblocking(False)
        sock.bind((self._interface, _ARP))
        promiscuous = struct.pack("iHH8s", socket.if_nametoindex(self._interface), _MR_PROMISC, 0, b"")
        sock.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, promiscuous)
        self._mac = sock.getsockname()[4]
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock, self._receive)

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        asked = [self._ask(slot, at, vip) for at, vip in enumerate(self._vips)]
        _, waiting = await asyncio.wait([one.first for one in asked], timeout=min(self.timeout, _WINDOW))
        if waiting:
            silent = ", ".join(one.vip for one in asked if not one.replies)
            return Outcome.FAIL, f"nobody answers for {silent}"
        return Outcome.OK, ""

    async def close(self) -> None:
        if self._open:
            await asyncio.sleep(_WINDOW)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        for number in list(self._open):
            self._record(number)
        self._ledger.close()

    def _now(self) -> float:
        return time.monotonic() + self._epoch

    def _ask(self, slot: int, at: int, vip: IPv4Address) -> _Asked:
        assert self._socket is not None
        number = slot * len(self._vips) + at
        asked = self._open[number] = _Asked(slot, str(vip), self._now())
        with contextlib.suppress(OSError):  # the bridge is down: unanswered, which is what happened
            self._socket.send(request(self._mac, number, vip))
        asyncio.get_running_loop().call_later(_WINDOW, self._record, number)
        return asked

    def _receive(self) -> None:
        assert self._socket is not None
        for _ in range(64):  # leave the loop to others even in a storm
            try:
                frame = self._socket.recv(128)
            except (BlockingIOError, OSError):
                return
            answer = reply(frame)
            asked = self._open.get(answer[0]) if answer else None
            if answer and asked is not None and asked.vip == str(answer[1]):
                asked.replies.setdefault(answer[2], self._now())
                if not asked.first.done():
                    asked.first.set_result(None)

    def _record(self, number: int) -> None:
        asked = self._open.pop(number, None)
        if asked is not None:
            replies = [[mac, round(at, 4)] for mac, at in asked.replies.items()]
            self._ledger.add(json.dumps([asked.slot, asked.vip, round(asked.sent, 4), replies],
                                        separators=(",", ":")))


def make(config: ProbeConfig, _secrets: ProbeSecrets) -> VipArp:
    targets = config.targets
    return VipArp(targets.interface, tuple(targets.vips.values()), LedgerFile(config.ledger), config.timeout)
