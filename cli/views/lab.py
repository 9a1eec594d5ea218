"""How ``lab.*`` shows its results."""

from __future__ import annotations

from collections.abc import Iterable
from time import localtime, strftime
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from lab.host.doctor import Examination
    from lab.listing import LabSummary
    from lab.node.shell import Completed
    from lab.ops.down import DownResult
    from lab.ops.scale import NodeFiles, ScaleResult
    from lab.ops.up import UpResult
    from lab.plan import Plan
    from lab.plan.profile import Profile
    from lab.plan.styles import StyleInfo
    from lab.state.events import Event
    from lab.status import Status


def findings(report: Examination, format: str) -> None:
    if as_json({"ok": report.ok, "findings": report.findings}, format):
        return
    for finding in report.findings:
        console.out(f"{finding.level.value:<4}  {finding.what}")
        if finding.fix:
            console.out(f"      fix: {finding.fix}")


def style_list(styles: Iterable[StyleInfo], profiles: Iterable[Profile], format: str) -> None:
    styles, profiles = list(styles), list(profiles)
    if as_json(
        {
            "styles": [{**plain(style), "example": f"topologies/{style.example.name}"} for style in styles],
            "profiles": [{"name": profile.name, "summary": profile.summary} for profile in profiles],
        },
        format,
    ):
        return
    console.table(
        ("STYLE", "NODES", "EXAMPLE", ""),
        [
            (style.name, style.default_nodes, f"topologies/{style.example.name}", style.summary)
            for style in styles
        ],
    )
    console.out("")
    console.table(("PROFILE", ""), [(profile.name, profile.summary) for profile in profiles])


def plan_view(plan: Plan, format: str) -> None:
    if as_json(plan, format):
        return
    console.out(
        f"lab {plan.lab}: {plan.style}, {len(plan.nodes)} nodes, driver {plan.driver}, "
        f"profile {plan.profile.name}, needs {plan.memory_mb} MB of memory and {plan.disk_mb} MB of disk"
    )
    console.out("")
    console.table(
        ("CLUSTER", "NODES", "SERVICES"),
        [(cluster.name, len(cluster.nodes), ", ".join(cluster.services)) for cluster in plan.clusters],
    )
    console.out("")
    console.table(
        ("NODE", "CLUSTER", "MGMT", "CONTROL", "RING", "BMC"),
        [
            (node.name, node.cluster or "(outside)", node.mgmt, node.control, node.ring, node.bmc)
            for node in plan.hosts
        ],
    )
    console.out("")
    console.table(("VIP", "ADDRESS", "CLUSTER"), [(vip.name, vip.address, vip.cluster) for vip in plan.vips])
    if plan.warnings or plan.not_deployed:
        console.out("")
    for missing in plan.not_deployed:
        console.out(f"not deployed: {missing}")
    for warning in plan.warnings:
        console.out(f"warning: {warning}")


def up_result(result: UpResult, format: str) -> None:
    if not as_json(result, format):
        how = "resumed and healthy" if result.resumed else "healthy"
        console.out(f"lab '{result.lab}' is {how} after {result.seconds:.1f} s")


def scale_result(result: ScaleResult, format: str) -> None:
    if as_json(result, format):
        return
    console.table(
        ("NODE", "CLUSTER", "BEFORE", "AFTER", "FILES"),
        [(node.node, node.cluster, node.before or "-", node.after or "-", _fate(node)) for node in result.nodes],
    )
    changes = [(node.node, change) for node in result.nodes for change in node.changes]
    if changes:
        console.out("")
        console.table(("NODE", "CHANGED FILE", "BEFORE", "AFTER"),
                      [(node, change.path, change.before or "-", change.after or "-") for node, change in changes])
    console.out("")
    for warning in result.warnings:
        console.out(f"warning: {warning}")
    moved = [*(f"+{name}" for name in result.added), *(f"-{name}" for name in result.removed)]
    console.out(f"cluster {result.cluster}: {result.before} -> {result.after} members"
                f"{' (' + ' '.join(moved) + ')' if moved else ''} after {result.seconds:.1f} s")


def _fate(node: NodeFiles) -> str:
    if not node.before:
        return f"{node.unchanged} new" if node.unchanged else "new"
    if not node.after:
        return "gone"
    if node.before == node.after:
        return f"unchanged ({node.unchanged})"
    return f"{len(node.changes)} changed, {node.unchanged} unchanged"


def down_result(result: DownResult, format: str) -> None:
    if not as_json(result, format):
        console.out(f"lab '{result.lab}' is gone after {result.seconds:.1f} s; nothing of it is left")


def lab_list(labs: list[LabSummary], format: str) -> None:
    if as_json({"labs": labs}, format):
        return
    if not labs:
        console.out("there are no labs")
        return
    console.table(
        ("LAB", "STYLE", "NODES", "DRIVER", "PHASE"),
        [(lab.name, lab.style, lab.nodes or "", lab.driver, lab.phase) for lab in labs],
    )


def status_view(status: Status, format: str) -> None:
    if as_json(status, format):
        return
    console.out(
        f"lab {status.lab}: {'healthy' if status.healthy else 'NOT HEALTHY'} "
        f"({status.style}, driver {status.driver}, profile {status.profile})"
    )
    console.out("")
    console.table(
        ("GATE", "", "SECONDS", "DETAIL"),
        [
            (gate.name, "ok" if gate.ok else "FAILS", f"{gate.seconds:.2f}", gate.detail)
            for gate in status.gates
        ],
    )
    console.out("")
    console.table(
        ("CLUSTER", "QUORATE", "NODES", "SERVICES"),
        [
            (
                cluster.name,
                "yes" if cluster.quorate else "NO",
                ", ".join(cluster.nodes),
                ", ".join(cluster.services),
            )
            for cluster in status.clusters
        ],
    )
    console.out("")
    console.table(
        ("NODE", "CLUSTER", "POWER", "ADDRESSES"),
        [
            (
                node.name,
                node.cluster,
                node.power,
                " ".join(f"{net}={ip}" for net, ip in node.addresses.items()),
            )
            for node in status.nodes
        ],
    )
    console.out("")
    console.table(
        ("VIP", "ADDRESS", "HOLDER"), [(vip.name, vip.address, vip.holder or "nobody") for vip in status.vips]
    )
    console.out("")
    console.out(f"can: {', '.join(status.capabilities)}")
    for warning in status.warnings:
        console.out(f"warning: {warning}")
    for fault in status.unhealed:
        console.out(f"not healed: {fault}")


def node_output(node: str, done: Completed, format: str) -> None:
    if as_json({"node": node, **plain(done)}, format):
        return
    if done.stdout:
        console.out(done.stdout.rstrip("\n"))
    if done.stderr:
        console.note(done.stderr.rstrip("\n"))


def event_lines(events: Iterable[Event]) -> None:
    for event in events:
        text = console.describe(event) or " ".join(
            [event.kind, event.node, *(f"{key}={value}" for key, value in event.data.items())]
        )
        console.out(f"{strftime('%H:%M:%S', localtime(event.at))}.{int(event.at % 1 * 1000):03}  {text}")


def event_list(events: list[Event], format: str) -> None:
    if not as_json({"events": events}, format):
        event_lines(events)
