"""Host commands: what comes back, what a failure says, and that nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.errors import HostError
from lab.host.process import run


def test_output_and_input() -> None:
    done = run(["sh", "-c", "cat; echo warned >&2"], timeout=5, input="given\n")
    assert (done.stdout, done.stderr, done.ok) == ("given\n", "warned\n", True)


def test_environment_is_laid_over_and_english() -> None:
    done = run(["sh", "-c", 'echo $A $LC_ALL; test -n "$PATH"'], timeout=5, env={"A": "b"})
    assert done.stdout == "b C.UTF-8\n"


def test_failure_names_command_and_last_words() -> None:
    with pytest.raises(HostError) as caught:
        run(["sh", "-c", "seq 9 >&2; exit 3"], timeout=5)
    assert caught.value.what == "'sh' failed with exit code 3"
    assert caught.value.where == "sh -c 'seq 9 >&2; exit 3'; 7; 8; 9"
    assert "lab.doctor" in caught.value.remedy


def test_failure_is_a_result_when_asked_for() -> None:
    assert run(["false"], timeout=5, check=False).returncode == 1


def test_missing_program() -> None:
    with pytest.raises(HostError, match="'no-such-program' is not on this host"):
        run(["no-such-program"], timeout=5)


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(HostError, match=r"did not end within 0\.3 s"):
        run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout=0.3)
    assert time.monotonic() - begun < 5
    assert _gone(int(pid_file.read_text()))


def test_command_dies_with_its_parent(tmp_path: Path) -> None:
    """The tool killed with SIGKILL leaves no command behind (the kernel sends the death signal)."""
    pid_file = tmp_path / "pid"
    program = (
        f"from lab.host.process import run; run(['sh', '-c', 'echo $$ > {pid_file}; exec sleep 60'], timeout=90)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    _until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _gone(int(pid_file.read_text()))


def test_ctrl_c_of_the_terminal_does_not_reach_the_command() -> None:
    done = run(["sh", "-c", "ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat"], timeout=5)
    assert int(done.stdout) != os.getsid(0)


def _gone(pid: int) -> bool:
    return _until(lambda: not Path(f"/proc/{pid}").exists() or _zombie(pid))


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _until(holds, within: float = 5.0) -> bool:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False
