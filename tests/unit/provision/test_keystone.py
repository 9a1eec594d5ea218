"""Keystone's schema and endpoints are brought to the plan from whatever an interruption, or a person, left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daemons import keystone
from lab.errors import NodeError
from lab.node import crm
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.secrets import Placeholders
from provision.image import recipe
from provision.roles.keystone import ROLE

PLAN = make_plan(topology_from_options(style="mixed", api=True))
CORE = PLAN.cluster("core")
GOOD = "\n".join(("public\thttp://10.66.1.200:5000/v3\t1", "internal\thttp://10.66.1.201:5000/v3\t1",
                  "admin\thttp://10.66.1.201:5000/v3\t1")) + "\n"


class Shell:
    """A database that answers with fixed words, and a note of who was told what."""

    def __init__(self, tables: str, versions: str = "1", endpoints: str = "") -> None:
        self._said = {keystone.TABLES: tables, keystone.VERSIONS: versions, keystone.ENDPOINTS: endpoints}
        self.done: list[tuple[str, str]] = []

    def run(self, node: str, command: str, stdin: str = "", **_: Any) -> SimpleNamespace:
        if stdin in self._said:
            return SimpleNamespace(stdout=self._said[stdin] + "\n")
        self.done.append((node, stdin if command.startswith("mariadb") else command))
        return SimpleNamespace(stdout="")


def lab(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(crm, "reachable", lambda _lab, cluster: cluster.nodes[0])
    return SimpleNamespace(plan=PLAN, shell=shell, secrets=Placeholders())


@pytest.mark.parametrize(("tables", "versions", "dropped"), [
    ("0", "", True),  # a database that was never synced
    ("1", "", True),  # half of the first step: there is no record of a version yet
    ("2", "0", True),  # the record is there, and nothing in it
    ("2", "1", False)])  # the endpoints alone are missing
def test_half_a_schema_is_made_again(tables: str, versions: str, dropped: bool,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(tables, versions)
    (change,) = ROLE.converge(lab(shell, monkeypatch), CORE)
    assert change.kind == "database" and ("schema" in change.what) is dropped
    assert any("DROP DATABASE" in what for _, what in shell.done) is dropped
    orders = [what.split()[0:9] for node, what in shell.done if node == "core1"]
    assert [what for node, what in shell.done if node == "core1"][:2] == [keystone.WAIT, keystone.SYNC]
    assert "bootstrap" in " ".join(what for _, what in shell.done) and len(orders) == 3
    assert {node for node, what in shell.done if "GRANT" in what} == {"db1"}


def test_no_password_is_on_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell("0")
    ROLE.converge(lab(shell, monkeypatch), CORE)
    assert not [what for node, what in shell.done if node == "core1" and "password-of" in what]


@pytest.mark.parametrize("found", [
    GOOD.replace("10.66.1.200", "10.66.1.11"), GOOD.replace("\t1\n", "\t0\n", 1), GOOD + GOOD.splitlines()[0] + "x\n",
    ""])
def test_endpoints_that_are_not_the_plan_s_are_replaced(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell("2", "1", found.rstrip("\n"))
    (change,) = ROLE.differences(lab(shell, monkeypatch), CORE)
    assert change.what == "Keystone's endpoints"
    ROLE.converge(lab(shell, monkeypatch), CORE)
    assert keystone.FORGET_ENDPOINTS in [what for _, what in shell.done]


def test_what_is_as_planned_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell("2", "1", GOOD.rstrip("\n"))
    assert ROLE.converge(lab(shell, monkeypatch), CORE) == [] and shell.done == []
    assert ROLE.converge(lab(Shell("0"), monkeypatch), PLAN.cluster("db")) == []


def test_a_database_that_does_not_answer_is_no_missing_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def run(self, *_: Any, **__: Any) -> None:
            raise NodeError("no answer")

    with pytest.raises(NodeError):
        ROLE.differences(lab(Silent(), monkeypatch), CORE)  # type: ignore[arg-type]


def test_the_image_has_it_only_for_labs_that_do() -> None:
    assert "python3-keystone" not in recipe().packages and "adduser" not in recipe().script
    with_api = recipe(services=PLAN.services)
    assert "python3-keystone" in with_api.packages and with_api.key != recipe().key
    assert recipe(services=make_plan(topology_from_options()).services).key == recipe().key
