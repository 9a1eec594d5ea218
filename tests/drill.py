"""One fault on a real lab, the way a run injects it and ``chaos.heal`` heals it: for the live and the vm tier."""

from __future__ import annotations

from typing import Any

from chaos import journal
from chaos.faults import get_fault
from chaos.model import Proof, Target
from chaos.reach import await_proof
from chaos.selectors import resolve
from lab.lab import Lab


def strike(lab: Lab, name: str, word: str, params: dict[str, Any], *, within: float = 8.0, heal: float = 60.0) -> Proof:
    """Inject, prove, heal, prove.  ``within`` (or what the fault needs), ``heal``: seconds for either proof.

    Returns the first.
    """
    fault = get_fault(name)
    fault.validate(params)
    target = fault.prepare(lab, Target(resolve(lab, word), params, word))
    entry = journal.Journal(lab.paths.journal).arm(name, target)
    try:
        fault.inject(lab, entry.target)
        proof = await_proof(lambda: fault.took_effect(lab, entry.target), max(within, fault.shows_within))
        assert proof.ok, proof.evidence
    finally:
        healed = journal.heal_all(lab, within=heal)
    assert [one.proof.ok for one in healed] == [True], healed
    return proof
