"""Scenario files: those that come with halab, and what is said about wrong ones.

The golden file holds one error per mistake; ``HALAB_UPDATE_GOLDEN=1 pytest ...`` writes it anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from chaos.probes import traits
from chaos.scenario import FOLDER, Inject, list_scenarios, load_scenario
from lab.errors import NotFoundError, RefusedError

GOLDEN = Path(__file__).parent / "golden" / "scenario-errors.txt"
GOOD = """\
name: example
description: One server is killed.
teaches: Who notices first.
needs:
  nodes: 3
workload:
  probes: [sql_write]
  period: 0.05
steps:
  - steady: {seconds: 5}
  - inject: {fault: proc.kill, target: galera_writer, params: {process: mariadbd}}
  - wait: {phase: vip_moved, within: 30}
  - hold: {seconds: 10}
  - heal
  - converge: {within: 120}
sla:
  sql_write: bound + 2s
  "*": 6
  converged: 120
"""
# What is mistaken, and for what: (title, right, wrong)
MISTAKES = (
    ("a step that does not exist", "- hold:", "- hodl:"),
    ("a setting that does not exist", "{seconds: 10}", "{secs: 10}"),
    ("a number that is none", "{seconds: 10}", "{seconds: ten}"),
    ("a hold without an end", "{seconds: 10}", "{seconds: .inf}"),
    ("a hold after all is over", "- converge: {within: 120}", "- converge: {within: 120}\n  - hold: {seconds: 5}"
     "\n  - steady: {seconds: 5}"),
    ("a step with two words", "- hold: {seconds: 10}", "- {hold: {seconds: 10}, heal: {}}"),
    ("an unknown fault", "proc.kill", "proc.kil"),
    ("an unknown process", "mariadbd", "mariadb"),
    ("a missing parameter", ", params: {process: mariadbd}", ""),
    ("an unknown selector", "galera_writer", "galera_writter"),
    ("an unknown phase", "vip_moved", "vip_move"),
    ("an unknown key", "teaches:", "teeches:"),
    ("an unknown key in needs", "nodes: 3", "node: 3"),
    ("too few nodes", "nodes: 3", "nodes: 2"),
    ("an unknown probe", "[sql_write]", "[sql_wrte]"),
    ("an unknown service", "  sql_write: bound + 2s", "  sql_wrte: bound + 2s"),
    ("an unreadable promise", "bound + 2s", "bound plus two"),
    ("a window promised as a share", "  sql_write: bound + 2s", "  sql_write: 2 %"),
    ("a latency promised in seconds", "  sql_write: bound + 2s", "  latency.sql_write: 2s"),
    ("an error budget that is none", "  sql_write: bound + 2s", "  errors: few"),
    ("an expected FAIL that nobody finds", "  converged: 120\n", "  converged: 120\nexpect: {verdict: FAIL}\n"),
    ("an expected FAIL by nobody known", "  converged: 120\n",
     "  converged: 120\nexpect: {verdict: FAIL, checks: [S33]}\n"),
    ("a FAIL that may be found by nobody known", "  converged: 120\n",
     "  converged: 120\nexpect: {verdict: FAIL, checks: [S3], also: [S33]}\n"),
    ("a FAIL that only may be found", "  converged: 120\n", "  converged: 120\nexpect: {also: [S3]}\n"),
    ("an expectation that proves nothing", "  converged: 120\n",
     "  converged: 120\nexpect: {verdict: INVALID, checks: [V1]}\n"),
    ("no heal", "  - heal\n", ""),
    ("no baseline", "  - steady: {seconds: 5}\n", ""),
    ("an argument that is missing", "galera_writer", "minority"),
    ("an argument that is none", "galera_writer", "minority(two)"),
    ("an argument too many", "galera_writer", "galera_writer(x)"),
    ("a queue that is Erlang", "galera_writer", "'mq_leader(a\">>), halt().)'"),
    ("a queue that is Erlang, inside", "galera_writer", "'not(mq_leader(a b))'"),
    ("a fault that is held longer than it lasts",
     "fault: proc.kill, target: galera_writer, params: {process: mariadbd}}\n  - wait: {phase: vip_moved, within: 30}\n"
     "  - hold: {seconds: 10}",
     "fault: db.desync, target: galera_writer}\n  - wait: {phase: vip_moved, within: 30}\n  - hold: {seconds: 511}"),
    ("an unknown selector inside", "galera_writer", "not(vip_holdr)"),
    ("a promise to a client that does not work", "sla:\n", "sla:\n  errors.sql_bank: 3\n"),
    ("no fault", GOOD[GOOD.index("  - inject"):GOOD.index("  - wait")], ""),
    ("a fault after the heal", "  - heal\n", "  - heal\n  - inject: {fault: node.freeze, target: n1}\n"),
    ("no steps", GOOD[GOOD.index("steps:"):GOOD.index("sla:")], ""),
    ("broken YAML", "steps:", "steps: {"),
)


def error_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(RefusedError) as caught:
        load_scenario(path)
    return str(caught.value)


def test_the_example_itself_is_right(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(GOOD)
    scenario = load_scenario(path)
    assert [step.word for step in scenario.steps] == ["steady", "inject", "wait", "hold", "heal", "converge"]
    assert scenario.injections == (
        Inject(fault="proc.kill", target="galera_writer", params={"process": "mariadbd"}),)
    assert [fault.name for fault in scenario.faults] == ["proc.kill"] and scenario.source == path
    assert scenario.sla == {"sql_write": "bound + 2s", "*": 6, "converged": 120}


def test_errors_name_file_line_and_remedy(tmp_path: Path) -> None:
    told = []
    for title, right, wrong in MISTAKES:
        assert right in GOOD, title
        words = error_of(tmp_path, GOOD.replace(right, wrong))
        if "unknown" in title:  # the whole list grows with every new file
            words = re.sub(r"Possible: .*", "Possible: ...", words)
        told.append(f"# {title}\n{words}\n")
    text = "\n".join(told)
    if os.environ.get("HALAB_UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_unknown_names_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        load_scenario("vip-holder-powerof")
    assert "did you mean vip-holder-poweroff?" in caught.value.remedy
    with pytest.raises(NotFoundError) as gone:
        load_scenario(tmp_path / "gone.yml")
    assert gone.value.where == "gone.yml" and "ls chaos/scenarios/" in gone.value.remedy


def test_it_is_told_as_chaos_run_takes_it(tmp_path: Path) -> None:
    """The page said "chaos.run mine" of a file of one's own, which chaos.run refuses."""
    path = tmp_path / "my own.yml"
    path.write_text(GOOD)
    assert load_scenario(path).given == str(path)
    assert load_scenario("vip-holder-poweroff").given == "vip-holder-poweroff"
    assert load_scenario(FOLDER / ".." / "scenarios" / "vip-holder-poweroff.yml").given == "vip-holder-poweroff"


