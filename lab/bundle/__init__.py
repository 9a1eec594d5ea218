"""``lab.bundle``: one archive with all that is needed to study a failure, and none of the lab's secrets.

Everything passes :class:`lab.bundle.redact.Redactor` on its way in; files that are secrets as a whole
(keys, cookies) are not read at all.  A node that does not answer leaves its console and its journal's
files on the host; what could not be had is listed in the bundle.
"""

from __future__ import annotations

import io
import json
import os
import platform
import tarfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab import interrupt
from lab.bundle.questions import questions_for
from lab.bundle.redact import Redactor
from lab.choices import unknown_choice
from lab.drivers.base import PowerState
from lab.errors import HalabError, HostError, InterruptedByUser, NodeError
from lab.host.process import run
from lab.lab import Lab
from lab.node.logs import from_disk
from lab.parallel import for_each
from lab.plan import Node
from lab.state.home import DEBUG_LOGS, home

JOURNAL_LINES = 20000
_JOURNAL = f"journalctl --no-pager --output=short-iso-precise --lines={JOURNAL_LINES}"
_TIMEOUT = 30.0
_NEWEST = 5  # debug logs
# The whole of a lab's folder that is plain text; secrets/ and the disks of the nodes are not.
_RECORDS = ("plan.json", "topology.yml", "state.json", "events.jsonl", "journal.jsonl", "ssh_config", "Vagrantfile",
            "bmc/*.mode", "bmc/service.log")
_HOST_FILES = ("/etc/os-release", "/proc/loadavg", "/proc/meminfo", "/proc/cpuinfo", "/proc/pressure/cpu",
               "/proc/mounts", "/proc/cgroups")
_README = """This bundle was made by halab's lab.bundle of the lab '{lab}' at {at} (UTC).

lab/      what was planned and recorded: plan, topology, state, diary (events.jsonl), faults (journal.jsonl)
status.json  what lab.status said
host/     the machine below the lab
debug/    the newest tracebacks of halab on this host, if it had any
nodes/<node>/journal.txt, console.log, outputs/ (what the daemons say), configs/ (their files)
runs/     chaos runs: {runs}
missing.txt  what could not be had, and why

Keys, passwords and cookies were taken out: each place says "[removed by lab.bundle]".
"""


@dataclass(frozen=True)
class BundleResult:
    """``size`` in bytes; ``missing`` are sentences."""

    path: Path
    size: int
    files: int
    runs: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass
class _Sink:
    """The archive while it is written; redacts whatever comes; safe to use from many threads."""

    tar: tarfile.TarFile
    redactor: Redactor
    files: int = 0
    missing: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, content: bytes | str) -> None:
        raw = self.redactor.data(content.encode(errors="replace") if isinstance(content, str) else content)
        member = tarfile.TarInfo(f"bundle/{name}")
        member.size, member.mode, member.mtime = len(raw), 0o600, int(time.time())
        with self.lock:
            self.tar.addfile(member, io.BytesIO(raw))
            self.files += 1

    def add_file(self, name: str, path: Path) -> None:
        self.attempt(name, lambda: path.read_bytes())

    def attempt(self, name: str, read: Callable[[], bytes | str]) -> None:
        """Add what ``read`` gives, or a sentence about why it gave nothing."""
        try:
            self.add(name, read())
        except InterruptedByUser:
            raise
        except (HalabError, OSError) as error:
            self.lack(f"{name}: {error.what if isinstance(error, HalabError) else error}")

    def lack(self, sentence: str) -> None:
        with self.lock:
            self.missing.append(sentence)


def bundle(name: str, runs: str = "last", output: Path | None = None) -> BundleResult:
    """Write the bundle of the lab ``name``.  ``runs``: ``last``, ``all``, ``none``, or the name of one.

    ``output`` is the archive's path (default: below halab's home); its mode is 0600.
    """
    lab = Lab.open(name)
    chosen = _runs(lab, runs)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = output or home() / "bundles" / f"{name}-{stamp}.tar.gz"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if output is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
              tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar):
            sink = _Sink(tar, Redactor(lab.paths.secrets))
            sink.add("README.txt", _README.format(lab=name, at=stamp, runs=", ".join(chosen) or "none"))
            _collect(lab, sink, chosen)
            sink.add("missing.txt", "".join(f"{line}\n" for line in sorted(sink.missing)))
        draft.rename(path)
    except InterruptedByUser:  # an OSError too, and no trouble with the archive
        raise
    except OSError as error:
        raise HostError("the bundle could not be written", where=f"{path}: {error.strerror or error}",
                        remedy="--output=FILE in a folder with room") from error
    finally:
        draft.unlink(missing_ok=True)
        lab.shell.close()
    return BundleResult(path, path.stat().st_size, sink.files, tuple(chosen), tuple(sorted(sink.missing)))


