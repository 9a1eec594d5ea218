"""``./inv test``: which runs of pytest, how their exit codes add up, and what the last line says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import tiers
from lab.errors import CapabilityError, RefusedError

UNIT, LIVE = ["python", "-m", "pytest", "tests/unit"], ["python", "-m", "pytest", "tests/live"]


class Pytest:
    """Stands in for pytest: ends each run with the next code and keeps what it was told."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.told: list[str] = []

    def __call__(self, argv: list[str], *, cwd: Path, env: dict[str, str]) -> int:
        self.told.append(env[tiers.EARLIER])
        return self.codes.pop(0)


def test_labs_have_the_host_to_themselves() -> None:
    runs, note = tiers.pytest_runs("all", "vip", root=True, cores=2)
    assert [words[3:] for words in runs] == [
        ["-n", "2", "tests/unit", "tests/golden", "-k", "vip"],
        ["tests/live", "-k", "vip"],
    ]
    assert note == ""


@pytest.mark.parametrize(("cores", "words"), [(1, []), (3, ["-n", "3"]), (64, ["-n", "4"])])
def test_one_worker_for_each_core_up_to_four(cores: int, words: list[str]) -> None:
    runs, _ = tiers.pytest_runs("unit", root=False, cores=cores)
    assert [argv[3:] for argv in runs] == [[*words, "tests/unit"]]


def test_without_root_labs_are_left_out_or_refused(tmp_path: Path) -> None:
    runs, note = tiers.pytest_runs("all", root=False)
    assert len(runs) == 1 and "live" in note
    with pytest.raises(RefusedError, match="root"):
        tiers.pytest_runs("live", root=False)
    with pytest.raises(CapabilityError, match="no tests"):
        tiers.pytest_runs("vm", root=True, tests=tmp_path)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((0, 0), 0),
        ((1, 0), 1),  # both runs' codes count, and the second is made in any case
        ((0, 1), 1),
        ((1, 3), 4),  # pytest's internal error
        ((0, 5), 0),  # --only matched nothing in one of them
        ((5, 0), 0),
        ((5, 1), 1),
        ((5, 5), 4),
    ],
)
def test_exit_codes(codes: tuple[int, int], expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.tiers.subprocess.call", Pytest(*codes))
    assert tiers.run_tests([UNIT, LIVE]) == expected


def test_ctrl_c_ends_both(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Pytest(2, 0)
    monkeypatch.setattr("cli.tiers.subprocess.call", fake)
    with pytest.raises(KeyboardInterrupt):
        tiers.run_tests([UNIT, LIVE])
    assert fake.codes == [0]


def test_the_second_run_tells_how_the_first_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Pytest(1, 0)
    monkeypatch.setattr("cli.tiers.subprocess.call", fake)
    tiers.run_tests([UNIT, LIVE])
    assert fake.told == ["", "tests/unit: FAILED"]


def test_pytest_says_it_before_its_closing_line(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((tiers.ROOT / "tests/conftest.py").read_text())
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "."],
        cwd=tmp_path, env={**os.environ, tiers.EARLIER: "tests/unit: FAILED"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    told, closing = done.stdout.splitlines()[-2:]
    assert told == "before this run: tests/unit: FAILED"
    assert closing.startswith("1 passed")
