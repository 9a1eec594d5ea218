"""The SQL and AMQP probes against small servers that break in chosen ways."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from stubs import Amqp, Mysql

from chaos.ledger import audit_messages, read_ledger
from chaos.model import Outcome, Probe, Sample
from chaos.probes.amqp import Brokers
from chaos.probes.ledger_file import LedgerFile
from chaos.probes.mq_consume import MqConsume
from chaos.probes.mq_publish import MqPublish
from chaos.probes.schedule import Schedule
from chaos.probes.sql import Server
from chaos.probes.sql_bank import SqlBank, transfer
from chaos.probes.sql_held import SqlHeld
from chaos.probes.sql_write import SqlWrite

# These measure time, and two processors that do something else for a moment are no bug of ours.
pytestmark = pytest.mark.flaky(reruns=2)


@pytest.fixture
def mysql() -> Iterator[Mysql]:
    stub = Mysql()
    yield stub
    stub.close()


@pytest.fixture
def amqp() -> Iterator[Amqp]:
    stub = Amqp()
    yield stub
    stub.close()


async def drive(probes: list[Probe], seconds: float,
                *actions: tuple[float, Callable[[], None]]) -> dict[str, list[Sample]]:
    """Run probes side by side at 50 Hz; ``actions`` are (after seconds, callable)."""
    found: dict[str, list[Sample]] = {probe.name: [] for probe in probes}
    schedules = [Schedule(probe, 0.02, found[probe.name].append) for probe in probes]
    loop = asyncio.get_running_loop()
    for at, action in actions:
        loop.call_later(at, action)
    for schedule in schedules:
        loop.call_later(seconds, schedule.stop)
    for probe in probes:
        await probe.open()
    await asyncio.gather(*(schedule.run() for schedule in schedules))
    for probe in probes:
        await probe.close()
    return {name: sorted(samples, key=lambda sample: sample.slot) for name, samples in found.items()}


def writer(mysql: Mysql, ledger: Path) -> SqlWrite:
    return SqlWrite(Server("127.0.0.1", mysql.port, "u", "p"), "run1", LedgerFile(ledger), 0.15)


def test_sql_keeps_its_connection_and_its_ledger(mysql: Mysql, tmp_path: Path) -> None:
    samples = asyncio.run(drive([writer(mysql, tmp_path / "l")], 0.4))["sql_write"]
    assert {sample.outcome for sample in samples} == {Outcome.OK}
    assert mysql.connections <= 4
    inserts = [text for text in mysql.statements if text.startswith("INSERT")]
    assert len(inserts) == len(samples) == len(read_ledger(tmp_path / "l"))
    assert sum("VALUES ('run1', 3)" in text for text in inserts) == 1


def test_sql_without_an_answer_is_unknown_and_not_in_the_ledger(mysql: Mysql, tmp_path: Path) -> None:
    def hush() -> None:
        mysql.silent = True

    def speak() -> None:
        mysql.silent = False

    run = drive([writer(mysql, tmp_path / "l")], 0.8, (0.2, hush), (0.4, speak))
    samples = asyncio.run(run)["sql_write"]
    # Slots with a connection sent their row; the later ones got none and surely did nothing.
    assert {sample.outcome for sample in samples} == {Outcome.OK, Outcome.UNKNOWN, Outcome.FAIL}
    assert samples[-1].outcome is Outcome.OK  # on a new connection
    good = {f"run1/{sample.slot}" for sample in samples if sample.outcome is Outcome.OK}
    assert set(read_ledger(tmp_path / "l")) == good


def test_a_held_session_waits_until_somebody_ends_it(mysql: Mysql) -> None:
    """It has no timeout to leave by: the server answers others again after 0.2 s, and this one is freed at 0.6."""
    def hush(silent: bool) -> Callable[[], None]:
        return lambda: setattr(mysql, "silent", silent)

    held = SqlHeld(Server("127.0.0.1", mysql.port, "u", "p"), "run1", 5.0)
    samples = asyncio.run(drive([held], 0.8, (0.2, hush(True)), (0.4, hush(False)), (0.6, mysql.cut)))["sql_held"]
    assert mysql.connections == 2
    begin = samples[0].intended
    done = sorted(sample.ended - begin for sample in samples if sample.outcome is Outcome.OK)
    assert max(right - left for left, right in pairwise(done)) > 0.35
    assert [sample.outcome for sample in samples].count(Outcome.UNKNOWN) == 1  # the one that had asked
    assert samples[-1].outcome is Outcome.OK


def test_a_transfer_is_one_transaction_and_its_two_halves_are_equal(mysql: Mysql, tmp_path: Path) -> None:
    bank = SqlBank(Server("127.0.0.1", mysql.port, "u", "p"), "run1", LedgerFile(tmp_path / "l"), 0.3)
    samples = asyncio.run(drive([bank], 0.5))["sql_bank"]
    assert {sample.outcome for sample in samples} == {Outcome.OK}
    assert mysql.statements.count("COMMIT") == len(samples)
    assert len(read_ledger(tmp_path / "l")) == sum(sample.slot % 10 == 0 for sample in samples)
    for slot in range(200):
        halves = [re.fullmatch(r"UPDATE probe_bank SET balance = balance \+ \((-?\d+)\) WHERE account = (\d+)", text)
                  for text in transfer(slot)]
        (one, first), (other, second) = ((int(half[1]), int(half[2])) for half in halves if half)
        assert one + other == 0 and one != 0 and first < second


def test_a_transfer_that_was_not_committed_surely_failed(mysql: Mysql, tmp_path: Path) -> None:
    """The server falls silent between the halves: nothing of it can stay, so this is no unknown."""
    def told(deaf_to: str) -> Outcome:
        mysql.deaf_to = deaf_to
        bank = SqlBank(Server("127.0.0.1", mysql.port, "u", "p"), "run1", LedgerFile(tmp_path / "l"), 1.0)
        return asyncio.run(bank.attempt(1))[0]

    assert told("UPDATE") is Outcome.FAIL
    assert told("COMMIT") is Outcome.UNKNOWN
    assert told("") is Outcome.OK


def test_mq_loses_nothing_when_its_connections_are_cut(amqp: Amqp, tmp_path: Path) -> None:
    brokers = Brokers(("127.0.0.1",), amqp.port, "u", "p", 0.3)
    publish = MqPublish(brokers, "run1", LedgerFile(tmp_path / "p"))
    consume = MqConsume(brokers, LedgerFile(tmp_path / "c"))
    samples = asyncio.run(drive([publish, consume], 0.7, (0.3, amqp.cut)))
    assert consume.summary == {"drained": True}
    assert samples["mq_publish"][-1].outcome is Outcome.OK
    assert samples["mq_consume"][-1].outcome is Outcome.OK
    audit = audit_messages(read_ledger(tmp_path / "p"), read_ledger(tmp_path / "c"),
                           (sample.slot for sample in samples["mq_publish"]))
    assert audit.confirmed > 25
    # The stub forgets what it had sent into the cut connection; a broker would deliver it again.
    assert len(audit.lost) <= 1
    assert audit.unexpected == ()
    assert amqp.declared[0] == ("halab.probe", True, {"x-queue-type": "quorum"})


def test_an_empty_queue_that_nobody_leads_is_not_drained(amqp: Amqp, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker whose queue's leader is silent says 'no message, no consumer': three messages were called lost."""
    monkeypatch.setattr("chaos.probes.mq_consume.DRAIN_LIMIT", 5.0)
    brokers = Brokers(("127.0.0.1",), amqp.port, "u", "p", 0.3)
    consume = MqConsume(brokers, LedgerFile(tmp_path / "c"))
    amqp.leader = False
    asyncio.run(drive([consume], 0.3))
    assert consume.summary == {"drained": False}


