"""How ``lab.snapshot.*`` shows its results."""

from __future__ import annotations

from time import localtime, strftime
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from lab.ops.snapshot import RestoreResult, Snapshot


def snapshot_list(snapshots: list[Snapshot], format: str) -> None:
    if as_json({"snapshots": snapshots}, format):
        return
    if not snapshots:
        console.out("there are no snapshots")
        return
    console.table(
        ("SNAPSHOT", "SAVED AT", "NODES", "MB", "TOOK", "STOOD STILL"),
        [
            (
                one.name,
                strftime("%Y-%m-%d %H:%M:%S", localtime(one.at)),
                one.nodes,
                one.size_bytes >> 20,
                f"{one.seconds:.1f} s",
                f"{one.pause_seconds * 1000:.0f} ms",
            )
            for one in snapshots
        ],
    )


def restored(result: RestoreResult, format: str) -> None:
    if not as_json(result, format):
        console.out(f"lab '{result.lab}' is '{result.snapshot}' again and healthy after {result.seconds:.1f} s")


def deleted(lab: str, snapshot: str, format: str) -> None:
    if not as_json({"lab": lab, "deleted": snapshot}, format):
        console.out(f"snapshot '{snapshot}' of lab '{lab}' is gone")