def _runs(lab: Lab, wanted: str) -> list[str]:
    """The names of the runs that go in; RefusedError for one that does not exist."""
    folder = lab.paths.runs
    known = sorted((path.name for path in folder.iterdir() if path.is_dir()), reverse=True) if folder.is_dir() else []
    match wanted:
        case "none":
            return []
        case "all":
            return known
        case "last":
            return known[:1]
        case _ if wanted in known:
            return [wanted]
    raise unknown_choice("run", wanted, ["last", "all", "none", *known], where=f"lab '{lab.name}'")


def _collect(lab: Lab, sink: _Sink, runs: Iterable[str]) -> None:
    _records(lab, sink)
    _host(sink)
    _status(lab, sink)
    interrupt.check("nodes")
    for_each(lab.plan.hosts, lambda node: _node(lab, sink, node))
    for run_name in runs:
        root = lab.paths.runs / run_name
        for path in sorted(root.rglob("*")):
            interrupt.check("runs")
            if path.is_file() and not path.is_symlink():
                sink.add_file(f"runs/{run_name}/{path.relative_to(root)}", path)


def _records(lab: Lab, sink: _Sink) -> None:
    for pattern in _RECORDS:
        for path in sorted(lab.paths.root.glob(pattern)):
            if path.is_file():
                sink.add_file(f"lab/{path.relative_to(lab.paths.root)}", path)
    # Tracebacks of bugs are of all labs; their names sort by time.
    for path in sorted(home().glob(DEBUG_LOGS))[-_NEWEST:]:
        sink.add_file(f"debug/{path.name}", path)


def _host(sink: _Sink) -> None:
    sink.add("host/python.txt", f"{platform.platform()}\nPython {platform.python_version()}\n"
                                f"{os.cpu_count()} processors\n")
    for path in map(Path, _HOST_FILES):
        if path.exists():
            sink.add_file(f"host/{path.name}", path)
    sink.attempt("host/packages.txt", lambda: run(
        ["dpkg-query", "--show", "systemd*", "nftables", "iproute2", "libvirt*", "qemu*", "vagrant*"],
        timeout=_TIMEOUT, check=False).stdout)


def _status(lab: Lab, sink: _Sink) -> None:
    from lab.status import status

    sink.attempt("status.json", lambda: status(lab.name).model_dump_json(indent=1))


def _node(lab: Lab, sink: _Sink, node: Node) -> None:
    place = f"nodes/{node.name}"
    console = lab.paths.node(node.name) / "console.log"
    if console.exists():
        sink.add_file(f"{place}/console.log", console)
    try:
        state = lab.driver.power.state(node.name)
        if state is not PowerState.ON:
            raise NodeError(f"{node.name} is {state}")
        journal = lab.shell.run(node.name, _JOURNAL, timeout=_TIMEOUT).stdout
    except HalabError as error:
        sink.lack(f"{place}: {error.what}: nothing could be asked there")
        disk = lab.paths.node(node.name) / "upper/var/log/journal"
        if disk.is_dir():
            sink.attempt(f"{place}/journal.txt", lambda: from_disk(disk, _JOURNAL))
        return
    sink.add(f"{place}/journal.txt", journal)
    for question in questions_for(node):
        interrupt.check(f"{node.name}: {question.name}")
        sink.attempt(f"{place}/outputs/{question.name}", lambda: _ask(lab, node, question.command, question.stdin))  # noqa: B023
    for path in _configs(lab, node):
        sink.attempt(f"{place}/configs{path}", lambda: _ask(lab, node, f"cat {path}"))  # noqa: B023
    from chaos.versions import read_versions

    sink.attempt(f"{place}/versions.json", lambda: json.dumps(read_versions(lab, node.name), indent=1) + "\n")


def _configs(lab: Lab, node: Node) -> list[str]:
    """The files that the roles lay on the node, but for keys and links: a new role's are there by themselves."""
    from provision.apply import node_files

    return sorted(file.path for file in node_files(lab.plan, node, lab.secrets)
                  if not file.secret and file.link is None and not file.initial)


def _ask(lab: Lab, node: Node, command: str, stdin: str | None = None) -> str:
    said = lab.shell.run(node.name, command, stdin=stdin, timeout=_TIMEOUT, check=False)
    # What failed is evidence too.
    return said.stdout + (f"\n[exit code {said.exit_code}] {said.stderr}" if not said.ok or not said.stdout else "")
