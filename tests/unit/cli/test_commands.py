"""The whole command line, as a person's shell runs it, without root and without a lab."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path

import pytest
from halab import ROOT, halab

from cli.program import main

GOLDEN = Path(__file__).parent / "golden"

# What a person mistypes -> the file that holds the answer.
MISTYPED = {
    "command": ["lab.upp"],
    "option": ["lab.up", "--stile=mixed"],
    "style": ["lab.plan", "--style=mixd"],
    "profile": ["lab.plan", "--profile=tunned"],
    "driver": ["lab.plan", "--driver=qemu"],
    "nodes": ["lab.plan", "--nodes=three"],
    "two-nodes": ["lab.plan", "--nodes=2"],
    "format": ["lab.styles", "--format=yaml"],
    "name": ["lab.events", "--name=My_Lab"],
    "no-lab": ["lab.events", "--name=other"],
    "no-file": ["lab.plan", "--topology=no-such.yml"],
    "scenario": ["chaos.show", "vip-holder-powerof"],
    "no-scenario": ["chaos.run"],
    "tier": ["test", "--tier=fast"],
    "number": ["lab.logs", "--lines=many"],
    "no-value": ["lab.up", "--nodes"],
    "empty-value": ["lab.up", "--style=", "--nodes=5"],
    "lacking": ["lab.scale", "--nodes=5"],
    "twice": ["lab.plan", "--nodes=3", "--style=mixed", "--nodes=5"],
    "twice-in-a-chain": ["lab.styles", "lab.plan", "--qdevice", "--qdevice"],
    "switch-with-a-value": ["lab.plan", "--qdevice=yes"],
}


@pytest.mark.parametrize("case", MISTYPED)
def test_mistyped(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # In this process, unlike the rest: none of these gets as far as a library, and starts are slow.
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("HALAB_CWD", "/nowhere")
    argv = ["./inv", *MISTYPED[case]]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as end:
        main(argv)
    shown = capsys.readouterr()
    assert end.value.code == 2, shown.err
    assert shown.out == ""
    assert shown.err == (GOLDEN / f"{case}.txt").read_text()


@pytest.mark.parametrize("words", [["--help", "lab.exec"], ["lab.exec", "--help"], ["lab.exec", "n1", "-h"]])
def test_help_begins_with_what_must_be_typed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["./inv", *words])
    assert not end.value.code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Usage: ./inv lab.exec NODE LINE [options]"
    rows = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert rows[1:3] == ["NODE", "LINE"] and "--timeout=..." in rows and "--node=..." not in rows


@pytest.mark.parametrize(
    "words",
    [
        ["lab.plan", "--style=mixed"],
        ["lab.styles"],
        ["lab.list"],
        ["chaos.list"],
        ["chaos.show", "vip-holder-poweroff"],
        ["image.list"],
    ],
)
def test_json_is_the_only_thing_on_standard_output(words: list[str]) -> None:
    done = halab(*words, "--format=json")
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr.splitlines()[-1].startswith("next: ./inv ")


def test_json_of_a_refusal() -> None:
    done = halab("lab.plan", "--nodes=2", "--format=json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["exit_code"] == 2


def test_plan_has_what_others_build_on() -> None:
    plan = json.loads(halab("lab.plan", "--style=segregated", "--format=json").stdout)
    assert {"clusters", "nodes", "vips", "warnings", "memory_mb", "disk_mb"} <= plan.keys()
    assert len(plan["nodes"]) == 12


def test_topology_is_found_where_the_person_stands(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("name: mine\nstyle: mixed\nnodes: 6\n")
    stands = {"HALAB_CWD": str(tmp_path)}
    done = halab("lab.plan", "--topology=mine.yml", "--format=json", env=stands)
    assert json.loads(done.stdout)["lab"] == "mine"


def test_the_next_command_repeats_the_options() -> None:
    done = halab("lab.plan", "--style=mixed", "--name=demo")
    assert done.stderr.splitlines()[-1] == "next: ./inv lab.up --name=demo --style=mixed"


def test_commands_are_chained_and_a_failure_ends_the_chain() -> None:
    done = halab("lab.styles", "chaos.show", "nothing-like-it", "lab.list")
    assert done.returncode == 2
    assert "collapsed" in done.stdout
    assert "labs" not in done.stdout


def test_the_list_is_light() -> None:
    program = (
        "import sys\nsys.path.insert(0, '.')\nimport tasks\n"
        "heavy = {'pydantic', 'rich', 'fabric', 'paramiko', 'jinja2', 'ruamel'} & set(sys.modules)\n"
        "sys.exit(f'imported at once: {heavy}' if heavy else 0)"
    )
    done = halab(program=program)
    assert done.returncode == 0, done.stderr


def test_every_command_and_option_is_documented() -> None:
    import tasks

    text = (ROOT / "docs" / "commands.md").read_text()
    for name, task in tasks.namespace.task_names.items():
        assert name == name.strip() and f"`{name}" in text, f"docs/commands.md lacks {name}"
        assert task == []  # one name for each command
    everywhere = set(re.findall(r"^\| `(--[a-z-]+)=", text, re.M))
    for name in tasks.namespace.task_names:
        said = _words_about(name, text)
        if "as `lab.plan`" in said:
            said += _words_about("lab.plan", text)
        for argument in tasks.namespace[name].get_arguments():
            assert argument.help, f"{name}: --{argument.name} has no help"
            option = "--" + argument.name.replace("_", "-")
            if not argument.positional and option not in everywhere:
                assert option in said, f"docs/commands.md does not say what {option} of {name} is"


def test_which_commands_end_without_a_next_one() -> None:
    """As docs/commands.md lists them."""
    import tasks

    said = (ROOT / "docs" / "commands.md").read_text().partition("`next:`")[2].partition("\n\n")[0]
    without = {name for name in tasks.namespace.task_names
               if "next_step" not in inspect.getsource(inspect.unwrap(tasks.namespace[name].body))}
    assert without == set(re.findall(r"`([a-z.]+)`", said))


def _words_about(name: str, text: str) -> str:
    return " ".join(line for line in text.splitlines() if line.startswith((f"| `{name}`", f"| `{name} ")))
