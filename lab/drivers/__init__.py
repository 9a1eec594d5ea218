"""Drivers make and unmake machines; ``make_driver`` picks the one that the plan names."""

from __future__ import annotations

from lab.drivers.base import Driver
from lab.drivers.traits import traits
from lab.errors import CapabilityError
from lab.plan import Plan
from lab.state.events import EventLog
from lab.state.home import LabPaths


def check_driver(plan: Plan) -> None:
    """RefusedError, before anything is touched, for a driver that cannot make a running lab."""
    if not traits(plan.driver).on_this_host:
        raise CapabilityError(f"the {plan.driver} driver keeps no machines: it is for tests",
                              where=f"--driver={plan.driver}",
                              remedy="leave --driver out: containers need no hypervisor")


def sweep(lab: str, paths: LabPaths) -> None:
    """Take off the host whatever carries the lab's name, of every driver; needs no plan and no state.

    One sweep serves all: machines and their libvirtd live in the lab's cgroups and namespaces too.
    """
    from lab.drivers import container

    container.sweep(lab, paths)


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
