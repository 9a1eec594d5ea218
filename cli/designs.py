"""``lab.diff`` and ``lab.graph``: plans compared, and drawn.  No lab is touched."""

from __future__ import annotations

import sys
from typing import Any

from cli import console, options
from cli.command import command
from cli.planning import Request, describes_a_lab, plan_from


@command(file="only this file of the nodes, and its whole difference: /etc/haproxy/haproxy.cfg")
@describes_a_lab
def diff(c: Any, request: Request, file: str = "", format: str = "table") -> int:
    """Compare two plans: lab.diff --style=collapsed,mixed; exit code 1 when they differ."""
    from cli.views.designs import comparison_view
    from provision.compare import compare

    a, b = request.variants()
    names = (a.told(b), b.told(a))
    found = compare(plan_from(a)[0], plan_from(b)[0], names, file)
    comparison_view(found, format, whole=bool(file))
    return 0 if found.same else 1


@command(kind="mermaid (default) or svg")
@describes_a_lab
def graph(c: Any, request: Request, kind: str = "mermaid") -> None:
    """Draw a lab, or what the options would make: lab.graph --style=mixed --kind=svg > lab.svg."""
    from lab.lab import Lab, names
    from lab.plan import graph as pictures

    options.choice("kind", kind, options.PICTURES)
    asked = Request(name=request.name)
    recorded = request == asked and (request.name or "default") in names()
    wanted = Lab.open(request.name or "default").plan if recorded else plan_from(request)[0]
    sys.stdout.write(pictures.svg(wanted) if kind == "svg" else pictures.mermaid(wanted))
    console.note(f"drawn: {'the lab' if recorded else 'the plan of a lab'} '{wanted.lab}'")


TASKS = (diff, graph)
