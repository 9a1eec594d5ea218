"""How an error looks: three short lines and an exit code, or one line and a debug log.

The library raises :class:`lab.errors.HalabError`; nothing else of the program knows how
that is shown.  With ``--format=json`` standard output gets the same as one document, so
that a script that reads it is never left with nothing.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

from cli import console
from lab.errors import HalabError, InterruptedByUser, RefusedError
from lab.state.home import home


def show(error: HalabError, *, as_json: bool = False) -> int:
    """Print an expected error; the exit code that belongs to it."""
    console.note(rendered(error, colour=console.colours(sys.stderr)))
    if as_json:
        console.document(
            {
                "error": {
                    "what": error.what,
                    "where": error.where,
                    "try": error.remedy,
                    "exit_code": error.exit_code,
                }
            }
        )
    return error.exit_code


def rendered(error: HalabError, *, colour: bool = False) -> str:
    """The three lines; 'where' and 'try' only when there is something to say."""
    what = f"error  {error.what}"
    lines = [f"\033[31m{what}\033[0m" if colour else what]
    lines += [f"where  {error.where}"] if error.where else []
    lines += [f"try    {error.remedy}"] if error.remedy else []
    return "\n".join(lines)


def show_unexpected(error: BaseException, *, as_json: bool = False) -> int:
    """Print one line about a bug and keep its traceback; the exit code."""
    log = debug_log(error)
    first = (str(error).strip() or "no message").splitlines()[0]
    wrapped = HalabError(
        f"unexpected {type(error).__name__}: {first}",
        where=str(log),
        remedy="this is a bug in halab; please report it with that file",
    )
    return show(wrapped, as_json=as_json)


def show_interrupted(error: BaseException, resume: str = "", *, as_json: bool = False) -> int:
    """Say that nothing was destroyed and, with ``resume``, how to go on; 130, as shells have it."""
    if not isinstance(error, InterruptedByUser):
        error = InterruptedByUser("interrupted; nothing was destroyed")
    told = InterruptedByUser(error.what, where=error.where, remedy=error.remedy or resume)
    return show(told, as_json=as_json)


def debug_log(error: BaseException) -> Path:
    """Write the traceback where it can be found again: halab's home, or else the temporary directory."""
    text = "\n".join(
        [
            f"command: {shlex.join(sys.argv)}",
            f"python: {platform.python_version()}  system: {platform.platform()}  uid: {os.geteuid()}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )
    name = f"debug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for place in (home, lambda: Path(tempfile.gettempdir())):
        with suppress(OSError, RefusedError):
            folder = place()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / name
            # O_EXCL: the temporary directory belongs to everybody.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as log:
                log.write(text)
            return path
    return Path("(no debug log could be written)")
