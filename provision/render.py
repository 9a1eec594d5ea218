"""Templates: one jinja2 environment, strict about names that do not exist."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    # Configuration files, not HTML: nothing is escaped; the CIB role escapes XML by filter.
    made = Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    made.filters["span"] = _span
    return made


def _span(seconds: float) -> str:
    """A time above zero as Pacemaker reads it: ``10s``, or ``500ms`` where it is no whole number of seconds."""
    milliseconds = max(1, round(seconds * 1000))
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def render(template: str, **values: Any) -> bytes:
    """The rendered template, UTF-8; an undefined name is an error, not an empty string."""
    return _environment().get_template(template).render(**values).encode()


def nodefile(name: str) -> bytes:
    """A program or unit that goes to the nodes unchanged."""
    return (_HERE / "nodefiles" / name).read_bytes()
