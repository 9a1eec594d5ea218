"""What a requirement is, and what can be said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.plan import Plan
from provision.verify.facts import LabFacts

_NAMED = 3  # problems that are spelt out; the others are counted


class Result(StrEnum):
    """``unproven``: nothing contradicts it, and only a fault that nobody has recorded yet can prove it."""

    PASS = "pass"
    FAIL = "fail"
    NOT_DEPLOYED = "not deployed"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class Judgement:
    """``evidence`` is what was asked and what was answered, shortened; ``remedy`` what to type next."""

    result: Result
    evidence: str
    remedy: str = ""


@dataclass(frozen=True)
class Requirement:
    """One line of the reference.  ``sentence`` is what must hold, ``how`` what is looked at."""

    id: str
    sentence: str
    how: str
    judge: Callable[[Plan, LabFacts], Judgement]


@dataclass(frozen=True)
class Finding:
    """What one requirement came to on one lab."""

    id: str
    result: Result
    sentence: str
    evidence: str
    remedy: str = ""


def passed(evidence: str) -> Judgement:
    return Judgement(Result.PASS, evidence)


def not_deployed(why: str) -> Judgement:
    """The lab does not have what the requirement speaks of."""
    return Judgement(Result.NOT_DEPLOYED, why)


def unproven(evidence: str, remedy: str) -> Judgement:
    return Judgement(Result.UNPROVEN, evidence, remedy)


def judged(problems: Sequence[str], evidence: str, remedy: str = "") -> Judgement:
    """Fail with the problems, or pass with the evidence."""
    if not problems:
        return passed(evidence)
    more = f" (and {len(problems) - _NAMED} more)" if len(problems) > _NAMED else ""
    return Judgement(Result.FAIL, "; ".join(problems[:_NAMED]) + more, remedy)
