"""The three deployment styles as ``lab.styles`` lists them; profiles are in :mod:`lab.plan.profiles`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.plan import Style
from lab.plan.profiles import TOPOLOGIES
from lab.plan.shape import DEFAULT_NODES, STYLES

_SUMMARIES: dict[Style, str] = {
    "collapsed": "one cluster, every component on every node (default)",
    "segregated": "a cluster of three hosts or more for each component: LB, DB, MQ, MC",
    "mixed": "the bottlenecks (DB, then MQ) in clusters of their own, the rest together in a core",
}


@dataclass(frozen=True)
class StyleInfo:
    """One style: a summary of one line, its default size, and its commented example."""

    name: Style
    summary: str
    default_nodes: int
    example: Path


def list_styles() -> tuple[StyleInfo, ...]:
    """The styles, the default first."""
    return tuple(
        StyleInfo(style, _SUMMARIES[style], DEFAULT_NODES[style], TOPOLOGIES / f"{style}.yml")
        for style in STYLES
    )
