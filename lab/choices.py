"""Answering a word that is not one of the possible ones: the list, and the likely intention."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from lab.errors import RefusedError

_LISTED = 30  # choices
_LONGEST = 80  # characters of somebody's word


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``word`` most likely stands for, or None if it resembles none."""
    by_lower = {choice.lower(): choice for choice in choices}
    matches = get_close_matches(word.lower(), by_lower, n=1)
    if not matches and len(word) > 1:
        matches = [choice for choice in by_lower if choice.startswith(word.lower())]
    return by_lower[matches[0]] if matches else None


def on_one_line(word: object) -> str:
    """Somebody's word as an error repeats it: without line breaks and control characters, and not for pages."""
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(word)[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def unknown_choice(kind: str, word: object, choices: Iterable[str], *, where: str = "") -> RefusedError:
    """The error for a ``word`` that is not one of ``choices``; ``kind`` is a noun such as "style"."""
    known = list(choices)
    guess = did_you_mean(str(word), known)
    listed = ", ".join(known) or "(there is none)"
    if guess and len(known) > _LISTED:  # nobody reads them all
        near = get_close_matches(str(word).lower(), known, n=5, cutoff=0.4)
        listed = f"{', '.join(near or [guess])} and others"
    remedy = f"did you mean {guess}? Possible: {listed}" if guess else f"one of: {listed}"
    return RefusedError(f"There is no {kind} '{on_one_line(word)}'.", where=where, remedy=remedy)
