"""Outcomes mean what they say: an answer is a proof, silence is none, and what was never sent is a failure."""

from __future__ import annotations

import socket
import threading
from ipaddress import IPv4Address

import pymysql
import pytest
from scheduled import MEASURES_TIME, run_for

from chaos.model import Outcome
from chaos.probes.cache import Cache
from chaos.probes.sql import outcome_of
from chaos.probes.threads import Abandoned, Operation, ThreadedProbe
from chaos.probes.vip_arp import reply, request
from chaos.probes.vip_tcp import VipTcp

pytestmark = MEASURES_TIME


def test_an_operation_is_sent_or_abandoned_never_both() -> None:
    late = Operation(1.0)
    assert late.abandon() is False
    with pytest.raises(Abandoned):
        late.send()
    sent = Operation(1.0)
    sent.send()
    assert sent.abandon() is True


def test_a_thread_that_hangs_before_sending_is_a_fail_and_after_it_unknown() -> None:
    release = threading.Event()

    class Threads(ThreadedProbe):
        name = "threads"

        def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
            if slot % 2:
                operation.send()
            release.wait(3.0)
            return Outcome.OK, ""

    samples = run_for(Threads(0.8), 0.05, 0.4)  # room for two slots and their threads on a busy machine
    release.set()
    assert [sample.outcome for sample in samples[:2]] == [Outcome.FAIL, Outcome.UNKNOWN]


@pytest.mark.parametrize(("code", "outcome"), [
    (1047, Outcome.FAIL), (1213, Outcome.FAIL), (2006, Outcome.FAIL),
    (2013, Outcome.UNKNOWN), (1180, Outcome.UNKNOWN), (1053, Outcome.UNKNOWN)])
def test_sql_errors_are_sorted_by_what_they_prove(code: int, outcome: Outcome) -> None:
    assert outcome_of(pymysql.OperationalError(code, "words"))[0] is outcome


def test_the_number_of_an_arp_request_comes_back_in_the_reply() -> None:
    vip, own = IPv4Address("192.0.2.7"), bytes.fromhex("525400000001")
    asked = request(own, 70_000, vip)
    holder = bytes.fromhex("525400000009")
    # A node answers with sender and target exchanged, the target as the request gave it.
    answer = (asked[22:28] + holder + asked[12:20] + b"\x00\x02" + holder + vip.packed
              + asked[22:28] + asked[28:32])
    assert reply(answer) == (70_000, vip, "52:54:00:00:00:09")
    assert reply(asked) is None
    assert reply(answer[:30]) is None


class Web:
    """Answers on 127.0.0.1 with fixed bytes."""

    def __init__(self, answer: bytes | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        held = []
        while True:
            link, _ = self._socket.accept()
            if self._answer is None:
                held.append(link)
                continue
            link.recv(1000)
            link.sendall(self._answer)
            link.close()


@pytest.mark.parametrize(("answer", "outcome"), [
    (b"HTTP/1.0 200 OK\r\n\r\n", Outcome.OK), (b"HTTP/1.0 503 No\r\n\r\n", Outcome.FAIL),
    (b"", Outcome.UNKNOWN), (None, Outcome.UNKNOWN)])
def test_vip_tcp_tells_answers_apart(answer: bytes | None, outcome: Outcome) -> None:
    samples = run_for(VipTcp("127.0.0.1", Web(answer).port, "/healthz", 0.1), 0.05, 0.04)
    assert samples[0].outcome is outcome


def test_vip_tcp_refused_is_a_fail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert run_for(VipTcp("127.0.0.1", port, "/", 0.1), 0.05, 0.04)[0].outcome is Outcome.FAIL


def test_cache_moves_on_to_the_next_server() -> None:
    store: dict[bytes, bytes] = {}

    def serve(server: socket.socket) -> None:
        link, _ = server.accept()
        file = link.makefile("rwb")
        for line in file:
            words = line.split()
            if words[0] == b"set":
                store[words[1]] = file.readline().rstrip(b"\r\n")
                file.write(b"STORED\r\n")
            else:
                value = store[words[1]]
                file.write(b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (words[1], len(value), value))
            file.flush()

    alive = socket.create_server(("127.0.0.1", 0))
    with socket.create_server(("127.0.0.1", 0)) as dead:
        gone = dead.getsockname()[1]
    threading.Thread(target=serve, args=(alive,), daemon=True).start()
    probe = Cache((("127.0.0.1", gone), ("127.0.0.1", alive.getsockname()[1])), "run1", 0.5)
    outcomes = [probe.operate(slot, Operation(0.5)) for slot in range(20)]
    assert {outcome for outcome, _ in outcomes} == {Outcome.OK}
    alive.close()
