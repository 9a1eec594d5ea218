"""How ``lab.explain`` looks: the answer, then each reason with the cluster's own words below it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from lab.explain.model import Explanation


def explanation(told: Explanation, format: str) -> None:
    if as_json(told, format):
        return
    columns = min(console.width(), 110)  # longer lines are hard to read
    for line in textwrap.wrap(f"{told.subject}: {told.answer}", columns):
        console.out(line)
    for point in told.points:
        console.out("")
        for line in textwrap.wrap(f"{point.about}: {point.says}", columns):
            console.out(line)
        for evidence in point.evidence:
            # Not wrapped: these are a daemon's own words, for grep and for the eye.
            console.out(f"    | {evidence}")
    if told.show:
        console.out("")
        console.out(f"see for yourself: {told.show}")
