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
    "workstation": ("workstation",),
    "all": ("unit", "golden", "live"),
}
# These build labs: they need root, and the host to themselves; all others are spread over the cores.
ON_LABS = frozenset({"live", "vm", "workstation"})
_MOST_WORKERS = 4
EARLIER = "HALAB_TESTS_BEFORE"  # in the environment of a run: how those before it ended
_NOTHING_RAN = 5  # pytest's code for a run that collected no test


def pytest_runs(
    tier: str,
    only: str = "",
    *,
    root: bool | None = None,
    cores: int | None = None,
    tests: Path = ROOT / "tests",
) -> tuple[list[list[str]], str]:
    """The pytest runs of a tier, in order, and a sentence about what had to be left out ('' if nothing).

    RefusedError when root is needed and nothing else was asked for.
    """
    may = os.geteuid() == 0 if root is None else root
    wanted = [name for name in FOLDERS[tier] if any((tests / name).rglob("test_*.py"))]
    allowed = [name for name in wanted if may or name not in ON_LABS]
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
    workers = min(_MOST_WORKERS, len(os.sched_getaffinity(0)) if cores is None else cores)
    runs = []
    for alone in (False, True):
        if folders := [f"tests/{name}" for name in allowed if (name in ON_LABS) is alone]:
            spread = [] if alone or workers < 2 else ["-n", str(workers)]
            runs.append([sys.executable, "-m", "pytest", *spread, *folders, *(["-k", only] if only else [])])
    return runs, note


def run_tests(runs: list[list[str]]) -> int:
    """Run them all, also after a failure; the worst exit code.  The last line is pytest's own.

    A run in which ``-k`` matches nothing is no failure if another one had tests.
    """
    codes: list[int] = []
    for argv in runs:
        # So that the last run's closing line is not read as the whole story; see tests/conftest.py.
        before = {EARLIER: "; ".join(_said(*one) for one in zip(runs, codes, strict=False))}
        codes.append(_call(argv, before))
    ran = [code for code in codes if code != _NOTHING_RAN]
    return max(map(_ours, ran)) if ran else _ours(_NOTHING_RAN)


def _said(argv: list[str], code: int) -> str:
    folders = " ".join(word for word in argv if word.startswith("tests/"))
    return f"{folders}: " + {0: "passed", _NOTHING_RAN: "nothing to run"}.get(code, "FAILED")


def lint_commands() -> list[list[str]]:
    """The checks of ``./inv lint``, in order."""
    return [[sys.executable, "-m", "ruff", "check", "."], [sys.executable, "-m", "mypy"]]


def run_tool(argv: list[str]) -> int:
    """Run a tool of the environment in this terminal; 0, 1 as it said, or 4 if it could not work."""
    return _ours(_call(argv))


def _ours(code: int) -> int:
    """A tool that found something says 1; pytest's other codes (internal error, usage, nothing
    collected) and deaths by a signal are infrastructure here."""
    return code if code in (0, 1) else 4


def _call(argv: list[str], extra: dict[str, str] | None = None) -> int:
    console.note(f"+ {' '.join(Path(word).name if word == sys.executable else word for word in argv)}")
    # The terminal's Ctrl-C must reach pytest, which then reports what it had: no new session.
    code = subprocess.call(argv, cwd=ROOT, env={**os.environ, **(extra or {})})
    if code == 2 and "pytest" in argv:
        raise KeyboardInterrupt
    return code