def test_a_broker_with_mirrored_queues_gets_a_classic_queue(amqp: Amqp, tmp_path: Path) -> None:
    brokers = Brokers(("127.0.0.1",), amqp.port, "u", "p", 1.0, quorum=False)
    publish = MqPublish(brokers, "run1", LedgerFile(tmp_path / "p"))
    consume = MqConsume(brokers, LedgerFile(tmp_path / "c"))
    asyncio.run(drive([publish, consume], 0.2))
    # The consumer also declares passively, to count; that has no arguments.
    kinds = [kind["x-queue-type"] for _, _, kind in amqp.declared if kind]
    assert set(kinds) == {"classic"} and len(kinds) == 2


@pytest.mark.parametrize(("until", "links"), [(0.4, {1}), (0.9, {2, 3})])
def test_mq_without_a_confirm_is_unknown_and_in_the_end_goes_to_the_next_host(
        amqp: Amqp, tmp_path: Path, until: float, links: set[int]) -> None:
    def hush() -> None:
        amqp.silent = True

    def speak() -> None:
        amqp.silent = False

    brokers = Brokers(("127.0.0.1", "127.0.0.1"), amqp.port, "u", "p", 0.15)
    publish = MqPublish(brokers, "run1", LedgerFile(tmp_path / "p"))
    samples = asyncio.run(drive([publish], until + 0.4, (0.2, hush), (until, speak)))["mq_publish"]
    assert Outcome.UNKNOWN in {sample.outcome for sample in samples}
    assert samples[-1].outcome is Outcome.OK
    good = {f"run1/{sample.slot}" for sample in samples if sample.outcome is Outcome.OK}
    assert set(read_ledger(tmp_path / "p")) == good
    assert len(amqp.links) in links  # it waits for an election, and is not dropped once per slot


