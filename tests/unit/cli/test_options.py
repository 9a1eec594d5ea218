"""Options mean the same everywhere, and a wrong value is answered with the right ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from cli import options
from cli.planning import Request
from lab.errors import RefusedError
from lab.plan import Style, topology
from lab.plan.profiles import profile_names
from lab.plan.topology import topology_from_options
from lab.state.home import LabPaths


def test_the_words_here_are_the_models() -> None:
    assert get_args(Style) == options.STYLES
    assert all(name in options.HELP["profile"] for name in profile_names())


def test_every_option_that_describes_a_lab_is_a_topology_s_key_and_has_its_help() -> None:
    words = {field.name for field in dataclasses.fields(Request)}
    assert words - {"topology"} <= set(topology.Topology.model_fields)
    assert words <= set(options.HELP)


def test_the_next_command_repeats_what_was_asked() -> None:
    assert Request(style="mixed", allow_large=True, name="default").again() == " --style=mixed --allow-large"


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("1h", 3600)])
def test_durations(text: str, seconds: float) -> None:
    assert options.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "1d", "1m30s", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        options.seconds(text)
    assert caught.value.where == f"--timeout={text}"


def test_choice_with_a_near_miss() -> None:
    with pytest.raises(RefusedError) as caught:
        options.choice("tier", "units", options.TIERS)
    assert caught.value.what == "There is no tier 'units'."
    assert "did you mean unit?" in caught.value.remedy
    assert caught.value.where == "--tier=units"


def test_choice_far_from_everything_still_lists() -> None:
    with pytest.raises(RefusedError) as caught:
        options.choice("format", "xyzzy", options.FORMATS)
    assert caught.value.remedy == "one of: table, json"


@pytest.mark.parametrize("bad", ["", "Lab", "../x", "a/b", "1st", "a.b", "a" * 17, "lab\n"])
def test_names_that_cannot_be_are_refused_the_same_way_everywhere(bad: str) -> None:
    said = set()
    for refuse in (options.name, LabPaths.of, lambda word: topology_from_options(name=word or " ")):
        with pytest.raises(RefusedError) as caught:
            refuse(bad)
        said.add((caught.value.what.replace("' '", "''"), caught.value.remedy))
    assert len(said) == 1


def test_a_name_that_can_be() -> None:
    for name in ("a", "lab-1", "a" * 16):
        assert options.name(name) == name and LabPaths.of(name).root.name == name
        assert topology_from_options(name=name).name == name


def test_paths_are_relative_to_where_the_person_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALAB_CWD", str(tmp_path))
    assert options.path("x/t.yml") == tmp_path / "x/t.yml"
    assert options.path("/abs.yml") == Path("/abs.yml")
    monkeypatch.delenv("HALAB_CWD")
    assert options.path("t.yml") == Path.cwd() / "t.yml"


def test_scenarios_are_names_or_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_CWD", "/somewhere")
    assert options.scenario("vip-holder-poweroff") == "vip-holder-poweroff"
    assert options.scenario("mine.yml") == Path("/somewhere/mine.yml")


def test_options_of_the_next_command() -> None:
    given = {"name": "default", "style": "mixed", "nodes": "", "topology": "my lab.yml", "allow-large": True}
    assert options.again(given) == " --style=mixed '--topology=my lab.yml' --allow-large"
