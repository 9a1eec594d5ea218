"""'Did you mean': the ending of every error about a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown ``word``: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.55)
    if near:
        return f"did you mean '{near[0]}'?"
    return "one of: " + ", ".join(names) if names else "there are none yet"
