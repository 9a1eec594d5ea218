"""``lab.*``: the commands that look into a running lab: logs, explanations, a bundle for others."""

from __future__ import annotations

import sys
from contextlib import closing, suppress
from typing import Any

from cli import console, options
from cli.command import command
from lab.errors import RefusedError


@command(
    root=True,
    node="only this node (default: all)",
    unit="only this systemd unit, such as pacemaker",
    lines="how many of the last lines (default: 40 of each node; with --merge 200 of all, with --since every one)",
    merge="one log of all nodes and the lab's diary, by time",
    since="with --merge: only the last while, such as 10m",
    grep="with --merge: only lines with this regular expression",
    follow="with --merge: go on with new lines until Ctrl-C",
)
def logs(
    c: Any,
    name: str = "default",
    node: str = "",
    unit: str = "",
    lines: int = 0,
    merge: bool = False,
    since: str = "",
    grep: str = "",
    follow: bool = False,
) -> None:
    """Show the nodes' journals, --merge: as one log; for a node that does not answer, its console."""
    if lines < 0:
        raise RefusedError(
            "a log has no negative number of lines", where=f"--lines={lines}", remedy="--lines=40"
        )
    if merge:
        _merged_logs(name, node, unit, lines, since, grep, follow)
        return
    if since or grep or follow:
        raise RefusedError(
            "--since, --grep and --follow are for the merged log",
            where="./inv lab.logs",
            remedy=f"./inv lab.logs --merge --since=10m --name={name}",
        )
    from lab.node.access import logs as logs_of

    for line in logs_of(name, node or None, unit or None, lines or 40):
        console.out(line)


def _merged_logs(name: str, node: str, unit: str, lines: int, since: str, grep: str, follow: bool) -> None:
    from cli.views.logs import clock_notes, log_lines
    from lab.node import logs as merging

    age = options.seconds(since, "since") if since else None
    query = merging.Query(node or None, unit or None, grep or None, age, lines or None)
    found = merging.merged(name, query)
    clock_notes(found)
    log_lines(found.entries)
    if follow:
        log_lines(merging.follow(name, query, found))


@command(
    root=True,
    positional=["subject"],
    subject="vip, galera, fencing, quorum, or one of Pacemaker's resources, such as haproxy",
)
def explain(c: Any, subject: str, name: str = "default", format: str = "table") -> None:
    """Say why something is where it is, with the evidence: lab.explain vip."""
    from cli.views.explain import explanation
    from lab.explain import explain as explain_of

    explanation(explain_of(name, subject), format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(
    root=True,
    polite=True,
    run="which chaos runs go in: last (default), all, none, or a run's name",
    output="the archive's path (default: below halab's home)",
)
def bundle(c: Any, name: str = "default", run: str = "last", output: str = "", format: str = "table") -> None:
    """Pack all that is needed to study a failure into one archive, without the lab's secrets."""
    from cli.views.bundle import bundle_result
    from lab.bundle import bundle as make_bundle

    bundle_result(make_bundle(name, run, options.path(output) if output else None), format)
    console.next_step("lab.status" + options.again({"name": name}))


def watch_status(name: str, format: str) -> int:
    """``lab.status --watch``; without a terminal one picture, because nobody could see the second."""
    if format == "json":
        raise RefusedError(
            "a live view is no document", where="--watch --format=json",
            remedy=f"./inv lab.status --format=json --name={name}",
        )
    from cli.views.watch import show_live, show_once
    from lab.watch import look_once, watch

    if not sys.stdout.isatty():
        show_once(look_once(name))
        console.note("standard output is no terminal: this was one look; ./inv lab.status asks the gates")
        return 0
    with suppress(KeyboardInterrupt), closing(watch(name)) as looks:  # Ctrl-C is how one leaves it
        show_live(looks)
    return 0


TASKS = (logs, explain, bundle)
