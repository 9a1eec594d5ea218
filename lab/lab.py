"""A lab that exists: the handle that gates, provisioning and chaos work on.

``Lab.open(name)`` reads recorded state only, never a topology file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from lab.drivers import make_driver
from lab.drivers.base import Driver
from lab.errors import NotFoundError, RefusedError
from lab.net.namespace import Namespace
from lab.node.shell import Shell
from lab.plan import Plan
from lab.state.events import EventLog
from lab.state.home import LabPaths, home
from lab.state.secrets import Secrets


@dataclass(frozen=True)
class Lab:
    """One lab: its plan, its folder, its driver, and a shell on each node."""

    plan: Plan
    paths: LabPaths
    events: EventLog

    @classmethod
    def open(cls, name: str) -> Lab:
        """The recorded lab of that name; NotFoundError lists the ones there are."""
        paths = LabPaths.of(name)
        if not paths.plan.exists():
            known = ", ".join(names()) or "none"
            raise NotFoundError(f"there is no lab '{name}'", where=f"labs: {known}",
                                remedy="./inv lab.up" + ("" if name == "default" else f" --name={name}"))
        return cls(read_plan(paths), paths, EventLog(paths.events))

    @property
    def name(self) -> str:
        return self.plan.lab

    @cached_property
    def namespace(self) -> Namespace:
        """The network namespace that holds the lab's bridges; all clients work from inside it."""
        return Namespace(self.name)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.paths.secrets)

    @cached_property
    def driver(self) -> Driver:
        return make_driver(self.plan, self.paths, self.events)

    @cached_property
    def shell(self) -> Shell:
        """``lab.shell.run(node, command)``: Fabric connections, opened once and kept."""
        return Shell(self.plan, self.namespace, self.secrets, self.driver.slowness)


def read_plan(paths: LabPaths) -> Plan:
    """The recorded plan; RefusedError if the file is damaged or of an incompatible halab."""
    try:
        return Plan.model_validate_json(paths.plan.read_text())
    except ValidationError as error:
        raise RefusedError(f"the recorded plan of lab '{paths.root.name}' cannot be read",
                           where=f"{paths.plan}: {error.errors()[0]['msg']}",
                           remedy=f"./inv lab.down --name={paths.root.name}, then ./inv lab.up") from error


def names() -> list[str]:
    """Every lab that has a folder, whole or half-built."""
    root = home() / "labs"
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
