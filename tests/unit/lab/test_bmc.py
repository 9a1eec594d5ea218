"""A BMC is asked whether it answers, as any client of IPMI may ask."""

from __future__ import annotations

import multiprocessing
import socket
import time
from contextlib import nullcontext
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from onfake import running_lab

from lab import bmc
from lab.drivers.base import PowerState
from lab.errors import DeadlineError
from lab.host.cgroups import Cgroup
from lab.state.events import EventLog
from lab.state.home import LabPaths


def _serve(port: int, ready: Any, paths: Path) -> None:
    class Silent(bmc.NodeBmc):
        def __init__(self) -> None:
            self._node, self._paths = "n1", SimpleNamespace(bmc=paths)
            super(bmc.NodeBmc, self).__init__({"halab": "x"}, port=port, address="::ffff:127.0.0.1")

    Silent()
    ready.set()
    bmc.Bmc.listen()


class Switch:
    """The power of one node, and what was done to it."""

    def __init__(self) -> None:
        self.now, self.done = PowerState.ON, list[str]()

    def state(self, node: str) -> PowerState:
        return self.now

    def off(self, node: str) -> None:
        self.now = PowerState.OFF
        self.done.append("off")

    def on(self, node: str) -> None:
        self.now = PowerState.ON
        self.done.append("on")


@pytest.mark.parametrize("how", ["normal", "slow"])
@pytest.mark.parametrize("order", ["power_reset", "power_cycle"])
def test_a_reset_node_is_on_again_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str,
                                             order: str) -> None:
    monkeypatch.setattr(bmc, "SLOW", 0.1)
    paths = LabPaths(tmp_path)
    bmc.set_mode(paths, "n1", how)
    one = bmc.NodeBmc.__new__(bmc.NodeBmc)  # no socket
    switch = Switch()
    one._node, one._paths, one._power, one._post, one._boot = "n1", paths, switch, 0.1, None
    one._events = EventLog(None)
    assert getattr(one, order)() == 0
    deadline = time.monotonic() + 10
    while switch.done != ["off", "on"]:
        assert time.monotonic() < deadline, switch.done
        time.sleep(0.02)


def test_a_service_that_dies_at_once_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    start = bmc.start
    lab = running_lab(monkeypatch)
    monkeypatch.setattr(Cgroup, "create", lambda *_: None)
    monkeypatch.setattr(Cgroup, "pids", lambda _: [])
    monkeypatch.setattr(Cgroup, "command", lambda *_: ["sh", "-c", "echo no such module >&2; exit 1"])
    monkeypatch.setattr(bmc, "_ENTERED", 0.5)
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="ended at its start") as caught:
        start(lab)
    assert time.monotonic() - begun < 10
    assert caught.value.where == "no such module" and "lab.resume --name=fake" in caught.value.remedy


def test_a_bmc_says_how_it_acts_unless_it_is_dead_or_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(bmc, "_PORT", port)
    paths: LabPaths = SimpleNamespace(bmc=tmp_path)  # type: ignore[assignment]
    lab: Any = SimpleNamespace(
        namespace=SimpleNamespace(inside=nullcontext), driver=SimpleNamespace(slowness=1.0), paths=paths,
        plan=SimpleNamespace(node=lambda _name: SimpleNamespace(bmc=ip_address("127.0.0.1"))))
    assert bmc.acts_by(lab, "n1", timeout=0.2) is None
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    server = fork.Process(target=_serve, args=(port, ready, tmp_path), daemon=True)
    server.start()
    try:
        assert ready.wait(30)
        assert bmc.acts_by(lab, "n1", timeout=5.0) == "normal"
        for how in ("slow", "lying", "normal"):
            bmc.set_mode(paths, "n1", how)
            assert bmc.acts_by(lab, "n1", timeout=5.0) == how
        bmc.set_mode(paths, "n1", "dead")
        assert bmc.acts_by(lab, "n1", timeout=0.3) is None
    finally:
        server.kill()
