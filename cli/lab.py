"""``lab.*``: build a lab, look at it, reach its nodes, take it down."""

from __future__ import annotations

from typing import Any

from cli import console, designs, insight, options
from cli.command import command
from cli.planning import Request, describes_a_lab, plan_from


@command()
def doctor(c: Any, driver: str = "", format: str = "table") -> int:
    """Say whether this host can run labs, and how to put right what it lacks."""
    from cli.views.lab import findings
    from lab.host.doctor import examine

    report = examine(plan_from(Request(driver=driver))[0])
    findings(report, format)
    console.next_step(("lab.up" if report.ok else "lab.doctor") + options.again({"driver": driver}))
    return 0 if report.ok else 4


@command()
def styles(c: Any, format: str = "table") -> None:
    """List the deployment styles and the timer profiles."""
    from cli.views.lab import style_list
    from lab.plan.profiles import list_profiles
    from lab.plan.styles import list_styles

    style_list(list_styles(), list_profiles(), format)
    console.next_step("lab.plan --style=mixed")


@command()
@describes_a_lab
def plan(c: Any, request: Request, format: str = "table") -> None:
    """Show what lab.up would build: clusters, nodes, addresses, warnings, memory; touches nothing."""
    from cli.views.lab import plan_view

    plan_view(plan_from(request)[0], format)
    console.next_step("lab.up" + request.again())


@command()
def schema(c: Any) -> None:
    """Print the JSON schema of topology files, for editors."""
    from lab.plan.schema import topology_schema

    console.document(topology_schema())


@command(root=True, polite=True)
@describes_a_lab
def up(c: Any, request: Request, timeout: str = "5m", format: str = "table") -> None:
    """Build a lab and return when its cluster is healthy; called again, it resumes."""
    from cli.views.lab import up_result
    from lab.ops.up import bring_up

    limit = options.seconds(timeout)
    wanted, text = plan_from(request)
    with console.progress() as listener:
        result = bring_up(wanted, text, timeout=limit, listener=listener)
    up_result(result, format)
    console.next_step("chaos.run vip-holder-poweroff" + options.again({"name": wanted.lab}))


@command(root=True, polite=True, cluster="the cluster to change: its name in lab.status",
         nodes="how many members it shall have")
def scale(c: Any, cluster: str, nodes: str, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Add or remove members of one cluster: lab.scale --cluster=db --nodes=5; nothing else changes."""
    from cli.views.lab import scale_result
    from lab.ops.scale import scale as scale_to

    limit = options.seconds(timeout)
    size = options.number("nodes", nodes)
    with console.progress() as listener:
        result = scale_to(name, cluster, size, timeout=limit, listener=listener)
    scale_result(result, format)
    console.next_step("lab.status" + options.again({"name": name}))


@command(root=True, polite=True)
def down(c: Any, name: str = "default", format: str = "table") -> None:
    """Take a lab down and leave nothing of it behind; works on half-built labs too."""
    from cli.views.lab import down_result
    from lab.ops.down import take_down

    with console.progress() as listener:
        result = take_down(name, listener=listener)
    down_result(result, format)
    console.next_step("lab.up")


@command(name="list")
def list_labs(c: Any, format: str = "table") -> None:
    """List the labs of this host, whole and half-built."""
    from cli.views.lab import lab_list
    from lab.listing import summaries

    found = summaries()
    lab_list(found, format)
    console.next_step("lab.status" + options.again({"name": found[0].name}) if found else "lab.up")


@command(root=True, watch="a live view, once a second, until Ctrl-C")
def status(c: Any, name: str = "default", watch: bool = False, format: str = "table") -> int:
    """Show the gates, clusters, nodes and VIPs of a lab; exit code 1 when it is not healthy."""
    if watch:
        return insight.watch_status(name, format)
    from cli.views.lab import status_view
    from lab.status import status as status_of

    now = status_of(name)
    status_view(now, format)
    # Without power nothing will change by itself: the host was rebooted, or lab.up is not through yet.
    unhealthy = "lab.wait" if any(node.power != "off" for node in now.nodes) else "lab.up"
    console.next_step(("chaos.run vip-holder-poweroff" if now.healthy else unhealthy) + options.again({"name": name}))
    return 0 if now.healthy else 1


@command(root=True)
def wait(c: Any, name: str = "default", timeout: str = "5m", format: str = "table") -> None:
    """Return when every gate of the lab holds; fails after --timeout with the gate that does not."""
    from cli.views.lab import status_view
    from lab.ops.wait import wait_healthy

    status_view(wait_healthy(name, options.seconds(timeout)), format)
    console.next_step("chaos.run vip-holder-poweroff" + options.again({"name": name}))


@command(root=True, positional=["node"], node="the node's name, such as n1")
def ssh(c: Any, node: str, name: str = "default") -> int:
    """Open a root shell on a node: lab.ssh n1."""
    from lab.node.access import login

    return login(name, node)


@command(
    root=True,
    name="exec",
    positional=["node", "line"],
    node="the node's name, such as n1",
    line="the command, as one word: 'pcs status'",
)
def execute(
    c: Any, node: str, line: str, name: str = "default", timeout: str = "60s", format: str = "table"
) -> int:
    """Run one command as root on a node: lab.exec n1 'pcs status'; its exit code is the command's."""
    from cli.views.lab import node_output
    from lab.node.access import execute as execute_on

    done = execute_on(name, node, line, options.seconds(timeout))
    node_output(node, done, format)
    return done.exit_code


@command(since="only events of the last while, such as 10m", follow="go on until Ctrl-C")
def events(
    c: Any, name: str = "default", since: str = "", follow: bool = False, format: str = "table"
) -> None:
    """Show the lab's diary: steps, gates, power, faults."""
    from cli.views.lab import event_lines, event_list
    from lab.node.access import diary

    age = options.seconds(since, "since") if since else None
    if follow:
        event_lines(diary(name, age, follow=True))
    else:
        event_list(list(diary(name, age)), format)


@command(root=True, yes="remove it; without this it is only listed")
def gc(c: Any, yes: bool = False, format: str = "table") -> None:
    """List what crashed runs left on this host and belongs to no lab; --yes removes it."""
    from cli.views.gc import leftovers
    from lab.ops.gc import collect, find

    found = find()
    leftovers(found, set(collect(found)) if yes else set(), yes, format)
    console.next_step("lab.gc --yes" if found and not yes else "lab.list")


TASKS = (gc, doctor, styles, schema, plan, *designs.TASKS, up, scale, down, list_labs, status, wait, ssh, execute,
         events, *insight.TASKS)
