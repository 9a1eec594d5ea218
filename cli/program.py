"""invoke's program with halab's exit codes: what is mistyped is 2, not 1 (which means FAIL)."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from invoke.config import Config
from invoke.exceptions import Exit
from invoke.parser import ParseError
from invoke.program import Program

from cli import errors
from lab.choices import did_you_mean
from lab.errors import RefusedError


class HalabConfig(Config):  # type: ignore[misc]
    """No configuration of invoke's own: it would change commands behind the person's back,
    and ``sudo`` without a login keeps a home directory that cannot be read."""

    def load_base_conf_files(self) -> None:
        pass


class HalabProgram(Program):  # type: ignore[misc]  # invoke is not checked, see pyproject.toml
    """Differs from ``invoke`` only where a person would be left alone."""

    def parse_core(self, argv: list[str] | None) -> None:
        with self._refusing():
            _refuse_empty(sys.argv if argv is None else argv)
            super().parse_core(argv)
        # invoke would leave our modules uncompiled, and each start slower than the first.
        sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))

    def parse_tasks(self) -> None:
        self._help_after_a_command()
        with self._refusing():
            _refuse_twice(self.core.unparsed, self.collection.task_names)
            super().parse_tasks()

    def _help_after_a_command(self) -> None:
        """``chaos.suite --help``: invoke would take the option for what must be typed."""
        words = self.core.unparsed
        asked = min((words.index(flag) for flag in ("--help", "-h") if flag in words), default=0)
        tasks = [word for word in words[:asked] if word in self.collection.task_names]
        if tasks:
            self.core.unparsed = []
            self.args.help.value = tasks[-1]

    def parse_cleanup(self) -> None:
        with self._refusing():
            super().parse_cleanup()

    def print_task_help(self, name: str) -> None:
        """What a person must type comes first, in capitals; invoke shows it as one option among others."""
        context = self.parser.contexts[name]
        needed = [argument.name for argument in context.positional_args]
        flags = [f"--{word.replace('_', '-')}" for word in needed]
        options = [pair for pair in context.help_tuples() if pair[0].split("=")[0] not in flags]
        usage = " ".join(["./inv", name, *(word.upper() for word in needed), *(["[options]"] if options else [])])
        print(f"Usage: {usage}\n\n{self.leading_indent}{inspect.getdoc(self.collection[name]) or ''}\n")
        rows = [(word.upper(), context.help_for(flag)[1]) for word, flag in zip(needed, flags, strict=True)]
        rows += [(flag.replace("=STRING", "=...").replace("=INT", "=N"), text) for flag, text in options]
        if rows:
            self.print_columns(rows)

    def execute(self) -> None:
        # 'chaos.run x chaos.run x' is two runs, not one typed twice.
        self.config.tasks.dedupe = False
        super().execute()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except RefusedError as error:
            raise Exit(code=errors.show(error)) from None
        except ParseError as error:
            raise Exit(code=errors.show(self._refusal(error))) from None
        except ValueError as error:  # invoke converts numbers, and lets int() complain
            typed = [word for word in self.argv[1:] if word in self._contexts()]
            refused = RefusedError(
                f"a number is needed, not {str(error).rpartition(': ')[2]}",
                where=" ".join(["./inv", *self.argv[1:]]),
                remedy=f"./inv --help {typed[-1]}" if typed else "./inv --list",
            )
            raise Exit(code=errors.show(refused)) from None

    def _refusal(self, error: ParseError) -> RefusedError:
        """The parser's complaint, with the nearest thing that exists."""
        typed = self.argv[1:]
        unknown = re.match(r"No idea what '(.*)' is!", str(error))
        tasks = [word for word in typed if word in self._contexts()]
        about = f"./inv --help {tasks[-1]}" if tasks else "./inv --list"
        if lacking := re.match(r"'(\S+)' did not receive required positional arguments: (.*)", str(error)):
            words = " and a ".join(word.upper() for word in re.findall(r"\w+", lacking[2]))
            return RefusedError(f"{lacking[1]} needs a {words}", where=" ".join(["./inv", *typed]), remedy=about)
        if bare := re.match(r"Flag <Argument: (\w+)[^>]*> needed value", str(error)):
            return _no_value(f"--{bare[1].replace('_', '-')}", typed, about)
        if not unknown:
            return RefusedError(str(error).rstrip("."), where=" ".join(["./inv", *typed]), remedy=about)
        word = unknown[1]
        if switch := next((flag for flag in self._switches(tasks) if f"{flag}={word}" in typed), None):
            return RefusedError(f"{switch} takes no value", where=" ".join(["./inv", *typed]), remedy=switch)
        flag = word.startswith("-")
        known = (
            [flag for task in tasks for flag in self._contexts()[task]] if flag else list(self._contexts())
        )
        near = did_you_mean(word.split("=")[0], known)
        kind = f"option of {tasks[-1]}" if flag and tasks else "option" if flag else "command"
        return RefusedError(
            f"there is no {kind} '{word}'",
            where=" ".join(["./inv", *typed]),
            remedy=f"did you mean {near}?" if near else about,
        )

    def _switches(self, tasks: list[str]) -> list[str]:
        """The options of these commands that are given or not, and have no value."""
        flags = [pair for task in tasks for pair in self.parser.contexts[task].flags.items()]
        return [flag for flag, argument in flags if not argument.takes_value]

    def _contexts(self) -> dict[str, list[str]]:
        """Every command with its long options."""
        parser = getattr(self, "parser", None)
        if parser is None:
            return {}
        return {
            name: [flag for flag in context.flags if flag.startswith("--")]
            for name, context in parser.contexts.items()
        }


def _refuse_empty(argv: list[str]) -> None:
    """RefusedError for ``--option=`` with nothing behind it: as good as left out, and rarely meant."""
    for word in argv[1:]:
        if re.fullmatch(r"--[a-z][a-z-]*=", word):
            raise _no_value(word[:-1], argv[1:], "./inv --list" if len(argv) < 3 else f"./inv --help {argv[1]}")


def _refuse_twice(words: list[str], commands: Collection[str]) -> None:
    """RefusedError for an option typed twice for one command: invoke would take the second value for a command."""
    seen: set[str] = set()
    for word in words:
        option = word.partition("=")[0]
        if word in commands:
            seen = set()
        elif re.fullmatch(r"--[a-z][a-z-]*", option):
            if option in seen:
                raise RefusedError(f"{option} is given twice", where=" ".join(["./inv", *words]),
                                   remedy="each option once")
            seen.add(option)


def _no_value(flag: str, typed: list[str], about: str) -> RefusedError:
    return RefusedError(f"{flag} needs a value", where=" ".join(["./inv", *typed]), remedy=about)


def main(argv: list[str] | None = None, exit_with: Callable[[int], None] = sys.exit) -> None:
    """Run the command line; invoke leaves by ``sys.exit``."""
    program = HalabProgram(
        name="halab", binary="./inv", binary_names=["inv"], version="0.1.0", config_class=HalabConfig
    )
    try:
        program.run(argv)
    except BrokenPipeError:  # ./inv ... | head: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    exit_with(0)
