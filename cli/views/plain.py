"""Values of the library as plain JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from cli import console


def plain(value: Any) -> Any:
    """Models and dataclasses as dictionaries, all the way down; what JSON lacks as text."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def as_json(value: Any, format: str) -> bool:
    """Print ``value`` if JSON was asked for; whether it was."""
    if format == "json":
        console.document(plain(value))
    return format == "json"
