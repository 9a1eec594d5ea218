"""How ``report.bounds`` shows measurements beside bounds and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from chaos.calibration import Calibration
    from chaos.figures import Measured


def bounds_view(found: list[Calibration], held: list[Measured], format: str) -> None:
    rows = [{**plain(one), "median": one.median, "share": one.share} for one in found]
    figures = [{**plain(one), "median": one.median, "kept": one.kept} for one in held]
    if as_json({"bounds": rows, "figures": figures}, format):
        return
    console.table(
        ("SCENARIO", "SERVICE", "LAB", "RUNS", "LEAST", "MEDIAN", "MOST", "BOUND", "OUTSIDE"),
        [
            (
                one.setting.scenario,
                one.setting.service,
                f"{one.setting.driver} {one.setting.nodes} {one.setting.profile}",
                len(one.seconds),
                f"{one.seconds[0]:.2f}",
                f"{one.median:.2f}",
                f"{one.seconds[-1]:.2f}",
                "-" if one.high is None else f"{one.low or 0:.2f} to {one.high:.2f}",
                one.below + one.above or "",
            )
            for one in found
        ],
    )
    if held:
        console.out("")
        console.table(
            ("FIGURE", "SERVICE", "PROFILE", "RUNS", "MEDIAN", "AT MOST", ""),
            [
                (
                    one.scenario + (", before its heal" if one.before_heal else ""),
                    one.service,
                    one.profile,
                    len(one.seconds),
                    "-" if one.median is None else f"{one.median:.2f}",
                    f"{one.most:g}",
                    _word(one),
                )
                for one in held
            ],
        )


def _word(one: Measured) -> str:
    if one.kept is None:
        return f"needs {one.needed} runs"
    return "holds" if one.kept else "ABOVE"
