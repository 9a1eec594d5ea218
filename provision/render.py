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
    return Environment(loader=FileSystemLoader(_HERE / "templates"), undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)


def render(template: str, **values: Any) -> bytes:
    """The rendered template, UTF-8; an undefined name is an error, not an empty string."""
    return _environment().get_template(template).render(**values).encode()


def nodefile(name: str) -> bytes:
    """A program or unit that goes to the nodes unchanged."""
    return (_HERE / "nodefiles" / name).read_bytes()
