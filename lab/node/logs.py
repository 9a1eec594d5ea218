"""One log of the whole lab: the journals of all nodes and the lab's diary, on the host's clock.

Containers share the host's clock; a machine with a clock of its own is asked what time it is, and its
lines are moved by the difference.  A node without power cannot be asked, but its journal is on a disk
that the host can read where the driver keeps one.
"""

from __future__ import annotations

import json
import queue
import re
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import interrupt
from lab.choices import unknown_choice
from lab.drivers.base import PowerState
from lab.errors import HalabError, RefusedError
from lab.host.process import run
from lab.lab import Lab
from lab.node import clock
from lab.node.clock import Offset
from lab.parallel import for_each
from lab.state.events import Event, read_events

DEFAULT_LINES = 200
_TIMEOUT = 30.0
_FIELDS = "--output=json --output-fields=MESSAGE,SYSLOG_IDENTIFIER,_PID"
# journalctl itself never looks at its standard input; the shell waits for the end of it in its place.
_FOLLOW = "journalctl --follow --no-tail --quiet {query} </dev/null & cat >/dev/null; kill $!"
_SEARCHED = 20000  # lines of each node that a pattern without --since looks through
_HOLD_BACK = 0.5  # s that a followed line waits for earlier ones of other nodes


@dataclass(frozen=True)
class Entry:
    """One line: ``at`` in seconds on the host's clock, ``node`` '' for the lab; ``event`` if it is the diary's."""

    at: float
    node: str
    source: str
    text: str
    event: Event | None = None


@dataclass(frozen=True)
class Query:
    """What is wanted; ``since`` in seconds of age, ``lines`` the last so many of the merged log (None: default)."""

    node: str | None = None
    unit: str | None = None
    pattern: str | None = None
    since: float | None = None
    lines: int | None = None


@dataclass(frozen=True)
class Merged:
    """``offsets`` of nodes with a clock of their own; ``notes`` say whose lines are missing or came from a disk.

    ``at``: when the reading began (host clock); who follows goes on from there.
    """

    entries: tuple[Entry, ...]
    offsets: dict[str, Offset]
    notes: tuple[str, ...]
    at: float = 0.0


def merged(name: str, query: Query) -> Merged:
    """The merged log of the lab ``name``; RefusedError for an unknown node or a pattern that is none."""
    lab = Lab.open(name)
    wanted = _pattern(query.pattern)
    nodes = _nodes(lab, query)
    at = time.time()
    begin = 0.0 if query.since is None else at - query.since
    try:
        offsets = clock.offsets(lab, nodes)
        read = for_each(nodes, lambda node: _journal(lab, node, query, begin, offsets.get(node)))
    finally:
        lab.shell.close()
    entries = [entry for found, _ in read for entry in found] + _diary(lab, query, begin)
    kept = sorted((entry for entry in entries if wanted is None or _matches(wanted, entry)), key=lambda entry: entry.at)
    count = query.lines or (None if query.since is not None else DEFAULT_LINES)
    return Merged(tuple(kept[-count:] if count else kept), offsets, tuple(note for _, note in read if note), at)


def follow(name: str, query: Query, after: Merged) -> Iterator[Entry]:
    """The lines of all nodes and the diary that are not in ``after``, as they come, in order; until Ctrl-C."""
    lab = Lab.open(name)
    wanted = _pattern(query.pattern)
    nodes = _nodes(lab, query)
    offsets = clock.offsets(lab, nodes)
    arrived: queue.SimpleQueue[Entry] = queue.SimpleQueue()
    ended = threading.Event()
    for node in nodes:
        tail = _Tail(lab, node, query, offsets.get(node), after)
        threading.Thread(target=tail.read, args=(arrived, ended), daemon=True).start()
    waiting: list[Entry] = []
    seen = max((entry.at + 1e-4 for entry in after.entries if entry.event is not None), default=after.at)
    try:
        while True:
            interrupt.wait(0.2)
            fresh = _diary(lab, query, seen)
            # Just after the newest that was shown: the diary has no line numbers.
            seen = max((entry.at + 1e-4 for entry in fresh), default=seen)
            with suppress(queue.Empty):
                while True:
                    waiting.append(arrived.get_nowait())
            waiting = sorted([*waiting, *fresh], key=lambda entry: entry.at)
            ripe = [entry for entry in waiting if entry.at < time.time() - _HOLD_BACK]
            waiting = waiting[len(ripe):]
            yield from (entry for entry in ripe if wanted is None or _matches(wanted, entry))
    finally:
        ended.set()
        lab.shell.close()


def parse(node: str, text: str, offset: Offset | None = None) -> list[Entry]:
    """``journalctl --output=json``: one object a line; lines that are torn or have no text are left out."""
    return [entry for line in text.splitlines() if (entry := _entry(node, line, offset)) is not None]


