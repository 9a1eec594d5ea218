"""Every refusal and failure that a person may see says what to try."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ERRORS = {"HalabError", "HostError", "NodeError", "DeadlineError", "RefusedError", "CapabilityError", "NotFoundError"}
# Caught where they are raised, or of the driver for tests.
INSIDE = {"lab/bundle/__init__.py": 1, "lab/ops/stop.py": 1, "lab/drivers/fake.py": 1}


def without(file: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(file.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS \
                and not {"remedy"} & {word.arg for word in call.keywords}:
            yield f"line {call.lineno}: {ast.unparse(call)}"


def test_every_error_has_a_remedy() -> None:
    lacking = {}
    for package in ("lab", "provision", "daemons", "cli", "chaos"):
        for file in sorted((ROOT / package).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if len(found := list(without(file))) != INSIDE.get(name, 0):
                lacking[name] = found
    assert lacking == {}
