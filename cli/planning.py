"""From the options that describe a lab to a plan: each option stands in :class:`Request` and nowhere else."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import options
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.plan import Plan


@dataclass(frozen=True)
class Request:
    """What a person may say of a lab; the fields of :class:`lab.plan.topology.Topology` and a file of them.

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
    api: bool = False
    qdevice: bool = False
    segregate: str = ""
    allow_large: bool = False

    def variants(self) -> tuple[Request, Request]:
        """The two labs that options with two values, ``--style=a,b``, ask for; the others hold for both."""
        pairs = {key: value.split(",") for key, value in dataclasses.asdict(self).items()
                 if isinstance(value, str) and "," in value and key != "segregate"}
        for key, values in pairs.items():
            if len(values) != 2 or not all(value.strip() for value in values):
                raise RefusedError(f"'{','.join(values)}' does not name two things to compare",
                                   where=f"--{key}={','.join(values)}", remedy=f"--{key}=A,B")
        if not pairs:
            raise RefusedError("there is only one lab here, and nothing to compare it with",
                               remedy="two values for an option: --style=collapsed,mixed, --nodes=3,5 or "
                                      "--topology=a.yml,b.yml; the other options hold for both")
        mine = dataclasses.asdict(self)
        a, b = ({**mine, **{key: values[side].strip() for key, values in pairs.items()}} for side in (0, 1))
        return Request(**a), Request(**b)

    def told(self, other: Request) -> str:
        """The options that are not ``other``'s, as one would type them."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return options.again({key: value for key, value in mine.items() if value != theirs[key]}).strip()

    def again(self) -> str:
        """The options as they must be typed in the next command."""
        return options.again({key.replace("_", "-"): value for key, value in dataclasses.asdict(self).items()})


def plan_from(request: Request) -> tuple[Plan, str]:
    """The plan, and the topology behind it as text (JSON, which is YAML too) to keep with the lab."""
    from lab.plan.layouts import make_plan
    from lab.plan.topology import topology_from_options

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