def test_what_lasts_by_itself_may_be_held_for_long(tmp_path: Path) -> None:
    """A killed server has no timer of its own; and a queue may be named."""
    path = tmp_path / "mine.yml"
    path.write_text(GOOD.replace("{seconds: 10}", "{seconds: 3600}"))
    assert load_scenario(path).injections
    path.write_text(GOOD.replace("galera_writer", "mq_leader(halab-probe.1_x)"))
    assert load_scenario(path).injections[0].target == "mq_leader(halab-probe.1_x)"


@pytest.mark.parametrize("params", ["{seconds: 29}", "{seconds: 1}"])
def test_a_load_outlasts_its_hold(tmp_path: Path, params: str) -> None:
    """One that is over when the hold begins would be held for nothing; its two proofs take a moment as well."""
    load = GOOD.replace("proc.kill", "res.io").replace("{process: mariadbd}", "{seconds: 30}")
    load = load.replace("  - wait: {phase: vip_moved, within: 30}\n", "")
    path = tmp_path / "mine.yml"
    path.write_text(load)
    assert load_scenario(path).injections[0].params == {"seconds": 30}
    path.write_text(load.replace("{seconds: 30}", params))
    with pytest.raises(RefusedError, match="ends by itself") as caught:
        load_scenario(path)
    assert "more 'seconds' of the load" in caught.value.remedy


def test_every_client_of_every_scenario_has_a_promise() -> None:
    """What nothing was promised for breaks no promise."""
    for one in list_scenarios():
        clients = {name for name in one.workload.probes if not traits(name).observer}
        assert "*" in one.sla or clients <= set(one.sla), one.name
        assert "converged" in one.sla and one.teaches.strip() and one.description.strip(), one.name


def test_our_own_scenarios() -> None:
    scenarios = {one.name: one for one in list_scenarios()}
    assert set(scenarios) >= {"vip-holder-poweroff", "vip-holder-isolated", "vip-holder-frozen",
                              "galera-writer-killed"}
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(scenarios)
    for scenario in scenarios.values():
        assert scenario.teaches and scenario.description and "converged" in scenario.sla
        assert load_scenario(scenario.name) == scenario
