"""Vagrant, driven through python-vagrant, with what that library lacks.

python-vagrant builds the command lines and reads the answers.  Its way of running them has no
deadline, cannot be cancelled, and loses what Vagrant says on standard error, so that part is
replaced here.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import vagrant

from lab import interrupt
from lab.errors import DeadlineError, HostError, InterruptedByUser

_TELL = re.compile(r"^==> (?P<node>[a-z0-9-]+): (?P<words>.*)")
# ruby-libvirt's words for an error of libvirt, which may be in the middle of a line of the trace.
_LIBVIRT = re.compile(r"Call to vir\w+ failed: (?P<reason>.*?)(\(Libvirt::\w*Error\))?$")
# Vagrant's words for a machine that it gives up, which are in the middle of much advice.
_BAD_STATE = re.compile(r"The machine is in the\s+'(?P<state>[^']*)' state")
# What is worth another try (docs/decisions/machines.md): the state '' of a watching thread that has not begun,
# and vagrant-libvirt's collisions of machines made at the same time (its issues 278, 428, 850).
_RACES = re.compile(r"The machine is in the\s+'' state"
                    r"|Volume for domain is already created"
                    r"|another process is already executing an action on the machine"
                    r"|no storage vol with matching path")
_LONGEST = 400  # characters of a reason that are shown
_LOOK = 0.25  # s between two looks at the clock and at Ctrl-C
_PATIENCE = 30.0  # s for Vagrant to clean up after it was asked to stop
Progress = Callable[[str, str], None]


class VagrantError(HostError):
    """Vagrant ended by itself and said that it failed.

    ``race``: its words are those of a collision, which the same command need not have again.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", race: bool = False) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.race = race


class LabVagrant(vagrant.Vagrant):  # type: ignore[misc]  # python-vagrant has no types
    """Vagrant in one lab's folder.

    ``wrap`` puts a command where it must run (the lab's namespace and cgroup).  ``log`` collects
    everything that Vagrant says.  VagrantError carries Vagrant's own reason.
    """

    def __init__(self, root: Path, *, env: Mapping[str, str], log: Path,
                 wrap: Callable[[Sequence[str]], list[str]] = list, timeout: float = 900.0) -> None:
        super().__init__(root=str(root), env={**os.environ, **env})
        self._wrap = wrap
        self._log = log
        self._timeout = timeout

    def bring_up(self, node: str, progress: Progress, timeout: float) -> None:
        """``vagrant up NODE``: make the machine and start it; its boot is not waited for.

        ``progress`` gets the node and Vagrant's words, line by line.
        """
        self._execute(self._make_vagrant_command(["up", node, "--provider=libvirt", "--no-provision"]),
                      progress, timeout)

    def _make_vagrant_command(self, args: Sequence[str | None]) -> list[str]:
        program = shutil.which("vagrant", path=self.env.get("PATH"))
        if program is None:
            raise HostError("the program 'vagrant' is not on this host", remedy="./inv lab.doctor --driver=vagrant")
        return [program, *(word for word in args if word is not None)]

    # The three ways in which python-vagrant runs a command.

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self._execute(self._make_vagrant_command(args), lambda node, words: None, self._timeout)

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return self._execute(self._make_vagrant_command(args), lambda node, words: None, self._timeout)

    def _stream_vagrant_command(self, args: Sequence[str | None]) -> Any:
        yield from self._run_vagrant_command(args).splitlines(keepends=True)

    def _execute(self, command: Sequence[str], progress: Progress, timeout: float) -> str:
        """Run to the end, to the deadline or to Ctrl-C; what was said on standard output."""
        words = ["setpriv", "--pdeathsig", "INT", "--", *self._wrap(command)]
        with self._log.open("a") as log:
            log.write(f"+ {' '.join(command)}\n")
            log.flush()
            child = subprocess.Popen(words, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                     text=True, errors="replace")
            said: dict[str, list[str]] = {"out": [], "err": []}
            try:
                for name, line in _lines(child, time.monotonic() + timeout, " ".join(command), self._log):
                    log.write(line)
                    log.flush()
                    said[name].append(line)
                    if told := _TELL.match(line):
                        progress(told["node"], told["words"].strip())
            finally:
                _end(child)
        if child.returncode:
            raise failure(command, said["err"] or said["out"], self._log)
        return "".join(said["out"])


def failure(command: Sequence[str], lines: Sequence[str], log: Path) -> VagrantError:
    """The error behind Vagrant's last words: libvirt's own if there is one, never the Ruby trace."""
    what = " ".join(Path(word).name if "/" in word else word for word in command[:3])
    race = bool(_RACES.search("".join(lines)))
    if libvirt := [found["reason"].strip() for line in lines if (found := _LIBVIRT.search(line))]:
        return VagrantError(f"'{what}' failed", where=libvirt[-1][:_LONGEST], remedy=f"less {log}", race=race)
    if bad := _BAD_STATE.search("".join(lines)):
        return VagrantError(f"'{what}' failed", where=f"Vagrant found the machine in the state '{bad['state']}' after "
                            "its start, and removed it", remedy=f"less {log}", race=race)
    told = [line.strip() for line in lines if line.strip() and not _is_trace(line)]
    return VagrantError(f"'{what}' failed", where=" ".join(told[-3:])[-_LONGEST:] or str(log), remedy=f"less {log}",
                        race=race)


def _is_trace(line: str) -> bool:
    return bool(re.match(r"\s*(from )?/\S+\.rb:\d+", line)) or " warning: " in line


def _lines(child: subprocess.Popen[str], deadline: float, what: str, log: Path) -> Any:
    """Pairs of stream name and line until both streams end; raises at the deadline and on Ctrl-C."""
    assert child.stdout is not None
    assert child.stderr is not None
    arrived: queue.Queue[tuple[str, str]] = queue.Queue()
    readers = [threading.Thread(target=_read, args=(name, stream, arrived), daemon=True)
               for name, stream in (("out", child.stdout), ("err", child.stderr))]
    for reader in readers:
        reader.start()
    while True:
        try:
            yield arrived.get(timeout=_LOOK)
        except queue.Empty:
            if not any(reader.is_alive() for reader in readers) and arrived.empty():
                child.wait()
                return
            # A machine that outlived Vagrant may hold its pipes.
            if child.poll() is not None and arrived.empty():
                return
            if interrupt.requested():
                raise InterruptedByUser("stopped while Vagrant was working; it removes what it had begun",
                                        where=what) from None
            if time.monotonic() > deadline:
                raise DeadlineError(f"'{what}' did not end in time", remedy=f"less {log}") from None


def _read(name: str, stream: IO[str], into: queue.Queue[tuple[str, str]]) -> None:
    for line in stream:
        into.put((name, line))


def _end(child: subprocess.Popen[str]) -> None:
    """Ask what still runs to stop, as Ctrl-C would: Vagrant then removes the half-made machine."""
    if child.poll() is not None:
        return
    for number, patience in ((signal.SIGINT, _PATIENCE), (signal.SIGKILL, _PATIENCE)):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
            return
