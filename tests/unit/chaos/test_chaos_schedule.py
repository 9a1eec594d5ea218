"""The open-loop schedule keeps time whatever its probe does, and outcomes mean what they say."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from dataclasses import replace
from io import BytesIO
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

import pymysql
import pytest
from synthetic import Story, facts_but, recording

import chaos.faults
import chaos.probes
from chaos.bounds import bounds
from chaos.ledger import audit_messages, audit_rows, parse_rows, read_ledger, rows_query
from chaos.model import Outcome, Sample
from chaos.probes import make, names
from chaos.probes.cache import Cache
from chaos.probes.config import ProbeConfig, ProbeSecrets, Targets
from chaos.probes.hostload import HostLoad, pressure_seconds
from chaos.probes.schedule import MAX_IN_FLIGHT, SampleFile, Schedule
from chaos.probes.sql import outcome_of
from chaos.probes.threads import Abandoned, Operation, Pool, ThreadedProbe
from chaos.probes.vip_arp import reply, request
from chaos.probes.vip_tcp import VipTcp
from chaos.recording import read_samples
from lab.errors import NotFoundError, RefusedError

# These measure time, and two processors that do something else for a moment are no bug of ours.
pytestmark = pytest.mark.flaky(reruns=2)


class Hanging:
    """Every attempt hangs until its timeout."""

    name = "hanging"

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.now = self.most = 0

    async def open(self) -> None: ...

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.timeout)
        finally:
            self.now -= 1
        return Outcome.UNKNOWN, "hung"

    async def close(self) -> None: ...


def run_for(probe: Hanging | ThreadedProbe | VipTcp, period: float, seconds: float) -> list[Sample]:
    samples: list[Sample] = []

    async def go() -> None:
        schedule = Schedule(probe, period, samples.append)
        asyncio.get_running_loop().call_later(seconds, schedule.stop)
        await probe.open()
        await schedule.run()
        await probe.close()

    asyncio.run(go())
    return sorted(samples, key=lambda sample: sample.slot)


def test_hanging_attempts_do_not_stop_the_schedule() -> None:
    probe = Hanging(timeout=0.2)
    samples = run_for(probe, 0.005, 0.8)  # 160 slots, if the test machine has nothing else to do
    assert [sample.slot for sample in samples] == list(range(len(samples)))
    assert len(samples) >= 55
    assert probe.most > 20  # a closed loop would never have more than one
    for before, after in pairwise(samples):
        assert after.intended - before.intended == pytest.approx(0.005, abs=1e-6)
    on_time = sum(sample.started - sample.intended < 0.05 for sample in samples)
    assert on_time >= 0.5 * len(samples)  # a hung attempt takes 0.2 s: a schedule that waited would keep 1 in 40


def test_attempts_in_flight_are_finished_after_the_stop() -> None:
    samples = run_for(Hanging(timeout=0.15), 0.02, 0.1)
    assert all(sample.detail == "hung" for sample in samples)


def test_a_probe_that_forgets_its_timeout_is_cut_off() -> None:
    class Forgetful(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            await asyncio.sleep(60)
            return Outcome.OK, ""

    samples = run_for(Forgetful(timeout=0.05), 0.05, 0.1)
    assert {sample.detail for sample in samples} <= {"no answer in time", "stopped before the answer"}
    assert {sample.outcome for sample in samples} == {Outcome.UNKNOWN}


def test_a_bug_in_a_probe_is_recorded_and_does_not_end_the_run() -> None:
    class Buggy(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            raise ValueError("oops")

    samples = run_for(Buggy(timeout=0.1), 0.02, 0.1)
    assert len(samples) >= 4
    assert "ValueError: oops" in samples[0].detail


def test_a_stall_of_the_process_shows_as_late_starts_not_as_missing_slots() -> None:
    class Blocking(Hanging):
        async def attempt(self, slot: int) -> tuple[Outcome, str]:
            if slot == 2:
                time.sleep(0.15)
            return Outcome.OK, ""

    samples = run_for(Blocking(timeout=0.1), 0.01, 0.25)
    assert [sample.slot for sample in samples] == list(range(len(samples)))
    assert max(sample.started - sample.intended for sample in samples) > 0.1


def test_too_many_in_flight_are_refused_not_queued() -> None:
    samples = run_for(Hanging(timeout=0.5), 0.0005, 0.4)
    refused = [sample for sample in samples if sample.detail.startswith("not started")]
    assert len(samples) > MAX_IN_FLIGHT
    assert len(samples) - len(refused) <= 2 * MAX_IN_FLIGHT
    assert refused


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


def test_a_pool_keeps_few_and_closes_the_rest() -> None:
    closed: list[int] = []
    pool: Pool[int] = Pool(closed.append, keep=2)
    for connection in (1, 2, 3):
        pool.give(connection)
    assert closed == [3]
    assert pool.take() == 2
    pool.clear()
    assert closed == [3, 1]


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


def test_every_probe_is_found_by_its_module() -> None:
    assert names() == ("cache", "mq_consume", "mq_publish", "sql_bank", "sql_held",
                       "sql_read", "sql_write", "vip_arp", "vip_tcp")


def test_an_unknown_probe_is_refused_with_the_list(tmp_path: Path) -> None:
    config = ProbeConfig(probe="nope", samples=tmp_path / "x", targets=Targets(client="run1"))
    with pytest.raises(NotFoundError, match="vip_tcp"):
        make(config, ProbeSecrets())


def test_secrets_come_over_a_pipe_and_are_never_quoted() -> None:
    assert ProbeSecrets.read(BytesIO(b'{"sql": "x"}')).sql == "x"
    assert ProbeSecrets.read(BytesIO()) == ProbeSecrets()
    with pytest.raises(RefusedError) as caught:
        ProbeSecrets.read(BytesIO(b'{"sqll": "hush"}'))
    assert "hush" not in str(caught.value) and caught.value.__cause__ is None
    assert not any("secret" in name for name in ProbeConfig.model_fields)


NEW_PROBE = """
from chaos.model import Traits
TRAITS = Traits(client_of="galera", through_vip=True, writes=True, ledger=True, period=0.5, grace=9)
def make(config, secrets): ...
"""
NEW_FAULT = """
from chaos.faults.node_poweroff import NodePoweroff
class NodeVanish(NodePoweroff):
    name = "node.vanish"
