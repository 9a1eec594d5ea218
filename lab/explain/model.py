"""What an explanation is: sentences for a person, each with the words of the cluster that it stands on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """``about`` is a word or two, ``says`` a sentence or two, ``evidence`` lines as a daemon gave them."""

    about: str
    says: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """``answer`` is the one sentence; ``show`` a command with which a person sees for themselves."""

    subject: str
    answer: str
    points: tuple[Point, ...]
    show: str = ""


def listed(words: list[str] | tuple[str, ...], last: str = "and") -> str:
    """'n1', 'n1 and n2', 'n1, n2 and n3'; 'nobody' for none."""
    if len(words) < 2:
        return words[0] if words else "nobody"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
