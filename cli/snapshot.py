"""``lab.snapshot.*``: keep a lab as it is now, and go back to it."""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command


@command(root=True, polite=True, positional=["snapshot"])
def save(c: Any, snapshot: str, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Keep a healthy lab as it is now: lab.snapshot.save clean."""
    from cli.views.snapshot import snapshot_list
    from lab.ops.snapshot import save as save_as

    limit = options.seconds(timeout)
    with console.progress() as listener:
        kept = save_as(name, snapshot, timeout=limit, listener=listener)
    snapshot_list([kept], format)
    console.next_step(f"lab.snapshot.restore {kept.name}" + options.again({"name": name}))


@command(root=True, polite=True, positional=["snapshot"])
def restore(c: Any, snapshot: str, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Put a lab back to what it was, and return when its cluster is healthy."""
    from cli.views.snapshot import restored
    from lab.ops.snapshot import restore as restore_to

    limit = options.seconds(timeout)
    with console.progress() as listener:
        result = restore_to(name, snapshot, timeout=limit, listener=listener)
    restored(result, format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(root=True, name="list")
def list_snapshots(c: Any, name: str = "default", format: str = "table") -> None:
    """List the snapshots of a lab, oldest first."""
    from cli.views.snapshot import snapshot_list
    from lab.ops.snapshot import snapshots

    found = snapshots(name)
    snapshot_list(found, format)
    step = f"lab.snapshot.restore {found[-1].name}" if found else "lab.snapshot.save clean"
    console.next_step(step + options.again({"name": name}))


@command(root=True, positional=["snapshot"])
def delete(c: Any, snapshot: str, name: str = "default", format: str = "table") -> None:
    """Forget a snapshot of a lab."""
    from cli.views.snapshot import deleted
    from lab.ops.snapshot import delete as forget

    forget(name, snapshot)
    deleted(name, snapshot, format)
    console.next_step("lab.snapshot.list" + options.again({"name": name}))


TASKS = (save, restore, list_snapshots, delete)