def _entry(node: str, line: str, offset: Offset | None) -> Entry | None:
    try:
        raw = json.loads(line)
        at = int(raw["__REALTIME_TIMESTAMP"]) / 1e6 - (offset.ahead if offset else 0.0)
    except (ValueError, KeyError, TypeError):
        return None
    message = raw.get("MESSAGE")
    if isinstance(message, list):  # bytes that are no text come as numbers
        message = bytes(message).decode(errors="replace")
    if not message:
        return None
    who = str(raw.get("SYSLOG_IDENTIFIER") or "?")
    return Entry(at, node, f"{who}[{raw['_PID']}]" if raw.get("_PID") else who, str(message).strip())


def _nodes(lab: Lab, query: Query) -> list[str]:
    known = [node.name for node in lab.plan.hosts]
    if query.node is None:
        return known
    if query.node not in known:
        raise unknown_choice("node", query.node, known, where=f"lab '{lab.name}'")
    return [query.node]


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise RefusedError(f"'{text}' is not a pattern: {error}", where=f"--grep={text}",
                           remedy="a regular expression, such as --grep='fenc|quorum'") from error


def _matches(wanted: re.Pattern[str], entry: Entry) -> bool:
    return wanted.search(f"{entry.source} {entry.text}") is not None


def _command(query: Query, begin: float, offset: Offset | None) -> str:
    words = ["journalctl", "--no-pager", "--quiet", *_FIELDS.split()]
    if query.unit:
        words.append(f"--unit={query.unit}")
    if query.since is not None:
        words.append(f"--since=@{begin + (offset.ahead if offset else 0.0):.0f}")
    else:
        words.append(f"--lines={_SEARCHED if query.pattern else query.lines or DEFAULT_LINES}")
    return shlex.join(words)


def _journal(lab: Lab, node: str, query: Query, begin: float, offset: Offset | None) -> tuple[list[Entry], str]:
    """The node's lines, and a sentence if they are not what the node says itself."""
    command = _command(query, begin, offset)
    try:
        if lab.driver.power.state(node) is PowerState.ON:
            return parse(node, lab.shell.run(node, command, timeout=_TIMEOUT).stdout, offset), ""
        why = f"{node} is {lab.driver.power.state(node)}"
    except HalabError as error:
        why = error.what
    disk = lab.paths.node(node) / "upper/var/log/journal"
    if not disk.is_dir():
        return [], (f"{why}: its journal cannot be read; ./inv lab.logs --node={node} --name={lab.name} shows its "
                    "console")
    try:
        return parse(node, from_disk(disk, command), offset), f"{why}: its journal is read from its disk"
    except HalabError as error:
        return [], f"{why}, and its disk says nothing: {error.what}"


def from_disk(folder: Path, command: str) -> str:
    """The same question to the journal files of a node that cannot be asked; HostError without journalctl."""
    return run([*shlex.split(command), f"--directory={folder}"], timeout=_TIMEOUT, check=False).stdout


def _diary(lab: Lab, query: Query, begin: float) -> list[Entry]:
    return [Entry(event.at, event.node, "halab", " ".join([event.kind, *map(str, event.data.values())]), event)
            for event in read_events(lab.paths.events, begin)
            if query.node is None or event.node in ("", query.node)]


class _Tail:
    """What one node's journal gets, from the moment on at which the last line was read, each line once."""

    def __init__(self, lab: Lab, node: str, query: Query, offset: Offset | None, after: Merged) -> None:
        self._lab = lab
        self._node = node
        self._query = query
        self._offset = offset
        self._from = after.at
        self._known = {_key(entry) for entry in after.entries if entry.node == node and entry.event is None}

    def read(self, arrived: queue.SimpleQueue[Entry], ended: threading.Event) -> None:
        while not ended.is_set():
            with suppress(HalabError):  # it is off, or booting: asked again until it answers
                for line in self._lab.shell.stream(self._node, self._command(), ended):
                    if (entry := _entry(self._node, line, self._offset)) is not None and self._is_new(entry):
                        arrived.put(entry)
            ended.wait(1.0)

    def _command(self) -> str:
        unit = f" --unit={shlex.quote(self._query.unit)}" if self._query.unit else ""
        since = self._from + (self._offset.ahead if self._offset else 0.0)
        return _FOLLOW.format(query=f"{_FIELDS}{unit} --since=@{int(since)}")

    def _is_new(self, entry: Entry) -> bool:
        if (key := _key(entry)) in self._known:
            return False
        self._from = max(self._from, entry.at)
        if len(self._known) > _SEARCHED:  # what a next reading would not give again need not be known
            self._known = {one for one in self._known if one[0] > self._from - 2}
        self._known.add(key)
        return True


def _key(entry: Entry) -> tuple[float, str, str]:
    return entry.at, entry.source, entry.text
