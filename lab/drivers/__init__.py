"""Drivers make and unmake machines; ``make_driver`` picks the one that the plan names."""

from __future__ import annotations

from lab.drivers.base import Driver
from lab.errors import CapabilityError
from lab.events import EventLog
from lab.home import LabPaths
from lab.plan import Plan


def make_driver(plan: Plan, paths: LabPaths, events: EventLog) -> Driver:
    """The driver of this plan; imported here so that one driver's libraries burden no other."""
    if plan.driver == "container":
        from lab.drivers.container import ContainerDriver

        return ContainerDriver(plan, paths, events)
    if plan.driver == "fake":
        from lab.drivers.fake import FakeDriver

        return FakeDriver(plan, paths, events)
    try:
        from lab.drivers.vagrant import VagrantDriver
    except ImportError as error:  # its libraries are an extra, installed when the driver is first used
        raise CapabilityError(f"the vagrant driver needs a library that is not installed: {error.name}",
                              where="requirements-vagrant.lock",
                              remedy="./inv lab.doctor --driver=vagrant installs it") from error
    return VagrantDriver(plan, paths, events)
