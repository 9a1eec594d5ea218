"""How ``provision.*`` shows its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli import console
from cli.views.plain import as_json

Changes = Mapping[str, Sequence[Any]]  # node -> what was or would be changed


def apply_result(changes: Changes, format: str) -> None:
    _show(changes, format, verb="changed", nothing="nothing changed: every node is as it should be")


def diff_result(changes: Changes, format: str) -> bool:
    """Show the differences; whether there are any."""
    _show(changes, format, verb="differs", nothing="no difference: every node is as it would be rendered")
    return any(changes.values())


def _show(changes: Changes, format: str, *, verb: str, nothing: str) -> None:
    if as_json({"changed": any(changes.values()), "nodes": dict(changes)}, format):
        return
    if not any(changes.values()):
        console.out(nothing)
    for node, items in changes.items():
        for item in items:
            console.out(f"{node}: {verb}: {item}")
