"""One persistent message per slot to a replicated queue, with publisher confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pika

from chaos.model import Outcome, Traits
from chaos.probes.amqp import Brokers, Link, brokers_of, declare
from chaos.probes.config import QUEUE, ProbeConfig, ProbeSecrets
from chaos.probes.ledger_file import LedgerFile

# Timeouts without any confirm after which the broker is given up for another one.  Not at the first operation that
# took too long: a queue that elects a leader answers on the connections that stayed, and on a new one only when its
# old leader's node is given up (measured: 1.5 s against 5.7).  Clients of a service wait for their broker too.
PATIENCE = 3
_NACK = "nack"
_Answer = asyncio.Future[tuple[Outcome, str]]
TRAITS = Traits(client_of="rabbitmq", writes=True, ledger=True)


class MqPublish:
    """``ok`` is a broker's ack: a majority of the queue's replicas, or every mirror, holds the message."""

    name = "mq_publish"

    def __init__(self, brokers: Brokers, client: str, ledger: LedgerFile, size: int = 0) -> None:
        self.timeout = brokers.timeout
        self._client = client
        self._size = size
        self._quorum = brokers.quorum
        self._ledger = ledger
        self._link = Link(brokers, self._prepare, self._lost)
        self._waiting: dict[int, _Answer] = {}  # by delivery tag of the present channel
        self._returned: set[str] = set()
        self._tag = 0
        self._heard = 0.0

    async def open(self) -> None:
        self._link.start()

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        channel: Any = None
        try:
            async with asyncio.timeout(self.timeout):
                channel = await self._link.channel()
                outcome, detail = await self._publish(channel, f"{self._client}/{slot}")
            if detail == _NACK:
                # Seen after a lost node: what was nacked on a channel is the last that is answered on it.
                self._link.drop(channel)
            return outcome, detail
        except TimeoutError:
            if channel is None:
                return Outcome.FAIL, "no connection in time"
            if asyncio.get_running_loop().time() - self._heard > PATIENCE * self.timeout:
                self._link.drop(channel)
            return Outcome.UNKNOWN, f"no confirm in time from {self._link.host}"

    async def close(self) -> None:
        await self._link.close()
        self._ledger.close()

    async def _publish(self, channel: Any, entry: str) -> tuple[Outcome, str]:
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._tag += 1
        self._waiting[self._tag] = answer
        try:
            # mandatory: without it a message that no queue takes is confirmed and gone
            channel.basic_publish("", QUEUE, entry.encode().ljust(self._size), mandatory=True,
                                  properties=pika.BasicProperties(delivery_mode=2, message_id=entry))
        except Exception as error:  # pika: wrong state or closed; nothing left this process
            self._link.drop(channel)
            return Outcome.FAIL, f"{type(error).__name__}: {error}"
        outcome, detail = await answer
        if entry in self._returned:
            self._returned.discard(entry)
            return Outcome.FAIL, "returned: no queue took it"
        if outcome is Outcome.OK:
            self._ledger.add(entry)
        return outcome, detail

    def _prepare(self, channel: Any, ready: Callable[[], None]) -> None:
        def selected(_frame: Any) -> None:
            self._tag = 0
            self._heard = asyncio.get_running_loop().time()
            declare(channel, ready, quorum=self._quorum)

        channel.add_on_return_callback(lambda _channel, _method, properties, _body:
                                       self._returned.add(properties.message_id))
        channel.confirm_delivery(self._confirmed, callback=selected)

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        self._heard = asyncio.get_running_loop().time()
        good = method.NAME == "Basic.Ack"
        tags = [tag for tag in self._waiting if tag <= method.delivery_tag] if method.multiple else [
            method.delivery_tag]
        for tag in tags:
            answer = self._waiting.pop(tag, None)
            if answer is not None and not answer.done():
                answer.set_result((Outcome.OK, "") if good else (Outcome.FAIL, _NACK))

    def _lost(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_result((Outcome.UNKNOWN, "connection lost before the confirm"))


def make(config: ProbeConfig, secrets: ProbeSecrets) -> MqPublish:
    return MqPublish(brokers_of(config, secrets), config.targets.client, LedgerFile(config.ledger),
                     config.targets.mq_bytes)
