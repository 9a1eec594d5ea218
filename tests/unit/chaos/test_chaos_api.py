"""The API's client: a whole answer of Keystone's is a success, and nothing else is; what its losses may cost."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import pytest
from scheduled import MEASURES_TIME, run_for
from synthetic import T0, TIMERS

from chaos.bounds import bounds
from chaos.facts import Facts, Injection, Roles
from chaos.formulas import backend_reset, backend_silent, unnoticed
from chaos.model import Outcome
from chaos.probes.api_http import ApiHttp, judged
from chaos.probes.fleet import DEFAULT_PROBES

BODY = b'{"version": {"id": "v3.14", "status": "stable"}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Halab-Server: n2\r\nConnection: close\r\n\r\n" % len(BODY)


@pytest.mark.parametrize(("answer", "outcome", "detail"), [
    (HEAD + BODY, Outcome.OK, "n2"),
    (HEAD + BODY[:-5], Outcome.UNKNOWN, "the answer broke off"),
    (HEAD[:30], Outcome.UNKNOWN, "the answer broke off"),
    (b"", Outcome.UNKNOWN, "closed before the answer"),
    (b"HTTP/1.0 503 Service Unavailable\r\n\r\n<html>", Outcome.FAIL, "503 Service Unavailable"),
    (b"HTTP/1.0 504 Gateway Time-out\r\n\r\n", Outcome.FAIL, "504 Gateway Time-out"),
    (b"HTTP/1.0 200 OK\r\n\r\n<html>It works!", Outcome.FAIL, "200 without a version document"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Outcome.UNKNOWN, "the answer broke off"),
])
def test_only_keystone_s_whole_answer_is_a_success(answer: bytes, outcome: Outcome, detail: str) -> None:
    assert judged(answer) == (outcome, detail)


def serve(answer: bytes | None) -> int:
    """The port of a server that says this to everybody; None: nothing, and it keeps the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        held = []
        while True:
            link, _ = listener.accept()
            held.append(link)
            if answer is not None:
                link.recv(1000)
                link.sendall(answer)
                link.close()

    threading.Thread(target=work, daemon=True).start()
    return int(listener.getsockname()[1])


@pytest.mark.parametrize(("answer", "outcome"), [(HEAD + BODY, Outcome.OK), (None, Outcome.UNKNOWN)])
@MEASURES_TIME
def test_a_server_that_is_silent_is_not_one_that_answers(answer: bytes | None, outcome: Outcome) -> None:
    assert run_for(ApiHttp("127.0.0.1", serve(answer), 0.2), 0.05, 0.04)[0].outcome is outcome


def test_a_refused_connection_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert run_for(ApiHttp("127.0.0.1", port, 0.2), 0.05, 0.04)[0].outcome is Outcome.FAIL


LOST = Injection(fault="proc.kill", target=("c2",), selector="one(role:api)", params={"process": "uwsgi-core"},
                 begin=T0, end=T0 + 0.1, timers=TIMERS, roles=Roles(vip_holder="c1", galera_writer="c1"))


def cost(injection: Injection) -> tuple[float, float]:
    """Least and most that the API's client may be away."""
    services = dict.fromkeys(("haproxy", "galera", "rabbitmq", "memcached", "keystone"), ("c1", "c2", "c3"))
    facts = Facts(scenario="t", lab="t", driver="container", style="collapsed", profile="tuned",
                  nodes=("c1", "c2", "c3"), probes=("api_http",), period=0.02, injections=(injection,),
                  services=services)
    bound = bounds(facts).known["api_http"]
    return bound.low, bound.high


def test_what_the_loss_of_an_instance_may_cost() -> None:
    assert cost(LOST) == (0.0, backend_reset(TIMERS).high)
    silent = (0.0, backend_silent(TIMERS).high)
    assert cost(replace(LOST, fault="proc.pause")) == silent
    assert cost(replace(LOST, fault="net.port_block", params={"port": 5000})) == silent
    assert cost(replace(LOST, fault="node.poweroff", params={})) == silent
    assert cost(replace(LOST, fault="svc.stop", params={"unit": "keystone"})) == (0.0, backend_reset(TIMERS).high)


@pytest.mark.parametrize("process", ["mariadbd", "beam.smp", "memcached"])
def test_the_version_document_needs_nobody_else(process: str) -> None:
    assert cost(replace(LOST, params={"process": process})) == (0.0, unnoticed(TIMERS).high)


def test_the_client_works_wherever_there_is_an_api() -> None:
    assert "api_http" in DEFAULT_PROBES
