"""The page of a suite: one line for each run in their order, what has not run, and what was left out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from chaos.measure import Window
from chaos.verdict import Verdict

if TYPE_CHECKING:
    from chaos.suitefolder import SuiteResult


@dataclass(frozen=True)
class Line:
    """One run: its verdict, its worst window, and where its own page is, relative to the suite's."""

    verdict: Verdict
    worst: Window | None
    page: str
    failed: str


def render_suite(result: SuiteResult) -> str:
    """The whole page as text."""
    environment = Environment(loader=PackageLoader("chaos.report", "."), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    lines = tuple(_line(result, one) for one in result.verdicts)
    words = [one.word for one in result.verdicts]
    return environment.get_template("suite.html.j2").render(
        result=result, lines=lines, counts={word: words.count(word) for word in dict.fromkeys(words)})


def _line(result: SuiteResult, verdict: Verdict) -> Line:
    worst = max(verdict.windows.values(), key=lambda window: window.seconds, default=None)
    page = os.path.relpath(verdict.run_dir / "report.html", result.folder)
    failed = ", ".join(f"{one.id} {one.title}" for one in verdict.findings if not one.ok)
    return Line(verdict, worst, page, verdict.error or failed)
