"""Running a command on the host: no shell, always a deadline, never an orphan.

Each command runs in a session of its own, so the terminal's Ctrl-C reaches halab and not
the half-done ``nft`` or ``mount`` below it.  ``setpriv --pdeathsig`` asks the kernel to end
the command when halab itself dies; it is used instead of ``preexec_fn`` because drivers
start commands from many threads, where Python code between fork and exec may deadlock.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.errors import HostError

LAST_LINES = 3  # of standard error, shown with a failure
_DOCTOR = "./inv lab.doctor says what this host lacks"
_GRACE = 2.0  # seconds to collect the output of a command that was killed


@dataclass(frozen=True)
class Completed:
    """A command that ended by itself; ``seconds`` is wall time."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.returncode == 0


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    input: str | bytes | None = None,
    check: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run ``argv`` to its end and return what it said.

    ``timeout`` is in seconds; when it passes, the command's whole process group is killed
    and :class:`HostError` raised, as it is for a missing program and, with ``check``, for
    an exit code other than 0.  ``env`` is laid over the environment; messages are asked for
    in English (``LC_ALL=C.UTF-8``), because callers read them.

    The calling thread waits for the command, which also makes the death signal safe: the
    kernel sends it when the *thread* that started the child ends.
    """
    words = tuple(str(word) for word in argv)
    merged = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    if shutil.which(words[0], path=merged.get("PATH")) is None:
        raise HostError(f"the program '{words[0]}' is not on this host", where=shlex.join(words),
                        remedy=_DOCTOR)
    begun = time.monotonic()
    child = subprocess.Popen(
        (*_leash(), *words),
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=merged,
        start_new_session=True,
    )
    try:
        out, err = child.communicate(input.encode() if isinstance(input, str) else input, timeout=timeout)
    except subprocess.TimeoutExpired:
        err = _kill(child)
        raise HostError(f"'{words[0]}' did not end within {timeout:g} s and was killed",
                        where=_where(words, err.decode(errors="replace")), remedy=_DOCTOR) from None
    except BaseException:  # an interrupt: leave nothing running behind
        _kill(child)
        raise
    done = Completed(words, child.returncode, out.decode(errors="replace"), err.decode(errors="replace"),
                     time.monotonic() - begun)
    if check and not done.ok:
        raise HostError(f"'{words[0]}' {_ending(done.returncode)}", where=_where(words, done.stderr),
                        remedy=_DOCTOR)
    return done


def detached(argv: Sequence[str | Path], log: Path) -> list[str]:
    """``argv`` as a command that returns at once and lives on without us, its output at the end of ``log``."""
    words = [str(word) for word in argv]
    return ["setsid", "--fork", "sh", "-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null', "sh", str(log), *words]


@cache
def _leash() -> tuple[str, ...]:
    """The prefix that ties a command's life to ours; empty on a host without util-linux."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()


def _kill(child: subprocess.Popen[bytes]) -> bytes:
    """Kill the child's process group; its last standard error, as far as it can be had."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    # A grandchild in another session may hold the pipes open: do not wait for it.
    try:
        return child.communicate(timeout=_GRACE)[1]
    except subprocess.TimeoutExpired as late:
        return late.stderr or b""


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"failed with exit code {code}"


def _where(words: tuple[str, ...], stderr: str) -> str:
    last = [line.strip() for line in stderr.splitlines() if line.strip()][-LAST_LINES:]
    return "; ".join([shlex.join(words), *last])