FAULT = NodeVanish()
"""


def test_a_new_probe_and_a_new_fault_are_one_new_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sql_more.py").write_text(NEW_PROBE)
    (tmp_path / "node_vanish.py").write_text(NEW_FAULT)
    for package in (chaos.probes, chaos.faults):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / package.__name__)])
    for package, file in ((chaos.probes, "sql_more.py"), (chaos.faults, "node_vanish.py")):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (tmp_path / file).rename(folder / file)
    chaos.probes.traits.cache_clear()
    chaos.faults.all_faults.cache_clear()
    try:
        assert "sql_more" in names()
        facts = replace(facts_but(fault="node.vanish"), probes=("sql_write", "sql_more"))
        found = bounds(facts)
        assert found.known["sql_more"] == found.known["sql_write"] and found.known["sql_more"].low > 2
        run = recording(tmp_path / "run", Story().but_facts(probes=facts.probes))
        assert run.clients == facts.probes and run.period("sql_more") == 0.5
    finally:
        chaos.probes.traits.cache_clear()
        chaos.faults.all_faults.cache_clear()


def test_samples_survive_the_file(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "s.jsonl")
    written = Sample(3, 1_800_000_000.06, 1_800_000_000.0612, 1_800_000_000.07, Outcome.FAIL, "refused")
    file.write(written)
    file.close()
    assert (tmp_path / "s.jsonl").read_text().count(" ") == 0
    assert read_samples(tmp_path / "s.jsonl") == [written]


def test_ledgers_drop_a_torn_line_and_audits_count(tmp_path: Path) -> None:
    ledger = tmp_path / "l.txt"
    ledger.write_text("run1/1\nrun1/2\nrun1/1")
    assert read_ledger(ledger) == ("run1/1", "run1/2")
    audit = audit_rows(["run1/1", "run1/2"],
                       {"c1": parse_rows("run1/1\nrun1/2\n"), "c2": parse_rows("run1/2\n")},
                       {"c1": True, "c2": True, "c3": True})
    assert [(one.node, one.synced, one.missing_total) for one in audit.nodes] == [
        ("c1", True, 0), ("c2", True, 1), ("c3", False, 2)]
    assert audit.nodes[1].missing == ("run1/1",)
    assert "client='run1'" in rows_query("run1")
    with pytest.raises(ValueError, match="client mark"):
        rows_query("x' OR '1")


def test_messages_of_other_runs_are_not_counted() -> None:
    audit = audit_messages(["run1/1", "run1/2"], ["run0/7", "run1/2", "run1/2", "run1/3", "run1/9"],
                           [1, 2, 3])
    assert audit.lost == ("run1/1",)
    assert audit.unexpected == ("run1/9",)
    assert audit.duplicates == 1


def test_how_long_the_lab_waited_for_a_processor() -> None:
    """The file that the kernel gives, from a host of this project."""
    told = ("some avg10=18.20 avg60=21.62 avg300=32.14 total=1628985133\n"
            "full avg10=6.32 avg60=5.20 avg300=8.38 total=505176880\n")
    assert pressure_seconds(told) == pytest.approx(1628.985)
    with pytest.raises(ValueError, match="some"):
        pressure_seconds("")


def test_the_host_s_load_tells_how_long_a_lab_waited(tmp_path: Path) -> None:
    pressure = tmp_path / "cpu.pressure"
    pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n")
    load = HostLoad(tmp_path / "host.jsonl")
    load.watch(pressure)
    load.start()
    time.sleep(0.8)
    pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n")
    time.sleep(0.8)
    pressure.unlink()
    time.sleep(0.6)
    load.stop()
    waited = [json.loads(line)[3] for line in (tmp_path / "host.jsonl").read_text().splitlines()]
    assert 1.0 in waited and waited[0] == 0.0 and waited[-1] is None
