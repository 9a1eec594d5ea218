"""``provision.*``: bring the nodes to the reference configuration, show how they differ, or check the requirements."""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command


@command(root=True, polite=True)
def apply(c: Any, name: str = "default", format: str = "table") -> None:
    """Push and converge the configuration; a second run changes nothing and says so."""
    from cli.views.provision import apply_result
    from lab.lab import Lab
    from provision.apply import apply as apply_to

    lab = Lab.open(name)
    with console.progress() as listener:
        lab.events.subscribe(listener)
        result = apply_to(lab)
    apply_result(result, format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(root=True)
def diff(c: Any, name: str = "default", format: str = "table") -> int:
    """Show where the nodes differ from what would be rendered now; exit code 1 if anywhere."""
    from cli.views.provision import diff_result
    from lab.lab import Lab
    from provision.apply import diff as diff_of

    changes = diff_of(Lab.open(name))
    diff_result(changes, format)
    console.next_step(("provision.apply" if changes else "lab.status") + options.again({"name": name}))
    return 1 if changes else 0


@command(root=True)
def verify(c: Any, name: str = "default", format: str = "table") -> int:
    """Check the reference's requirements R1..R38 on the running lab; exit code 1 if any fails."""
    from cli.views.provision import findings
    from lab.lab import Lab
    from provision.verify.model import Result
    from provision.verify.verify import verify as verify_lab

    lab = Lab.open(name)
    try:
        found = verify_lab(lab)
    finally:
        lab.shell.close()
    findings(found, format)
    failed = any(one.result is Result.FAIL for one in found)
    console.next_step("provision.diff" + options.again({"name": name}) if failed else "chaos.list")
    return 1 if failed else 0


TASKS = (apply, diff, verify)
