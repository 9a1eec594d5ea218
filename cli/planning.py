"""From the options that describe a lab to a plan: each option stands in :class:`Request` and nowhere else."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import options

if TYPE_CHECKING:
    from lab.plan import Plan


@dataclass(frozen=True)
class Request:
    """What a person may say of a lab; the fields of :class:`lab.topology.Topology` and a file of them.

    An empty text and False mean "not given".
    """

    name: str = ""
    style: str = ""
    nodes: str = ""
    driver: str = ""
    profile: str = ""
    topology: str = ""
    pacemaker: str = ""
    rabbitmq: str = ""
    queues: str = ""
    qdevice: bool = False
    segregate: str = ""
    allow_large: bool = False

    def again(self) -> str:
        """The options as they must be typed in the next command."""
        return options.again({key.replace("_", "-"): value for key, value in dataclasses.asdict(self).items()})


def plan_from(request: Request) -> tuple[Plan, str]:
    """The plan, and the topology behind it as text (JSON, which is YAML too) to keep with the lab."""
    from lab.layouts import make_plan
    from lab.topology import topology_from_options

    given = dataclasses.asdict(request)
    file = given.pop("topology")
    wanted = topology_from_options(options.path(file) if file else None, **given)
    return make_plan(wanted), wanted.model_dump_json(indent=2, exclude_unset=True) + "\n"


def describes_a_lab(body: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a task every option of :class:`Request`; its second parameter receives them as one."""
    context, _, *own = inspect.signature(body).parameters.values()

    @functools.wraps(body)
    def run(c: Any, **given: Any) -> int | None:
        asked = {field.name: given.pop(field.name) for field in dataclasses.fields(Request)}
        return body(c, Request(**asked), **given)

    theirs = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
        for field in dataclasses.fields(Request)
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([context, *theirs, *own])  # type: ignore[attr-defined]
    return run
