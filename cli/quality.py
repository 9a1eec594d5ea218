"""``test``, ``lint`` and ``bench``: is halab itself sound?"""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command
from cli.tiers import lint_commands, pytest_runs, run_tests, run_tool


@command(
    tier=f"one of {', '.join(options.TIERS)}; all = unit, golden and, as root, live",
    only="run only tests that match this pytest -k expression",
)
def test(c: Any, tier: str = "all", only: str = "") -> int:
    """Run the tests; ends with pytest's own closing line."""
    options.choice("tier", tier, options.TIERS)
    runs, left_out = pytest_runs(tier, only)
    if left_out:
        console.note(left_out)
    return run_tests(runs)


@command()
def lint(c: Any) -> int:
    """Check style (ruff) and types (mypy --strict)."""
    return max(run_tool(argv) for argv in lint_commands())


@command(
    root=True, polite=True, count="how many labs of each size to build, one after the other",
    style=options.HELP["style"], profile=options.HELP["profile"], nodes="sizes to measure, such as 3,9,16",
)
def bench(c: Any, style: str = "collapsed", nodes: str = "", profile: str = "", count: int = 3,
          format: str = "table") -> None:
    """Measure how long lab.up takes from nothing to healthy, and booting alone."""
    from cli.planning import Request, plan_from
    from cli.views.bench import bench_view
    from lab.ops.bench import bench as measure

    plans = [plan_from(Request(name="bench", style=style, nodes=size.strip(), profile=profile))
             for size in nodes.split(",")]
    with console.progress() as listener:
        results = measure(plans, count, listener)
    bench_view(results, format)
    console.next_step("lab.up")


TASKS = (test, lint, bench)
