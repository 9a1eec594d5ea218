"""What a person sees: progress on standard error, results on standard output.

Progress is a listener of :class:`lab.state.events.EventLog`.  On a terminal it is a live view of
what is running, with elapsed seconds (:mod:`cli.live`); elsewhere it is plain lines.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.state.events import Event, Listener

_SHOW_CURSOR = "\033[?25h"


def colours(stream: IO[str]) -> bool:
    """Whether to colour what goes to ``stream``; see no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(text: str) -> None:
    """A sentence for the person, on standard error."""
    print(text, file=sys.stderr, flush=True)


def next_step(command: str) -> None:
    """The next useful command; docs/commands.md says which commands end with none."""
    note(f"next: ./inv {command}")


def document(value: Any) -> None:
    """The one JSON document of a command, on standard output."""
    print(json.dumps(value, indent=2, default=str), flush=True)


def out(text: str) -> None:
    print(text, flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Aligned columns on standard output; never wrapped, so that grep and awk work."""
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def width() -> int:
    """Columns of the terminal that standard output is; 120 where it is none (``COLUMNS`` overrides)."""
    return shutil.get_terminal_size((120, 24)).columns


def shorten(text: str, columns: int) -> str:
    """``text`` in at most ``columns`` characters, with an ellipsis for what is left out."""
    if len(text) <= columns:
        return text
    whole, _, cut = text[: max(0, columns - 3)].rpartition(" ")  # half a number would be a wrong one
    return f"{whole or cut} ..."[:columns]


def restore_terminal() -> None:
    """After a sudden exit out of the live view, which hides the cursor."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), (_SHOW_CURSOR + "\n").encode())


@contextmanager
def progress() -> Iterator[Listener]:
    """A listener that shows events while the block runs."""
    if colours(sys.stderr) or (sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
        from cli.live import live_progress  # rich is slow to import: only for terminals

        with live_progress() as listener:
            yield listener
    else:
        yield PlainProgress(sys.stderr)


class PlainProgress:
    """One line for each thing that has ended, and for each common step that begins."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._begun = time.time()
        self._lock = threading.Lock()  # steps of several nodes end in several threads

    def __call__(self, event: Event) -> None:
        text = describe(event)
        if not text or (event.kind == "step.start" and event.node):
            return
        with self._lock:
            print(f"{event.at - self._begun:7.1f}s  {text}", file=self._stream, flush=True)


def describe(event: Event) -> str:
    """One event in words; '' for kinds that are only for the record."""
    data = event.data
    subject = f"{event.node}: " if event.node else ""
    took = f" ({data['seconds']:.1f} s)" if "seconds" in data else ""
    detail = f": {data['detail']}" if data.get("detail") else ""
    match event.kind:
        case "step.start":
            return f"{subject}{data['step']} ..."
        case "step.end":
            return f"{subject}{data['step']} done{took}"
        case "step.fail":
            return f"{subject}{data['step']} FAILED{took}: {data.get('error', '')}"
        case "gate.ok":
            return f"{subject}gate {data['gate']} holds{took}{detail}"
        case "gate.fail":
            return f"{subject}gate {data['gate']} DOES NOT HOLD{took}{detail}"
        case "fault.inject" | "fault.heal":
            word = "fault" if event.kind == "fault.inject" else "healed"
            return f"{word}: {data.get('fault', '')} on {event.node or 'the lab'}"
        case "note":
            return f"{subject}{data['text']}"
        case _:
            return ""
