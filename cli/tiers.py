"""Which tests belong to which tier, and how the project's own tools are run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cli import console
from lab.errors import CapabilityError, RefusedError

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "unit": ("unit",),
    "golden": ("golden",),
    "live": ("live",),
    "vm": ("vm",),
    "all": ("unit", "golden", "live"),
}
NEEDS_ROOT = frozenset({"live", "vm"})


def test_command(
    tier: str,
    only: str = "",
    *,
    root: bool | None = None,
    tests: Path = ROOT / "tests",
) -> tuple[list[str], str]:
    """pytest's command for a tier, and a sentence about what had to be left out ('' if nothing).

    RefusedError when root is needed and nothing else was asked for.
    """
    may = os.geteuid() == 0 if root is None else root
    wanted = [name for name in FOLDERS[tier] if any((tests / name).rglob("test_*.py"))]
    allowed = [name for name in wanted if may or name not in NEEDS_ROOT]
    if not wanted:
        raise CapabilityError(
            f"there are no tests in tier '{tier}' yet", where=str(tests), remedy="./inv test --tier=unit"
        )
    if not allowed:
        raise RefusedError(
            f"the tier '{tier}' builds labs, which needs root",
            where=f"--tier={tier}",
            remedy=f"sudo ./inv test --tier={tier}",
        )
    left = [name for name in wanted if name not in allowed]
    note = f"not root: the tier {', '.join(left)} is left out; sudo ./inv test runs it too" if left else ""
    argv = [sys.executable, "-m", "pytest", *(f"tests/{name}" for name in allowed)]
    return [*argv, "-k", only] if only else argv, note


def lint_commands() -> list[list[str]]:
    """The checks of ``./inv lint``, in order."""
    return [[sys.executable, "-m", "ruff", "check", "."], [sys.executable, "-m", "mypy"]]


def run_tool(argv: list[str]) -> int:
    """Run a tool of the environment in this terminal; 0, 1 as it said, or 4 if it could not work.

    A tool that found something says 1; pytest's other codes (interrupted, internal error, usage,
    nothing collected) and deaths by a signal are infrastructure here.
    """
    console.note(f"+ {' '.join(Path(word).name if word == sys.executable else word for word in argv)}")
    # The terminal's Ctrl-C must reach pytest, which then reports what it had: no new session.
    code = subprocess.call(argv, cwd=ROOT)
    if code == 2 and "pytest" in argv:
        raise KeyboardInterrupt
    return code if code in (0, 1) else 4
