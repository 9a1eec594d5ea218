"""Small servers on 127.0.0.1 that speak just enough MySQL and AMQP for the probes."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from pika import frame, spec


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Stub:
    """A server of one handler class on a free port; ``links`` are the open connections."""

    handler: type[socketserver.StreamRequestHandler]

    def __init__(self) -> None:
        self.links: list[Any] = []
        self.silent = False
        self._server = _Server(("127.0.0.1", 0), self.handler)
        self._server.stub = self  # type: ignore[attr-defined]
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self) -> None:
        """Close every connection without a word."""
        for link in self.links:
            with suppress(OSError):
                link.shutdown(2)
        self.links.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.cut()


class _MysqlHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        stub: Mysql = self.server.stub  # type: ignore[attr-defined]
        stub.links.append(self.connection)
        stub.connections += 1
        self._send(0, b"\x0a10.11-stub\x00" + struct.pack("<I", 1) + b"12345678\x00"
                   + struct.pack("<HBHH", 0xF7DF, 45, 2, 0x0008) + b"\x15" + bytes(10) + b"123456789012\x00"
                   + b"mysql_native_password\x00")
        self._read()
        self._ok(2)
        while (packet := self._read()) is not None:
            if packet[:1] == b"\x03":
                stub.statements.append(packet[1:].decode())
            if stub.silent or (stub.deaf_to and packet[1:].decode().startswith(stub.deaf_to)):
                continue
            self._ok(1)

    def _read(self) -> bytes | None:
        head = self.rfile.read(4)
        return self.rfile.read(int.from_bytes(head[:3], "little")) if len(head) == 4 else None

    def _send(self, number: int, body: bytes) -> None:
        self.wfile.write(len(body).to_bytes(3, "little") + bytes([number]) + body)

    def _ok(self, number: int) -> None:
        self._send(number, b"\x00\x01\x00\x02\x00\x00\x00")


class Mysql(Stub):
    """Says OK to every statement; ``silent`` leaves statements without an answer."""

    handler = _MysqlHandler

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.connections = 0
        self.deaf_to = ""  # statements that begin like this get no answer
        super().__init__()


class _AmqpHandler(socketserver.StreamRequestHandler):
    """One connection, one channel; frames are decoded by pika's own decoder."""

    def handle(self) -> None:
        self.stub: Amqp = self.server.stub  # type: ignore[attr-defined]
        self.stub.links.append(self.connection)
        self.connection.recv(8)
        self.confirmed = self.delivered = 0
        self.write_lock = threading.Lock()
        self._method(0, spec.Connection.Start(server_properties={"capabilities": {
            "publisher_confirms": True, "basic.nack": True}}))
        data = b""
        try:
            while chunk := self.connection.recv(65536):
                data += chunk
                while True:
                    used, one = frame.decode_frame(data)
                    if one is None:
                        break
                    data = data[used:]
                    self._frame(one)
        except OSError:
            return
        finally:
            if self in self.stub.consumers:
                self.stub.consumers.remove(self)

    def _method(self, channel: int, method: Any) -> None:
        with self.write_lock:
            self.wfile.write(frame.Method(channel, method).marshal())

    def _frame(self, one: Any) -> None:
        if isinstance(one, frame.Body):
            self._published(one.channel_number, one.fragment)
        elif isinstance(one, frame.Method):
            answer = self._answer(one.method)
            if answer is not None:
                self._method(one.channel_number, answer)
            if isinstance(one.method, spec.Basic.Consume):
                self.channel, self.tag = one.channel_number, one.method.consumer_tag
                self.stub.consumers.append(self)
                self.stub.flush()

    def _answer(self, method: Any) -> Any:
        match method:
            case spec.Connection.StartOk():
                return spec.Connection.Tune(channel_max=100, frame_max=131072, heartbeat=0)
            case spec.Connection.Open():
                return spec.Connection.OpenOk()
            case spec.Channel.Open():
                return spec.Channel.OpenOk()
            case spec.Confirm.Select():
                return spec.Confirm.SelectOk()
            case spec.Basic.Qos():
                return spec.Basic.QosOk()
            case spec.Queue.Declare():
                self.stub.declared.append((method.queue, method.durable, dict(method.arguments or {})))
                return spec.Queue.DeclareOk(queue=method.queue, message_count=len(self.stub.queue),
                                            consumer_count=len(self.stub.consumers) if self.stub.leader else 0)
            case spec.Basic.Consume():
                return spec.Basic.ConsumeOk(consumer_tag=method.consumer_tag)
        return None

    def _published(self, channel: int, body: bytes) -> None:
        self.confirmed += 1
        if self.stub.silent:
            return
        if self.stub.refuses:
            self._method(channel, spec.Basic.Nack(delivery_tag=self.confirmed))
            return
        self.stub.queue.append(body)
        self.stub.flush()
        self._method(channel, spec.Basic.Ack(delivery_tag=self.confirmed))

    def deliver(self, body: bytes) -> None:
        self.delivered += 1
        method = spec.Basic.Deliver(consumer_tag=self.tag, delivery_tag=self.delivered, exchange="",
                                    routing_key="q")
        with self.write_lock:
            self.wfile.write(frame.Method(self.channel, method).marshal()
                             + frame.Header(self.channel, len(body), spec.BasicProperties()).marshal()
                             + frame.Body(self.channel, body).marshal())


class Amqp(Stub):
    """One queue; confirms what is published (not when ``silent``, nack when it ``refuses``); delivers to any."""

    handler = _AmqpHandler

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque()
        self.consumers: list[_AmqpHandler] = []
        self.leader = True  # without one a broker says that a queue has no message and no consumer
        self.declared: list[tuple[str, bool, dict[str, Any]]] = []
        self.refuses = False
        super().__init__()

    def flush(self) -> None:
        while self.consumers and self.queue:
            self.consumers[0].deliver(self.queue.popleft())
