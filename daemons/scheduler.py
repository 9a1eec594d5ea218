"""What Pacemaker's scheduler says (crm_simulate) and its log: scores, what would happen, what happened.

The log file is read and not the journal: it survives a power cut of the node that wrote it.
Formats: ``crm_simulate --output-as=xml`` and pacemaker.log of Pacemaker 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from daemons.pacemaker import LOG, base

SCORES = "crm_simulate --show-scores --live-check --output-as=xml"
# What says who was placed where, what came of it, and who was fenced; all else is noise here.
HISTORY = ("grep -hE 'schedulerd.*Actions: |Calculated transition|Result of (start|stop|promote|demote) |"
           f"Operation .* targeting ' {LOG} | tail -n 600")
_LINE = re.compile(r"(\w{3} +\d+ [\d:.]+) (\S+) (pacemaker-\w+) *\[\d+\] \(\w+\)\s+(\w+): (.*)")
_ACTION = re.compile(r"Actions: (\w+) +([\w:.-]+) +\( *(.*?) *\)(?:  due to (.*))?")
_FENCE = re.compile(r"Actions: Fence \((\w+)\) (\S+) '(.*)'")
_RESULT = re.compile(r"Result of (\w+) operation for ([\w:.-]+) on (\S+): (.*?)(?: \||$)")


@dataclass(frozen=True)
class Line:
    """One line of Pacemaker's log; ``at`` as it is written there, on the clock of ``node``."""

    at: str
    node: str
    daemon: str
    text: str

    def __str__(self) -> str:
        return f"{self.at} {self.node} {self.daemon}: {self.text}"


@dataclass(frozen=True)
class Change:
    """Why a resource came where it is: the scheduler's decision and what became of it; None: not in the log."""

    decided: Line | None
    because: str
    done: Line | None


@dataclass(frozen=True)
class Step:
    """One action that the scheduler would take; ``source`` and ``dest`` are nodes or ''."""

    action: str
    resource: str
    source: str
    dest: str


@dataclass(frozen=True)
class Outlook:
    """What the scheduler itself says would happen after a loss."""

    fenced: tuple[tuple[str, str], ...]  # node, reason
    steps: tuple[Step, ...]


def node_lost(node: str) -> str:
    """The command that asks the scheduler what it would do if ``node`` (a name of the plan) died now."""
    return f"crm_simulate --simulate --node-fail={node} --live-check --output-as=xml"


def simulated(text: str) -> Element:
    """The answer of a ``crm_simulate``; ValueError without one."""
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"Pacemaker gave no answer: {error}") from error


def scores(simulated: Element, resource: str) -> dict[str, str]:
    """The final score of each node for ``resource``; of a clone's instances the highest."""
    found: dict[str, str] = {}
    by_instance: dict[tuple[str, str], str] = {}
    for weight in simulated.iterfind("allocations/node_weight"):
        if base(weight.get("id", "")) == resource:
            # Said several times while the scheduler works; the last word counts.
            by_instance[weight.get("id", ""), weight.get("node", "")] = weight.get("score", "")
    for (_, node), score in by_instance.items():
        if node not in found or number(score) > number(found[node]):
            found[node] = score
    return dict(sorted(found.items()))


def promotion_scores(simulated: Element, resource: str) -> dict[str, str]:
    return {one.get("node", ""): one.get("score", "") for one in simulated.iterfind("allocations/promotion_score")
            if base(one.get("id", "")) == resource}


def number(score: str) -> float:
    """A score as a number; Pacemaker's infinity is a million."""
    return {"INFINITY": 1e6, "-INFINITY": -1e6}.get(score) or float(score or 0)


def outlook(simulated: Element) -> Outlook:
    """The actions of a ``crm_simulate --simulate``."""
    fenced = tuple((one.get("node", ""), one.get("reason", ""))
                   for one in simulated.iterfind("actions/node_action") if one.get("task", "").startswith("Fence"))
    steps = tuple(Step(one.get("action", ""), one.get("resource", ""), one.get("source", one.get("node", "")),
                       one.get("dest", "")) for one in simulated.iterfind("actions/rsc_action"))
    return Outlook(fenced, steps)


def history(logs: Mapping[str, str]) -> list[Line]:
    """The log lines of all nodes in one order; the time is written so that it sorts within a year."""
    found = [Line(*match.group(1, 2, 3, 5)) for text in logs.values() for raw in text.splitlines()
             if (match := _LINE.match(raw))]
    return sorted(found, key=lambda line: _sortable(line.at))


def last_change(lines: list[Line], resource: str, node: str) -> Change:
    """How ``resource`` came to ``node``: the last start or promote that ended well there, and the decision for it."""
    done = None
    for at, line in enumerate(lines):
        result = _RESULT.search(line.text)
        if result and result[1] in ("start", "promote") and (base(result[2]), result[3]) == (resource, node) \
                and result[4] == "ok":
            done = at
    before = lines[:done] if done is not None else lines
    decided = None
    for at, line in enumerate(before):
        action = _ACTION.search(line.text)
        if action and base(action[2]) == resource and node in action[3].split() and action[1] != "Stop":
            decided = at
    if decided is None:
        return Change(None, "", lines[done] if done is not None else None)
    return Change(before[decided], _because(before, decided), lines[done] if done is not None else None)


def _because(lines: list[Line], at: int) -> str:
    """The reason of a decision: its own words, or the fencing that the same transition began with."""
    own = _ACTION.search(lines[at].text)
    if own and own[4]:
        return own[4]
    scheduler = [(index, line) for index, line in enumerate(lines) if line.node == lines[at].node
                 and line.daemon == "pacemaker-schedulerd"]
    for index, line in reversed(scheduler):
        if index >= at:
            continue
        if line.text.startswith("Calculated transition"):
            break
        if fence := _FENCE.search(line.text):
            return f"{fence[2]} had to be fenced: {fence[3]}"
    return ""


def _sortable(at: str) -> tuple[int, int, str]:
    month, day, time = at.split()
    return "JanFebMarAprMayJunJulAugSepOctNovDec".index(month), int(day), time
