"""The three deployment styles, as ``topologies/styles.yml`` has them; profiles are in :mod:`lab.plan.profiles`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.plan import Style
from lab.plan.profiles import TOPOLOGIES
from lab.yamlfile import read_mapping, refusal

_FILE = "topologies/styles.yml"


class StyleTable(BaseModel):
    """One style's part of the layout table.

    ``sizes``: hosts -> cluster -> members; ``between``: the rows that are halab's own; ``growth``: which
    clusters get the hosts that a row leaves, in pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str
    default_nodes: int
    sizes: dict[int, dict[str, int]] = {}
    between: frozenset[int] = frozenset()
    growth: tuple[str, ...] = ()


class _Styles(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    collapsed: StyleTable
    segregated: StyleTable
    mixed: StyleTable


@dataclass(frozen=True)
class StyleInfo:
    """One style: a summary of one line, its default size, and its commented example."""

    name: Style
    summary: str
    default_nodes: int
    example: Path


@cache
def style_tables(folder: Path = TOPOLOGIES) -> dict[Style, StyleTable]:
    """The table of each style, the default first; RefusedError names the line of a mistake."""
    source = read_mapping(folder / "styles.yml", example=_FILE, label=_FILE)
    try:
        read = _Styles.model_validate(source.data)
    except ValidationError as error:
        raise refusal(error, _Styles, source.place, "table of styles", example=_FILE) from error
    return {"collapsed": read.collapsed, "segregated": read.segregated, "mixed": read.mixed}


def list_styles() -> tuple[StyleInfo, ...]:
    """The styles, the default first."""
    return tuple(
        StyleInfo(style, table.summary, table.default_nodes, TOPOLOGIES / f"{style}.yml")
        for style, table in style_tables().items()
    )