def test_mq_leaves_a_channel_on_which_it_was_nacked(amqp: Amqp, tmp_path: Path) -> None:
    """Seen: after the nack that came with a lost node nothing was confirmed on that channel for 3 s and more."""
    def refuse() -> None:
        amqp.refuses = True

    def accept() -> None:
        amqp.refuses = False

    publish = MqPublish(Brokers(("127.0.0.1",), amqp.port, "u", "p", 0.3), "run1", LedgerFile(tmp_path / "p"))
    samples = asyncio.run(drive([publish], 0.6, (0.2, refuse), (0.22, accept)))["mq_publish"]
    assert (Outcome.FAIL, "nack") in {(sample.outcome, sample.detail) for sample in samples}
    assert samples[-1].outcome is Outcome.OK and len(amqp.links) > 1


def test_a_silent_node_does_not_hold_an_idle_consumer(amqp: Amqp) -> None:
    """Seen: a consumer on a node without power came back after 13.5 s, when pika counted its heartbeats."""
    found: list[int] = []

    def look() -> None:
        for one_fd in Path("/proc/self/fd").iterdir():
            with suppress(OSError), socket.socket(fileno=os.dup(int(one_fd.name))) as one:
                if one.family == socket.AF_INET and one.getpeername()[1] == amqp.port:
                    found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    consume = MqConsume(Brokers(("127.0.0.1",), amqp.port, "u", "p", 0.3), LedgerFile(None))
    asyncio.run(drive([consume], 0.4, (0.3, look)))
    assert found == [3000]


def test_a_consumer_leaves_a_broker_that_sends_nothing_any_more(amqp: Amqp) -> None:
    """Seen: a broker stood still, its node's kernel answered, and its consumer waited for 15 s until it went on."""
    def links(publishes: bool) -> int:
        brokers, seen = Brokers(("127.0.0.1", "127.0.0.1"), amqp.port, "u", "p", 0.2), [len(amqp.links)]
        consume = MqConsume(brokers, LedgerFile(None))
        publish = MqPublish(brokers, "run1", LedgerFile(None))
        asyncio.run(drive([consume, publish] if publishes else [consume], 1.5,
                          (1.4, lambda: seen.append(len(amqp.links)))))
        return seen[1] - seen[0]

    assert links(publishes=False) == 2  # after two heartbeats' time, here 0.8 s
    assert links(publishes=True) == 2  # one each: both hear something all the time


def test_mq_with_nobody_there_is_a_fail(tmp_path: Path) -> None:
    stub = Amqp()
    stub.close()
    publish = MqPublish(Brokers(("127.0.0.1",), stub.port, "u", "p", 0.1), "run1", LedgerFile(None))
    samples = asyncio.run(drive([publish], 0.2))["mq_publish"]
    assert {sample.outcome for sample in samples} == {Outcome.FAIL}


RUNNER = """
import sys, time
from pathlib import Path
from chaos.probes.config import ProbeSecrets, Targets
from chaos.probes.fleet import ProbeFleet
fleet = ProbeFleet(Path(sys.argv[1]))
targets = Targets(client="run1", vip="127.0.0.1", sql_port=int(sys.argv[2]))
fleet.start_in(list, targets, ["sql_write"], 0.02, ProbeSecrets(sql="hush"), 20)
print(fleet._processes["sql_write"].pid, flush=True)
time.sleep(float(sys.argv[3]))
print(fleet.stop()[0].returncode, flush=True)
"""


def start_runner(mysql: Mysql, folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUNNER, str(folder), str(mysql.port), str(seconds)],
                            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def test_a_fleet_starts_measures_and_stops(mysql: Mysql, tmp_path: Path) -> None:
    said, _ = start_runner(mysql, tmp_path, 0.2).communicate(timeout=30)
    assert said.split()[1] == "0"
    assert len(read_ledger(tmp_path / "ledgers" / "sql_write.txt")) > 5
    status = json.loads((tmp_path / "samples" / "sql_write.status.json").read_text())
    assert status["slots"] >= status["ok"] > 5
    left = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "hush" not in left


def test_a_probe_dies_with_its_runner(mysql: Mysql, tmp_path: Path) -> None:
    runner = start_runner(mysql, tmp_path, 30)
    assert runner.stdout is not None
    probe = int(runner.stdout.readline())
    runner.kill()
    runner.wait()
    left = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "hush" not in left  # the folder outlives the lab, and nobody was there to clean up
    runner.stdout.close()
    until = time.monotonic() + 5
    while _alive(probe) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _alive(probe)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
