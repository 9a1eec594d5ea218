"""``report.*``: the pages that chaos runs leave behind."""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command


@command(name="list")
def list_reports(c: Any, name: str = "default", format: str = "table") -> None:
    """List a lab's runs, newest first, with their verdicts."""
    from chaos.runs import list_runs
    from cli.views.chaos import run_list

    run_list(list_runs(name), format)
    console.next_step("report.open" + options.again({"name": name}))


@command(run="the run's directory name, as in report.list (default: the newest)")
def open(c: Any, name: str = "default", run: str = "") -> None:
    """Print where a run's report is, and open it in a browser when there is a screen."""
    from chaos.runs import report_path
    from cli.browser import show_page

    show_page(report_path(name, run or None))


@command()
def bounds(c: Any, name: str = "default", format: str = "table") -> int:
    """Show what all valid runs of a lab measured beside bounds and figures; exit code 1 if a median is above its."""
    from chaos.calibration import calibrations
    from chaos.figures import broken, measured
    from chaos.runs import list_runs
    from cli.views.figures import bounds_view

    found = calibrations(list_runs(name))
    held = measured(found)
    bounds_view(found, held, format)
    console.next_step("chaos.suite full --repeat=5" + options.again({"name": name}))
    return 1 if broken(held) else 0


TASKS = (list_reports, open, bounds)
