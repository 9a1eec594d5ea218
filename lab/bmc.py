"""The BMC service: one IPMI 2.0 responder for each node, as real controllers have.

``fence_ipmilan`` talks to it over the mgmt network; behind it is the driver's power switch, so
it works alike on every driver.  It runs as a process of its own, in the lab's ``bmc`` cgroup,
and survives the command line.

A real machine needs time between power-on and boot (POST).  A node that boots faster than the
fence operation ends is told that it was "just fenced", and its cluster daemons exit; so the BMC
reports "on" at once and starts the node ``post`` seconds later.

A BMC may misbehave, for the faults on fencing: the file ``bmc/<node>.mode`` holds ``normal``,
``dead`` (no answer), ``lying`` (says done, does nothing), or ``slow`` (takes the order at once, and the
power goes ``SLOW`` seconds later).
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyghmi.ipmi.bmc import Bmc

from lab.drivers.base import Power, PowerState
from lab.errors import DeadlineError, HalabError
from lab.host.cgroups import Cgroup
from lab.host.process import detached, run
from lab.lab import Lab
from lab.net.namespace import Namespace
from lab.plan import Node
from lab.state.home import LabPaths
from lab.suppression import suppressed_by

USER = "halab"
MODES = ("normal", "dead", "lying", "slow")
SLOW = 8.0  # s
_PORT = 623
_ENTERED = 5.0  # s after which what was started is in its cgroup, if it lives
# "Get channel authentication capabilities" in an RMCP packet (IPMI 2.0, 13.1.3 and 22.13), as ipmiping sends it.
_PING = bytes.fromhex("0600ff07" "00" "00000000" "00000000" "09" "2018c8" "8100388e04" "b5")
_OEM = 28  # where its answer holds the "OEM auxiliary data" (table 22-15), a byte for the maker: the index of its mode
_NOT_NOW = 0xD5  # completion code "not supported in present state" (IPMI 2.0, table 5-2)


def mode(paths: LabPaths, node: str) -> str:
    """How the BMC of ``node`` behaves now."""
    with suppress(FileNotFoundError):
        return (paths.bmc / f"{node}.mode").read_text().strip()
    return "normal"


def set_mode(paths: LabPaths, node: str, new: str) -> None:
    """Make the BMC of ``node`` behave as one of ``MODES`` from its next packet on."""
    if new not in MODES:
        raise ValueError(f"BMC mode {new!r} is not one of {MODES}")
    paths.bmc.mkdir(exist_ok=True)
    draft = paths.bmc / f".{node}.mode"
    draft.write_text(new)
    draft.rename(paths.bmc / f"{node}.mode")


def acts_by(lab: Lab, node: str, timeout: float = 1.0) -> str | None:
    """The mode by which the BMC of ``node`` says that it acts; None if it says nothing.

    Asked without a session, and twice, for UDP may lose a packet.
    """
    with lab.namespace.inside():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asking:
        asking.settimeout(timeout * lab.driver.slowness)
        for _ in range(2):
            with suppress(OSError):
                asking.sendto(_PING, (str(lab.plan.node(node).bmc), _PORT))
                if (said := asking.recv(64))[:4] == _PING[:4]:
                    return MODES[said[_OEM]] if len(said) > _OEM and said[_OEM] < len(MODES) else "unknown"
    return None


class NodeBmc(Bmc):  # type: ignore[misc]  # pyghmi has no types
    """The BMC of one node: IPMI commands become power calls."""

    authcap: bytes  # pyghmi's, sent as it is

    def __init__(self, node: str, address: str, password: str, power: Power, lab: Lab) -> None:
        self._node = node
        self._power = power
        self._paths = lab.paths
        self._events = lab.events
        self._post = lab.plan.profile.bmc.post
        self._boot: threading.Timer | None = None
        # pyghmi opens an IPv6 socket: the address is given in its mapped form.
        super().__init__({USER: password}, port=_PORT, address=f"::ffff:{address}")

    def sessionless_data(self, data: Any, sockaddr: Any) -> Any:
        if (acting := mode(self._paths, self._node)) != "dead":
            self.authcap = self.authcap[:-1] + bytes([MODES.index(acting)])
            return super().sessionless_data(data, sockaddr)
        return None

    def handle_raw_request(self, request: Any, session: Any) -> Any:
        if mode(self._paths, self._node) != "dead":
            return super().handle_raw_request(request, session)
        return None

    def get_power_state(self) -> str:
        answer = self._state()
        # Recorded too: fencing a node that is already off is a status request and no more.
        self._note("status", answer=answer)
        return answer

    def _state(self) -> str:
        if mode(self._paths, self._node) == "lying":
            return self._claimed
        if self._boot is not None:
            return "on"
        return "off" if self._power.state(self._node) is PowerState.OFF else "on"

    _claimed = "on"

    def power_off(self) -> int:
        return self._off()

    def _off(self, then: Callable[[], int] = lambda: 0) -> int:
        """The power goes, now or in a while, and ``then`` follows."""
        self._note("off")
        if mode(self._paths, self._node) == "lying":
            self._claimed = "off"
            return then()
        if suppressed_by(self._paths):
            return _NOT_NOW
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None
        if mode(self._paths, self._node) == "slow":
            later = threading.Timer(SLOW, self._off_late, [then])
            later.daemon = True
            later.start()
            return 0
        self._power.off(self._node)
        return then()

    def _off_late(self, then: Callable[[], int]) -> None:
        try:
            self._power.off(self._node)
            then()
        except HalabError as error:
            self._events.emit("note", self._node, text=f"BMC could not power off: {error.what}")

    def power_on(self) -> int:
        self._note("on")
        if mode(self._paths, self._node) == "lying":
            self._claimed = "on"
            return 0
        if suppressed_by(self._paths):
            return _NOT_NOW
        if self._boot is None and self._power.state(self._node) is PowerState.OFF:
            self._boot = threading.Timer(self._post, self._finish_post)
            self._boot.daemon = True
            self._boot.start()
        return 0

    def _finish_post(self) -> None:
        try:
            self._power.on(self._node)
        except HalabError as error:
            self._events.emit("note", self._node, text=f"BMC could not power on: {error.what}")
        finally:
            self._boot = None

    def power_reset(self) -> int:
        return self._off(self.power_on)

    def power_cycle(self) -> int:
        return self.power_reset()

    def power_shutdown(self) -> int:
        return self.power_off()  # a soft request to a node that may hang: taken as the hard one

    def is_active(self) -> bool:
        return self._state() == "on"

    def get_boot_device(self) -> str:
        return "default"

    def cold_reset(self) -> None:
        return None

    def _note(self, command: str, **more: str) -> None:
        self._events.emit("bmc.request", self._node, command=command, mode=mode(self._paths, self._node), **more)


def serve(name: str) -> None:
    """Answer for all nodes of the lab until killed: one child process for each, revived if it dies.

    A process each, because two pyghmi servers in one block each other: its receiving thread may
    be caught in a blocking read of one socket while packets wait at the other.
    """
    lab = Lab.open(name)
    password = lab.secrets.password("bmc")
    gc.freeze()  # the children share the parent's memory instead of copying it at the first collection
    children = {_fork(lab, node, password): node for node in lab.plan.nodes}
    while True:
        pid, _ = os.wait()
        node = children.pop(pid)
        lab.events.emit("note", node.name, text="the BMC process died; it is started again in a second")
        time.sleep(1)  # one that cannot live must not fill the diary and the CPU
        children[_fork(lab, node, password)] = node


def _fork(lab: Lab, node: Node, password: str) -> int:
    """Start the BMC of one node; its file ``bmc/<node>.ready`` says that it listens."""
    if pid := os.fork():
        return pid
    NodeBmc(node.name, str(node.bmc), password, lab.driver.power, lab)
    _ready(lab.paths, node.name).touch()
    Bmc.listen()
    os._exit(1)


def _ready(paths: LabPaths, node: str) -> Path:
    return paths.bmc / f"{node}.ready"


def is_running(lab: Lab) -> bool:
    """Whether the service has processes; ``status`` of a device is what proves that it answers."""
    return bool(Cgroup(lab.name, "bmc").pids())


def start(lab: Lab, *, within: float = 60.0) -> None:
    """Start the service in its own cgroup, inside the lab's namespace; returns when it listens.

    DeadlineError, with its last words, if it does not within so many seconds, or ends before.
    """
    if is_running(lab):
        return
    group = Cgroup(lab.name, "bmc")
    group.create()
    lab.paths.bmc.mkdir(exist_ok=True)
    lab.secrets.password("bmc")
    waiting = [_ready(lab.paths, node.name) for node in lab.plan.nodes]
    for flag in waiting:
        flag.unlink(missing_ok=True)
    log = lab.paths.bmc / "service.log"
    argv = [sys.executable, "-m", "lab.bmc", "--lab", lab.name]
    inside = Namespace(lab.name).command(argv)
    run(detached(group.command(inside), log), timeout=10, cwd=Path(__file__).resolve().parent.parent)
    begun = time.monotonic()
    seen = False
    while not all(flag.exists() for flag in waiting):
        alive = is_running(lab)
        now = time.monotonic() - begun
        ended = not alive and (seen or now > _ENTERED)
        seen = seen or alive
        if ended or now > within * lab.driver.slowness:
            last = log.read_text(errors="replace").strip().splitlines()[-2:] if log.exists() else []
            raise DeadlineError("the BMC service ended at its start" if ended else
                                f"the BMC service did not listen within {within:g} s",
                                where="; ".join(last) or str(log),
                                remedy=f"less {log}; ./inv lab.resume --name={lab.name} starts it again")
        time.sleep(0.02)


def stop(lab_name: str) -> None:
    group = Cgroup(lab_name, "bmc")
    group.kill()
    group.remove()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", required=True)
    serve(parser.parse_args().lab)
