"""Checks: pure functions of a recording.  A new check is one new module here with a ``CHECK``.

A check that does not apply is ``skipped`` with its reason.  A check that DOES apply but lacks
its data must not pass: :func:`unjudged` makes of it a failed validity finding.
"""

from __future__ import annotations

import importlib
import pkgutil

from chaos.model import Check, Finding

_KINDS = ("safety", "liveness", "validity")


def all_checks() -> tuple[Check, ...]:
    """Every check, safety first, then by id."""
    found: list[Check] = []
    for module in pkgutil.iter_modules(__path__):
        check = getattr(importlib.import_module(f"{__name__}.{module.name}"), "CHECK", None)
        if check is not None:
            found.append(check)
    return tuple(sorted(found, key=lambda check: (_KINDS.index(check.kind), check.id)))


def found(check: Check, ok: bool, evidence: str) -> Finding:
    """The check's finding."""
    return Finding(check.id, check.title, check.kind, ok, evidence)


def skipped(check: Check, why: str) -> Finding:
    """The check does not apply to this run."""
    return Finding(check.id, check.title, check.kind, True, f"does not apply: {why}", skipped=True)


def unjudged(check: Check, why: str) -> Finding:
    """The check applies and its data is missing: the run proves nothing about it (INVALID)."""
    return Finding(check.id, check.title, "validity", False, f"cannot be judged: {why}")
