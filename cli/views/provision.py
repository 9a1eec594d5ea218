"""How ``provision.*`` shows its results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from provision.role import Change


def apply_result(changes: list[Change], format: str) -> None:
    _show(changes, format, "nothing changed: every node is as it should be")


def diff_result(changes: list[Change], format: str) -> None:
    _show(changes, format, "no difference: every node is as it would be rendered")


def _show(changes: list[Change], format: str, nothing: str) -> None:
    if as_json({"changes": changes}, format):
        return
    if changes:
        console.table(
            ("NODE", "WHAT", "DETAIL"), [(change.node, change.what, change.detail) for change in changes]
        )
    else:
        console.out(nothing)
