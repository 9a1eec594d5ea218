"""Ask the API what it is, through the virtual IP and the proxy: a new connection and a whole answer, every time.

What it shows beyond ``vip_tcp``: behind the proxy a service of the API tier answered.  Keystone does that without its
database, so an outage here is the API's own, or the proxy's.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import socket

from chaos.model import Outcome, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets
from daemons import keystone

# An API request costs the server some milliseconds of Python: fifty of them in a second would be a load, no probe.
TRAITS = Traits(client_of="keystone", through_vip=True, period=0.1)
_MOST = 64 * 1024  # bytes of an answer; the version document has some hundred


class _Read(io.BytesIO):
    """What http.client wants of a socket: the bytes that came."""

    def makefile(self, *_mode: object) -> _Read:
        return self


class ApiHttp:
    """``ok`` is a status of 200 with the whole version document; the detail is the server that gave it.

    What the proxy says for a server that it does not have (503), or whose answer it did not get (502, 504), is a
    ``fail``; an answer that breaks off is ``unknown``, as is one that does not come.
    """

    name = "api_http"

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.timeout = timeout
        self._address = (host, port)
        self._request = (f"GET {keystone.PATH} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json\r\n"
                         "Connection: close\r\n\r\n").encode()

    async def open(self) -> None:
        """Nothing is kept between attempts."""

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sent = False
        answer = b""
        try:
            sock.setblocking(False)
            async with asyncio.timeout(self.timeout):
                await loop.sock_connect(sock, self._address)
                sent = True
                await loop.sock_sendall(sock, self._request)
                while len(answer) < _MOST and (chunk := await loop.sock_recv(sock, 4096)):
                    answer += chunk
        except TimeoutError:
            return (Outcome.UNKNOWN, "no answer in time") if sent else (Outcome.FAIL, "no connection in time")
        except OSError as error:
            return (Outcome.UNKNOWN if sent else Outcome.FAIL), f"{error.strerror or error}"
        finally:
            sock.close()
        return judged(answer)

    async def close(self) -> None:
        """Nothing is kept between attempts."""


def judged(answer: bytes) -> tuple[Outcome, str]:
    """What a whole connection's bytes say."""
    if b"\r\n\r\n" not in answer:  # http.client takes the end of the bytes for that of the headers
        return Outcome.UNKNOWN, "the answer broke off" if answer else "closed before the answer"
    response = http.client.HTTPResponse(_Read(answer))  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, OSError):
        return Outcome.UNKNOWN, "the answer broke off"
    if response.status != 200:
        return Outcome.FAIL, f"{response.status} {response.reason}"
    if keystone.ANSWER not in body:
        return Outcome.FAIL, "200 without a version document"
    return Outcome.OK, response.getheader(keystone.SERVED_BY, "")


def make(config: ProbeConfig, _secrets: ProbeSecrets) -> ApiHttp:
    return ApiHttp(config.targets.vip, config.targets.api_port, config.timeout)
