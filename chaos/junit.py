"""Verdicts as JUnit XML, which every CI system can show: one test case for each run.

FAIL is a failure, INVALID and BROKEN are errors: the first is news about the cluster, the others
about the measurement.  A verdict that its scenario expects is neither.  Each window and phase is a property in seconds.
A run that a stopped suite is still to make is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from chaos.model import Result
from chaos.verdict import Verdict

JUNIT_FILE = "junit.xml"


def write(folder: Path, suite: str, verdicts: Iterable[Verdict], *, missing: Sequence[str] = (), why: str = "") -> Path:
    """Write ``junit.xml`` into ``folder``, whole or not at all; returns its path.

    ``missing`` are the runs that there were not, ``why`` says so.
    """
    path = folder / JUNIT_FILE
    temporary = folder / (JUNIT_FILE + ".new")
    tree = ElementTree.ElementTree(document(suite, list(verdicts), missing, why))
    ElementTree.indent(tree)
    tree.write(temporary, encoding="utf-8", xml_declaration=True)
    temporary.replace(path)
    return path


def document(suite: str, verdicts: list[Verdict], missing: Sequence[str] = (), why: str = "") -> Element:
    """``testsuites`` with one ``testsuite``; times are seconds from the fault to full redundancy."""
    root = Element("testsuites")
    results = [one.counted for one in verdicts]
    body = SubElement(root, "testsuite", name=suite, tests=str(len(verdicts) + len(missing)),
                      failures=str(results.count(Result.FAIL)),
                      errors=str(results.count(Result.INVALID) + results.count(Result.BROKEN)),
                      skipped=str(len(missing)))
    for verdict in verdicts:
        _case(body, suite, verdict)
    for name in missing:
        case = SubElement(body, "testcase", classname=suite, name=name, time=_number(0.0))
        SubElement(case, "skipped", message=f"not run: {why}")
    return root


def _case(suite: Element, name: str, verdict: Verdict) -> None:
    case = SubElement(suite, "testcase", classname=name, name=verdict.scenario,
                      time=_number(verdict.converged_seconds or 0.0))
    properties = SubElement(case, "properties")
    SubElement(properties, "property", name="run", value=str(verdict.run_dir.name))
    SubElement(properties, "property", name="target", value=" ".join(verdict.target))
    SubElement(properties, "property", name="verdict", value=verdict.word)
    for service, window in verdict.windows.items():
        SubElement(properties, "property", name=f"window.{service}", value=_number(window.seconds))
    for phase in verdict.phases:
        if phase.at is not None and verdict.inject_begin is not None:
            SubElement(properties, "property", name=f"phase.{phase.name.replace(' ', '_')}",
                       value=_number(phase.at - verdict.inject_begin))
    if verdict.kept:
        return
    broken = [one for one in verdict.findings if not one.ok]
    kind = "failure" if verdict.counted is Result.FAIL else "error"
    told = SubElement(case, kind, type=verdict.result.value,
                      message=verdict.error or ", ".join(f"{one.id} {one.title}" for one in broken)
                      or f"{verdict.expect.value} was expected")
    told.text = "\n".join(f"{one.id} {one.title}: {one.evidence}" for one in broken)


def _number(seconds: float) -> str:
    return f"{seconds:.3f}"
