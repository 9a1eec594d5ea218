"""``lab.status --watch`` on a terminal of its own: the person's key ends it, and the terminal is as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from halab import ROOT

from lab import state
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state import Phase
from lab.state.home import LabPaths

CTRL_C = b"\x03"
PICTURE = b"\x1b[?1049h"  # the terminal's other screen, which the picture is drawn on
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="lab.status is for root")


def _lab_without_power() -> None:
    paths = LabPaths.of("fake")
    state.write_atomically(paths.plan, make_plan(topology_from_options(name="fake", driver="fake")).model_dump_json())
    state.write_atomically(paths.topology, "driver: fake\n")
    state.record(paths, Phase.RUNNING)


def _typed_at(screen: int, child: subprocess.Popen[bytes], mark: bytes) -> bytes:
    """What the child shows in all; Ctrl-C is typed when ``mark`` is there."""
    shown, typed, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([screen], [], [], 0.1)[0]:
            try:
                piece = os.read(screen, 65536)
            except OSError:  # the child has closed its end
                break
            shown += piece
        if not typed and mark in shown:
            os.write(screen, CTRL_C)
            typed = True
    assert child.wait(10) is not None
    return shown


@needs_root
def test_ctrl_c_leaves_the_live_view_and_the_terminal_as_it_was() -> None:
    _lab_without_power()
    screen, terminal = pty.openpty()
    before = termios.tcgetattr(screen)
    child = subprocess.Popen(
        [sys.executable, "-m", "cli", "lab.status", "--watch", "--name=fake"], cwd=ROOT, stdin=terminal,
        stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    try:
        os.close(terminal)
        shown = _typed_at(screen, child, b"NODE")
        assert child.returncode == 0, shown
        assert shown.count(PICTURE) == shown.count(b"\x1b[?1049l") == 1
        assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l"), "the cursor is gone"
        assert b"Traceback" not in shown
        assert termios.tcgetattr(screen) == before
    finally:
        child.kill()
        os.close(screen)


def test_ctrl_c_before_the_command_has_begun_says_nothing(tmp_path: Path) -> None:
    # A module that the program imports on its way, made to press the key.
    (tmp_path / "invoke").mkdir()
    (tmp_path / "invoke" / "__init__.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\n"
                                                     "time.sleep(20)\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run([sys.executable, "-m", "cli", "lab.list"], cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
                          capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (-2, b"")
