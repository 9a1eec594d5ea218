"""A lab without machines for the tests of the injecting half: fake driver, shell and namespace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.drivers.base import PowerState
from lab.errors import NodeError
from lab.lab import Lab
from lab.node.shell import Completed
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.events import EventLog
from lab.state.home import LabPaths

Answer = str | Callable[[str, str], str]


class FakeSocket:
    """A connection whose first bytes are known; ``None`` stays silent for ever."""

    def __init__(self, first: bytes | None) -> None:
        self._first = first

    def __enter__(self) -> FakeSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settimeout(self, _seconds: float) -> None: ...

    def close(self) -> None: ...

    def recv(self, size: int) -> bytes:
        if self._first is None:
            raise TimeoutError
        return self._first[:size]


class FakeNamespace:
    """Connections as a real lab answers them: silence from a dead node, no banner from a frozen one."""

    name = "halab.fake"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.cut: set[str] = set()  # addresses behind a net fault
        self.there = True

    def exists(self) -> bool:
        return self.there

    def inside(self) -> AbstractContextManager[None]:
        raise AssertionError("a test without machines sends no packets")

    def command(self, argv: list[str]) -> list[str]:
        return ["in-lab", *argv]

    def connect(self, host: str, _port: int, _timeout: float) -> FakeSocket:
        node = next(one for one in self._lab.plan.nodes if host in (str(one.mgmt), str(one.control), str(one.ring)))
        state = self._lab.driver.power.state(node.name)
        if state is PowerState.OFF or host in self.cut:
            raise TimeoutError
        return FakeSocket(b"SSH-2.0-x" if state is PowerState.ON else None)


@dataclass
class FakeShell:
    """Answers by the first key that the command (with its standard input) contains.

    A node without power cannot be reached; an unknown command answers nothing with exit code 0.
    """

    lab: Lab
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def run(self, node: str, command: str, *, timeout: float = 30.0, stdin: str | bytes | None = None,
            check: bool = True) -> Completed:
        if self.lab.driver.power.state(node) is not PowerState.ON:
            raise NodeError(f"{node} cannot be reached")
        data = stdin.decode() if isinstance(stdin, bytes) else stdin or ""
        text = f"{command}\n{data}"
        self.asked.append((node, text.strip()))
        for key, answer in self.answers.items():
            if key in text:
                return Completed(answer(node, text) if callable(answer) else answer, "", 0)
        return Completed("", "", 0)

    def forget(self, node: str) -> None:
        """There is no kept connection."""


def make_lab(name: str = "fake", **options: Any) -> Lab:
    """A collapsed lab of three nodes n1..n3, all powered on."""
    plan = make_plan(topology_from_options(name=name, driver="fake", **options))
    paths = LabPaths.of(name)
    paths.root.mkdir(parents=True, exist_ok=True)
    lab = Lab(plan, paths, EventLog(paths.events))
    lab.__dict__["namespace"] = FakeNamespace(lab)  # where cached_property would put the real one
    lab.__dict__["shell"] = FakeShell(lab)
    for node in plan.nodes:
        lab.driver.power.on(node.name)
    return lab


def shell_of(lab: Lab) -> FakeShell:
    shell: Any = lab.shell
    assert isinstance(shell, FakeShell)
    return shell


def namespace_of(lab: Lab) -> FakeNamespace:
    namespace: Any = lab.namespace
    assert isinstance(namespace, FakeNamespace)
    return namespace


def crm_mon(failures: str = "", /, **hosts: str) -> str:
    """What crm_mon prints when these nodes have these resources, one word each; ``failures`` is of node_history."""
    running = "".join(f'<resource id="{resource}" resource_agent="ocf:heartbeat:any" role="Started" active="true">'
                      f'<node name="{node}" id="1" cached="true"/></resource>'
                      for node, resources in hosts.items() for resource in resources.split())
    return (f"<pacemaker-result><resources>{running}</resources><node_history>{failures}</node_history>"
            "</pacemaker-result>")


def sample(name: str) -> str:
    return (Path(__file__).parent / "samples" / name).read_text()
