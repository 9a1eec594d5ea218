"""``@command``: an invoke task with halab's manners.

One decorator for every task, so that errors, exit codes, Ctrl-C and the need for root are
the same everywhere and a task holds only: parse, call one library function, render.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task

from cli import console, errors, options
from lab import interrupt
from lab.errors import HalabError, HostError, InterruptedByUser, RefusedError
from lab.state.home import home

Body = Callable[..., int | None]


def command(
    *,
    root: bool = False,
    polite: bool = False,
    name: str | None = None,
    positional: Sequence[str] = (),
    **help_of: str,
) -> Callable[[Body], Task]:
    """Make a task of a function that returns its exit code (None: 0).

    ``root``: refuse without it, with the command that has it.  ``polite``: the first Ctrl-C
    lets the running step finish (:mod:`lab.interrupt`); without it, it ends the command.
    ``help_of`` explains the options that are not in :data:`cli.options.HELP`.
    """

    def decorate(body: Body) -> Task:
        known = inspect.signature(body).parameters
        texts = {word: text for word, text in {**options.HELP, **help_of}.items() if word in known}

        @functools.wraps(body)
        def run(context: Any, *args: Any, **kwargs: Any) -> None:
            given = inspect.signature(body).bind(context, *args, **kwargs)
            given.apply_defaults()
            code = _run(body, given, root=root, polite=polite)
            if code:
                raise Exit(code=code)  # ends the whole chain of commands

        # Automatic short flags differ from task to task; an option must mean one thing.
        return Task(run, name=name, positional=positional, help=texts, auto_shortflags=False)

    return decorate


def _run(body: Body, given: inspect.BoundArguments, *, root: bool, polite: bool) -> int:
    as_json = given.arguments.get("format") == "json"
    lab = str(given.arguments.get("name", ""))
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as it was while the program was loaded (cli.__main__)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _refuse_lacking(given)
        if "format" in given.arguments:
            options.choice("format", given.arguments["format"], options.FORMATS)
        if lab:
            options.name(lab)
        if root and os.geteuid() != 0:
            raise RefusedError(
                "this command needs root: it works on network namespaces, mounts and machines",
                where=f"user id {os.geteuid()}",
                remedy=_with_root(),
            )
        with interrupt.guard(console.note, console.restore_terminal) if polite else nullcontext():
            code = body(*given.args, **given.kwargs) or 0
            if polite and code == 0:
                interrupt.check()  # asked for during the last step: the command is done, the chain ends
            return code
    except (KeyboardInterrupt, InterruptedByUser) as stop:
        return errors.show_interrupted(stop, _how_to_go_on(given) if polite else "", as_json=as_json)
    except HalabError as error:
        return errors.show(error, as_json=as_json)
    except BrokenPipeError:  # '| head' has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last stop: nothing may end in a traceback
        if isinstance(error, PermissionError) and os.geteuid() != 0:
            where = str(error.filename or error)
            return errors.show(RefusedError("you may not read or change this", where=where, remedy=_with_root()),
                               as_json=as_json)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f"{error.filename or home()}: {os.strerror(error.errno)}"
            full = HostError("the disk is full", where=where, remedy="make room on that disk, then the same command")
            return errors.show(full, as_json=as_json)
        return errors.show_unexpected(error, as_json=as_json)


def _refuse_lacking(given: inspect.BoundArguments) -> None:
    """RefusedError for options that have no default and were not typed: invoke passes None for them."""
    known = given.signature.parameters.values()
    lacking = [one.name for one in known if one.default is one.empty and given.arguments[one.name] is None]
    if lacking:
        typed = shlex.join(sys.argv[1:])
        flags = " and ".join(f"--{word.replace('_', '-')}=..." for word in lacking)
        raise RefusedError(f"this command needs {flags}", where=f"./inv {typed}",
                           remedy=f"./inv --help {typed.split(' ')[0]}")


def _how_to_go_on(given: inspect.BoundArguments) -> str:
    """Every polite command goes on when it is typed again; a lab can also be taken down as it is."""
    again = f"resume: ./inv {shlex.join(sys.argv[1:])}"
    if "name" not in given.arguments:
        return again
    # With a topology file the lab's name is in the file.
    lab = given.arguments["name"] or ("NAME" if given.arguments.get("topology") else "default")
    return f"{again}    take down: ./inv lab.down{options.again({'name': lab})}"


def _with_root() -> str:
    return f"sudo ./inv {shlex.join(sys.argv[1:])}"
