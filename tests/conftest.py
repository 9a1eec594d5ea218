"""What all tests share: unit tests keep their files apart from this machine's own labs.

Files only.  Namespaces and cgroups carry the lab's name and not HALAB_HOME, so ``lab.down`` in
another home still takes down a running lab of that name: never call it for ``default`` in a test.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

# halab is a tool that runs from its own tree and is not installed: plain ``pytest`` must find it too.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """``./inv test`` is up to two runs: the closing line of the second shall not hide the first."""
    if before := os.environ.get("HALAB_TESTS_BEFORE"):
        terminalreporter.write_line(f"before this run: {before}", red="FAILED" in before)


@pytest.fixture(autouse=True)
def own_home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HALAB_HOME is a fresh folder; live tests choose their own, because images are worth keeping."""
    if request.node.get_closest_marker("live") is None:
        monkeypatch.setenv("HALAB_HOME", str(tmp_path / "halab-home"))
        # As root it is the host's own: two test runs at once would meet in the lock of a lab's name.
        if importlib.util.find_spec("lab"):  # this file is also tried alone
            monkeypatch.setattr("lab.state.runtime", lambda: tmp_path / "halab-run")
        monkeypatch.setenv("HALAB_ACCELERATION", "kvm")  # what this host can do is no matter of these tests
