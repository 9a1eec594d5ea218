"""A new TCP connection and one HTTP request to the proxy's health frontend, every time.

The plainest client there is: it shows the VIP and HAProxy themselves, nothing behind them.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from chaos.model import Outcome, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets

# Close with RST: fifty connections a second would otherwise leave thousands in TIME_WAIT.
_RESET = struct.pack("ii", 1, 0)
TRAITS = Traits(client_of="haproxy", through_vip=True)


class VipTcp:
    """``ok`` is a complete status line 200 within the timeout."""

    name = "vip_tcp"

    def __init__(self, host: str, port: int, path: str, timeout: float) -> None:
        self.timeout = timeout
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()

    async def open(self) -> None:
        """Nothing is kept between attempts."""

    async def attempt(self, slot: int) -> tuple[Outcome, str]:
        loop = asyncio.get_running_loop()
        # A bare socket, not asyncio streams: half the processor time for each attempt.
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sent = False
        try:
            sock.setblocking(False)
            async with asyncio.timeout(self.timeout):
                await loop.sock_connect(sock, self._address)
                sent = True
                await loop.sock_sendall(sock, self._request)
                answer = b""
                while b"\r\n" not in answer:
                    chunk = await loop.sock_recv(sock, 4096)
                    if not chunk:
                        return Outcome.UNKNOWN, "closed before the answer"
                    answer += chunk
        except TimeoutError:
            return (Outcome.UNKNOWN, "no answer in time") if sent else (Outcome.FAIL, "no connection in time")
        except OSError as error:
            return (Outcome.UNKNOWN if sent else Outcome.FAIL), f"{error.strerror or error}"
        finally:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        status = answer.split(b"\r\n", 1)[0].decode("latin-1")
        return (Outcome.OK, "") if " 200" in status else (Outcome.FAIL, status)

    async def close(self) -> None:
        """Nothing is kept between attempts."""


def make(config: ProbeConfig, _secrets: ProbeSecrets) -> VipTcp:
    targets = config.targets
    return VipTcp(targets.vip, targets.http_port, targets.http_path, config.timeout)
