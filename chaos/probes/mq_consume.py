"""Takes every message with a manual ack and writes its id down before acking it.

A slot is ``ok`` when a message arrived after it began, so the schedule asks the same question
as the other probes: is the service serving now?  With no publisher there is nothing to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chaos.model import Outcome, Traits
from chaos.probes.amqp import Brokers, Link, brokers_of, declare
from chaos.probes.config import QUEUE, ProbeConfig, ProbeSecrets
from chaos.probes.ledger_file import LedgerFile
from chaos.probes.schedule import GUARD

PREFETCH = 200
# The audit S5 needs an empty queue.  Silence must outlast a publisher's last attempt.
QUIET = 2 * GUARD  # s above the clients' timeout
DRAIN_LIMIT = 20.0  # s, times the clients' timeout
# It empties the queue before it leaves.
TRAITS = Traits(client_of="rabbitmq", ledger=True, grace=DRAIN_LIMIT + 5)


class MqConsume:
    """``summary`` says at the end whether the queue was seen empty."""

    name = "mq_consume"

    def __init__(self, brokers: Brokers, ledger: LedgerFile) -> None:
        self.timeout = brokers.timeout
        self._ledger = ledger
        self._quorum = brokers.quorum
        self._link = Link(brokers, self._prepare, lambda: None)
        self._arrival: asyncio.Future[None] | None = None
        self._last = 0.0
        self._drained = False

    @property
    def summary(self) -> dict[str, bool]:
        return {"drained": self._drained}

    async def open(self) -> None:
        self._link.start()

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        if self._arrival is None or self._arrival.done():
            self._arrival = asyncio.get_running_loop().create_future()
        try:
            # shield: the slots in flight share one future, and one slot's timeout must not end it
            await asyncio.wait_for(asyncio.shield(self._arrival), self.timeout)
        except TimeoutError:
            return Outcome.FAIL, "no message arrived"
        return Outcome.OK, ""

    async def close(self) -> None:
        """Go on consuming until the queue is empty, then leave."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + DRAIN_LIMIT * self.timeout
        self._last = max(self._last, loop.time())
        while loop.time() < limit and not self._drained:
            await asyncio.sleep(0.1)
            if loop.time() - self._last >= self.timeout + QUIET:
                self._drained = await self._empty()
        await self._link.close()
        self._ledger.close()

    async def _empty(self) -> bool:
        """No message waits, and no other consumer holds one.

        A broker that its queue's leader does not answer in time says 0 of both (RabbitMQ, rabbit_quorum_queue:stat),
        so an answer counts only if it knows of this consumer.
        """
        counted: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()

        def answered(frame: Any) -> None:
            if not counted.done():
                counted.set_result((int(frame.method.message_count), int(frame.method.consumer_count)))

        try:
            async with asyncio.timeout(self.timeout):
                channel = await self._link.channel()
                channel.queue_declare(QUEUE, passive=True, callback=answered)
                return await counted == (0, 1)
        except Exception:  # not reachable now; the caller asks again until its limit
            return False

    def _prepare(self, channel: Any, ready: Callable[[], None]) -> None:
        def declared() -> None:
            channel.basic_consume(QUEUE, self._delivered, callback=lambda _frame: ready())

        channel.basic_qos(prefetch_count=PREFETCH,
                          callback=lambda _frame: declare(channel, declared, quorum=self._quorum))

    def _delivered(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        # Its publisher fills a message up with spaces.
        self._ledger.add(body.decode("ascii", "replace").rstrip(" ").replace("\n", " "))
        channel.basic_ack(method.delivery_tag)
        self._last = asyncio.get_running_loop().time()
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def make(config: ProbeConfig, secrets: ProbeSecrets) -> MqConsume:
    return MqConsume(brokers_of(config, secrets), LedgerFile(config.ledger))
