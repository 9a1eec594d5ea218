"""The one family of errors that halab raises on purpose.

Each says what is wrong, where, and what to try.  The command line renders them
in three short lines; anything else that escapes is a bug and goes to the debug log.
Exit codes: 0 done or PASS, 1 FAIL, 2 refused input, 3 INVALID, 4 broken infrastructure.
"""

from __future__ import annotations


class HalabError(Exception):
    """What is wrong, where it was seen, and what a person can try.

    ``what`` is one sentence, ``where`` a file, line, node or command (may be empty),
    ``remedy`` the next thing to type or to change.
    """

    exit_code = 4

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.remedy:
            parts.append(f"try: {self.remedy}")
        return "\n".join(parts)


class RefusedError(HalabError, ValueError):
    """Input that halab will not act on; nothing has been touched."""

    exit_code = 2


class NotFoundError(RefusedError, LookupError):
    """A lab, node, image, scenario or run that does not exist."""


class CapabilityError(RefusedError):
    """The driver or this host lacks something that the request needs."""


class NothingThereError(RefusedError):
    """Nothing in this lab answers to what the request wants to act on, at this moment."""


class HostError(HalabError, OSError):
    """A command on the host failed; ``where`` holds the command and its last words."""


class NodeError(HalabError):
    """A command inside a node failed, or the node cannot be reached."""


class DeadlineError(HalabError, TimeoutError):
    """Something did not become true in time; ``what`` says what was waited for."""


class InterruptedByUser(HalabError, InterruptedError):
    """Ctrl-C: the running step was finished and recorded; nothing was destroyed."""

    exit_code = 130
