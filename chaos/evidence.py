"""What a command on a node says of a fault by its exit status: it is there, it is not, or nobody could be asked.

A daemon that is silent must not pass for one that says no.
"""

from __future__ import annotations

UNASKED = 75  # EX_TEMPFAIL of sysexits.h; grep, awk and ``[`` never end with it
_SAYS = {0: True, 1: False}


def judged(question: str, by: str) -> str:
    """A shell command that ends as the filter ``by`` does, which reads what ``question`` printed.

    It ends with UNASKED when ``question`` fails.
    """
    return f"said=$({question}) || exit {UNASKED}; printf '%s\\n' \"$said\" | {by}"


def holds(exit_code: int) -> bool | None:
    """What an exit status says; None: nobody could be asked, whatever the reason."""
    return _SAYS.get(exit_code)
