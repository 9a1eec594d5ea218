"""How two compared plans are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from provision.compare import Comparison, Row


def comparison_view(found: Comparison, format: str, *, whole: bool) -> None:
    """The rows that differ; with ``whole`` the differing lines of the files instead."""
    if as_json({**plain(found), "same": found.same}, format):
        return
    if whole:
        for file in found.files:
            for line in file.diff or (f"{file.path} is the same",):
                console.out(line)
        return
    console.out(f"a: {found.a}")
    console.out(f"b: {found.b}")
    for title, rows in (("PLAN", found.facts), ("CLUSTER", found.clusters), ("RESOURCE", found.resources),
                        ("CONSTRAINT", found.constraints)):
        _rows(title, rows)
    files = [file for file in found.files if not file.same]
    if files:
        console.out("")
        console.table(("FILE", "NODES A", "NODES B", "LINES"),
                      [(file.path, file.nodes_a or "-", file.nodes_b or "-", f"-{file.removed} +{file.added}")
                       for file in files])
    console.out("")
    console.out(f"{len(files)} of {len(found.files)} files differ; a node's own name and addresses do not count")
    if files:
        console.note(f"the lines: the same command with --file={files[-1].path}")


def _rows(title: str, rows: Iterable[Row]) -> None:
    differing = [(row.what, row.a or "-", row.b or "-") for row in rows if not row.same]
    if differing:
        console.out("")
        console.table((title, "A", "B"), differing)
