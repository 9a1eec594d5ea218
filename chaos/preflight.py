"""What has to hold before anything is broken."""

from __future__ import annotations

from chaos.faults import get_fault
from chaos.model import Target
from chaos.probes import traits
from chaos.scenario import Scenario
from chaos.selectors import check, resolve
from lab.errors import CapabilityError, HalabError, NothingThereError, RefusedError
from lab.lab import Lab
from lab.ops.fit import refuse_unhealed, refuse_unhealthy
from lab.plan import Plan


def refuse(lab: Lab, scenario: Scenario) -> None:
    """Raise, before anything is touched, if this lab cannot run this scenario now."""
    refuse_unhealed(lab)
    refuse_unable(lab, scenario)
    refuse_unhealthy(lab, "so breaking it would prove nothing")
    _refuse_missing(lab, scenario)


def _refuse_missing(lab: Lab, scenario: Scenario) -> None:
    """Raise NothingThereError for a first fault that nothing here answers to, such as a resource that is misspelt.

    What later faults would meet, nobody can say before the first one; nor what is there only while clients work, as
    the leader of their queue.
    """
    first = scenario.injections[0]
    try:
        get_fault(first.fault).prepare(lab, Target(resolve(lab, first.target), dict(first.params), first.target))
    except NothingThereError:
        raise
    except (HalabError, ValueError, OSError):
        return  # the run meets it again, and says it


def refuse_unable(lab: Lab, scenario: Scenario) -> None:
    """Raise CapabilityError or RefusedError if this lab can never run this scenario."""
    wanted = set(scenario.needs.capabilities).union(*(fault.needs for fault in scenario.faults))
    missing = sorted(wanted - lab.driver.capabilities)
    if missing:
        raise CapabilityError(f"the {lab.driver.name} driver cannot: {', '.join(missing)}",
                              where=f"scenario {scenario.name}",
                              remedy="./inv chaos.list shows what each scenario needs")
    needs = scenario.needs
    if needs.styles and lab.plan.style not in needs.styles:
        raise RefusedError(f"scenario {scenario.name} is for the style {' or '.join(needs.styles)}",
                           where=f"lab {lab.name} is {lab.plan.style}",
                           remedy=_another(f"--style={needs.styles[0]}"))
    if len(lab.plan.nodes) < needs.nodes:
        raise RefusedError(f"scenario {scenario.name} needs {needs.nodes} nodes",
                           where=f"lab {lab.name} has {len(lab.plan.nodes)}",
                           remedy=_another(f"--nodes={needs.nodes}"))
    if needs.most is not None and len(lab.plan.nodes) > needs.most:
        raise RefusedError(f"scenario {scenario.name} is for {needs.most} nodes at most",
                           where=f"lab {lab.name} has {len(lab.plan.nodes)}",
                           remedy=_another(f"--nodes={needs.most}"))
    if needs.qdevice is not None and needs.qdevice is not any(one.qdevice for one in lab.plan.clusters):
        raise RefusedError(f"scenario {scenario.name} is for a lab {'with' if needs.qdevice else 'without'} "
                           "a quorum device", where=f"lab {lab.name}",
                           remedy=_another("--qdevice" if needs.qdevice else f"--style={lab.plan.style}"))
    for step in scenario.injections:
        check(lab.plan, step.target)


def _another(options: str) -> str:
    return f"./inv lab.up {options} --name=another"


def probes_for(plan: Plan, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``wanted`` that have something to talk to in this lab."""
    services = {name: traits(name).client_of for name in wanted}
    return tuple(name for name, service in services.items() if service is None or plan.running(service))
