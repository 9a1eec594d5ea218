"""From the options of ``lab.plan`` and ``lab.up`` to a plan; both must read them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import options

if TYPE_CHECKING:
    from lab.plan import Plan


def plan_from(
    *,
    name: str = "",
    style: str = "",
    nodes: str = "",
    driver: str = "",
    profile: str = "",
    topology: str = "",
    pacemaker: str = "",
    segregate: str = "",
    allow_large: bool = False,
) -> tuple[Plan, str]:
    """The plan, and the topology behind it as text (JSON, which is YAML too) to keep with the lab."""
    from lab.layouts import make_plan
    from lab.topology import topology_from_options

    wanted = topology_from_options(
        topology=options.path(topology) if topology else None,
        name=name,
        style=style,
        nodes=nodes,
        driver=driver,
        profile=profile,
        pacemaker=pacemaker,
        segregate=segregate,
        allow_large=allow_large,
    )
    return make_plan(wanted), wanted.model_dump_json(indent=2) + "\n"
