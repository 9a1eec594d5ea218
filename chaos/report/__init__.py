"""One run, or one suite, as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chaos.recording import Recording
from chaos.report.page import render
from chaos.report.suite import render_suite
from chaos.verdict import verdict_of

if TYPE_CHECKING:
    from chaos.suitefolder import SuiteResult

REPORT_FILE = "report.html"


def write(run_dir: Path) -> Path:
    """Judge the run's files and write ``report.html`` beside them; returns its path.

    Raises RefusedError when the folder holds no facts.
    """
    run = Recording.load(run_dir)
    path = run_dir / REPORT_FILE
    temporary = run_dir / (REPORT_FILE + ".new")
    temporary.write_text(render(run, verdict_of(run)), encoding="utf-8")
    temporary.replace(path)
    return path


def write_suite(folder: Path, result: SuiteResult) -> Path:
    """Write the suite's ``report.html`` into ``folder``; returns its path."""
    path = folder / REPORT_FILE
    temporary = folder / (REPORT_FILE + ".new")
    temporary.write_text(render_suite(result), encoding="utf-8")
    temporary.replace(path)
    return path
