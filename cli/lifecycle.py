"""``lab.stop``, ``lab.start``, ``lab.resume``: a lab that is there already."""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command


@command(root=True, polite=True)
def stop(c: Any, name: str = "default", timeout: str = "2m", format: str = "table") -> None:
    """Shut all nodes of a lab down, dependants first; their disks stay."""
    from cli.views.lifecycle import stopped
    from lab.ops.stop import stop as stop_lab

    limit = options.seconds(timeout)
    with console.progress() as listener:
        result = stop_lab(name, timeout=limit, listener=listener)
    stopped(result, format)
    console.next_step("lab.start" + options.again({"name": name}))


@command(root=True, polite=True)
def start(c: Any, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Bring a stopped lab back, or one whose host was rebooted; returns when its cluster is healthy."""
    from cli.views.lifecycle import started
    from lab.ops.start import start as start_lab

    limit = options.seconds(timeout)
    with console.progress() as listener:
        result = start_lab(name, timeout=limit, listener=listener)
    started(result, format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(root=True, polite=True)
def resume(c: Any, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Finish what was interrupted: lab.up, lab.stop, lab.start or a restore; says which it was."""
    from cli.views.lifecycle import resumed
    from lab.ops.resume import resume as resume_lab

    limit = options.seconds(timeout)
    with console.progress() as listener:
        result = resume_lab(name, timeout=limit, listener=listener)
    resumed(result, format)
    console.next_step(("lab.status" if result.gates else "lab.start") + options.again({"name": name}))


TASKS = (stop, start, resume)
