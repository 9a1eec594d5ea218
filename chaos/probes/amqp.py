"""One AMQP connection at a time to one RabbitMQ host of a list; the next host after any failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from chaos.probes.config import QUEUE, ProbeConfig, ProbeSecrets

# pika logs every refused connection with a traceback; the samples already say it.
logging.getLogger("pika").setLevel(logging.CRITICAL)

# Seconds; each side sends a frame in each half of it, and gives the other up that missed two (RabbitMQ, "Detecting Dead
# TCP Connections with Heartbeats").
HEARTBEAT = 4
# Milliseconds for which such a frame may stay without the kernel's word from the other side: a silent node is given up
# within 5 s.
UNANSWERED_MS = 3000
# pika's own count of what it hears takes 9 to 18 s (it looks each HEARTBEAT + 5).  A broker that stands still on a node
# that is well held a consumer for 15 s and more (seen): its kernel answers.
_LISTEN = 0.5  # s between two looks at whether anything was heard
_PAUSE = 0.05  # between hosts, so that refused connections do not become a busy loop


@dataclass(frozen=True)
class Brokers:
    hosts: tuple[str, ...]
    port: int
    user: str
    password: str
    timeout: float
    quorum: bool = True


class Link:
    """Keeps trying until closed.  ``prepare(channel, ready)`` sets a fresh channel up and calls
    ``ready()`` when it may be used; ``lost()`` is told when the channel is gone."""

    def __init__(self, brokers: Brokers, prepare: Callable[[Any, Callable[[], None]], None],
                 lost: Callable[[], None]) -> None:
        self._brokers = brokers
        self._prepare = prepare
        self._lost = lost
        self._next = 0
        self._channel: Any = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.host = ""

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_up())

    async def channel(self) -> Any:
        """The ready channel; waits for it, so give it a timeout."""
        while self._channel is None:
            await self._up.wait()
            await asyncio.sleep(0)
        return self._channel

    def drop(self, channel: Any) -> None:
        """Never use this channel's connection again (an error or a timeout was seen on it)."""
        if channel is self._channel:
            self._channel = None
            self._up.clear()
            self._down.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_up(self) -> None:
        while True:
            host = self._brokers.hosts[self._next % len(self._brokers.hosts)]
            self._next += 1
            connection: AsyncioConnection | None = None
            # One per connection: the last words of an old one must not end the new one.
            self._down = asyncio.Event()
            try:
                async with asyncio.timeout(self._brokers.timeout):
                    connection, channel = await self._connect(host)
                self.host, self._channel = host, channel
                self._up.set()
                await self._until_lost(connection)
            except (TimeoutError, OSError, ConnectionError):
                await asyncio.sleep(_PAUSE)
            finally:
                self._channel = None
                self._up.clear()
                self._lost()
                if connection is not None:
                    _abort(connection)

    async def _until_lost(self, connection: Any) -> None:
        """Until the connection ends, or nothing was heard on it for two heartbeats; slow brokers have longer."""
        loop = asyncio.get_running_loop()
        heard, since = connection.bytes_received, loop.time()
        while not self._down.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._down.wait(), _LISTEN)
            if connection.bytes_received != heard:
                heard, since = connection.bytes_received, loop.time()
            elif loop.time() - since > HEARTBEAT * self._brokers.timeout:
                return

    async def _connect(self, host: str) -> tuple[AsyncioConnection, Any]:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Any] = loop.create_future()
        down = self._down
        brokers = self._brokers

        def failed(_object: Any, reason: Any) -> None:
            if not ready.done():
                ready.set_exception(ConnectionError(str(reason)))
            down.set()

        def opened(connection: Any) -> None:
            connection.channel(on_open_callback=channel_opened)

        def channel_opened(channel: Any) -> None:
            channel.add_on_close_callback(failed)
            self._prepare(channel, lambda: None if ready.done() else ready.set_result(channel))

        parameters = pika.ConnectionParameters(
            host=host, port=brokers.port, heartbeat=HEARTBEAT,
            credentials=pika.PlainCredentials(brokers.user, brokers.password),
            connection_attempts=1, retry_delay=0, tcp_options={"TCP_USER_TIMEOUT": UNANSWERED_MS},
            socket_timeout=brokers.timeout, stack_timeout=brokers.timeout)
        connection = AsyncioConnection(parameters, on_open_callback=opened, on_open_error_callback=failed,
                                       on_close_callback=failed, custom_ioloop=loop)
        try:
            return connection, await ready
        except BaseException:
            _abort(connection)
            raise


def declare(channel: Any, done: Callable[[], None], *, quorum: bool = True) -> None:
    """The probe's queue, durable and on several nodes: of type quorum, or classic, which the policy mirrors."""
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum" if quorum else "classic"},
                          callback=lambda _frame: done())


def brokers_of(config: ProbeConfig, secrets: ProbeSecrets) -> Brokers:
    targets = config.targets
    return Brokers(targets.mq_hosts, targets.mq_port, targets.mq_user, secrets.amqp, config.timeout,
                   targets.mq_quorum)


def _abort(connection: Any) -> None:
    """Cut the TCP connection: a graceful close would wait for a peer that may be dead."""
    with contextlib.suppress(Exception):  # pika's states after a failure are many, and all are over
        connection._terminate_stream(ConnectionAbortedError("given up by the probe"))
