"""How ``provision.*`` shows its results."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from provision.role import Change
    from provision.verify.model import Finding


def apply_result(changes: list[Change], format: str) -> None:
    _show(changes, format, "nothing changed: every node is as it should be")


def diff_result(changes: list[Change], format: str) -> None:
    _show(changes, format, "no difference: every node is as it would be rendered")


def findings(found: list[Finding], format: str) -> None:
    """Every requirement: a line of result and sentence, and below it the evidence and what to try."""
    if as_json({"requirements": [_finding(one) for one in found]}, format):
        return
    for one in found:
        _wrapped(f"{one.id:<3}  {_WORD.get(one.result, one.result):<12}  ", one.sentence)
        _wrapped("", one.evidence)
        if one.remedy:
            _wrapped("", f"try: {one.remedy}")
    counts = {word: sum(one.result == word for one in found) for word in dict.fromkeys(one.result for one in found)}
    console.out("")
    console.out(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))


def _wrapped(head: str, text: str) -> None:
    """``text`` in a column of its own beside ``head``: a finding is too long for one line of a terminal."""
    lines = textwrap.wrap(text, max(40, console.width() - _COLUMN), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines or [""]):
        console.out(f"{head if number == 0 else '':<{_COLUMN}}{line}")


def _finding(one: Finding) -> dict[str, str]:
    return {"id": one.id, "result": str(one.result), "sentence": one.sentence, "evidence": one.evidence,
            "try": one.remedy}


_WORD = {"fail": "FAIL"}  # to be seen among 37 others
_COLUMN = 19  # where sentence and evidence begin


def _show(changes: list[Change], format: str, nothing: str) -> None:
    if as_json({"changes": changes}, format):
        return
    if changes:
        console.table(
            ("NODE", "WHAT", "DETAIL"), [(change.node, change.what, change.detail) for change in changes]
        )
    else:
        console.out(nothing)
