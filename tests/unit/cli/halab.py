"""Running the command line in a process of its own, as a person's shell does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def halab(
    *words: str, env: Mapping[str, str] | None = None, program: str | None = None, user: int | None = None
) -> subprocess.CompletedProcess[str]:
    """``./inv words`` without the set-up; ``program`` replaces the interpreter's arguments."""
    argv = [sys.executable, "-c", program] if program else [sys.executable, "-m", "cli"]
    return subprocess.run(
        [*argv, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
    )
