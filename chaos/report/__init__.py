"""One run as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from pathlib import Path

from chaos.recording import Recording
from chaos.report.page import render
from chaos.verdict import verdict_of

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
