"""Progress on standard error, results on standard output."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from cli import console
from cli.live import LiveProgress
from lab.state.events import Event, EventLog


def test_plain_lines() -> None:
    out = io.StringIO()
    plain = console.PlainProgress(out)
    now = plain._begun
    for event in (
        Event(now, "step.start", "", {"step": "network"}),
        Event(now, "step.start", "n1", {"step": "boot"}),  # one line for each node is enough
        Event(now + 1.26, "step.end", "n1", {"step": "boot", "seconds": 1.26}),
        Event(now + 2, "gate.ok", "", {"gate": "galera", "seconds": 0.5, "detail": "3/3 Synced"}),
        Event(now + 3, "gate.fail", "", {"gate": "vip", "seconds": 1, "detail": "nobody holds public"}),
        Event(now + 4, "step.fail", "n2", {"step": "boot", "seconds": 4, "error": "no login"}),
        Event(now + 5, "power.off", "n1", {}),
        Event(now + 6, "fault.inject", "n3", {"fault": "node.poweroff", "id": "ab12"}),
        Event(now + 7, "fault.heal", "n3", {"fault": "node.poweroff", "id": "ab12"}),
    ):
        plain(event)
    assert out.getvalue() == (
        "    0.0s  network ...\n"
        "    1.3s  n1: boot done (1.3 s)\n"
        "    2.0s  gate galera holds (0.5 s): 3/3 Synced\n"
        "    3.0s  gate vip DOES NOT HOLD (1.0 s): nobody holds public\n"
        "    4.0s  n2: boot FAILED (4.0 s): no login\n"
        "    6.0s  fault: node.poweroff on n3\n"
        "    7.0s  healed: node.poweroff on n3\n"
    )


def test_progress_off_a_terminal_is_plain_and_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log = EventLog(None)
    with console.progress() as listener:
        log.subscribe(listener)
        with log.step("network"):
            pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("network") == 2
    assert "\033" not in shown.err


def test_live_view_shows_what_runs_and_for_how_long() -> None:
    out = io.StringIO()
    screen = Console(file=out, force_terminal=True, width=80, height=24, color_system=None)
    view = LiveProgress(screen)
    view(Event(time.time() - 12, "step.start", "n1", {"step": "boot"}))
    view(Event(time.time() - 5, "step.start", "n2", {"step": "boot"}))
    view(Event(time.time(), "step.end", "n2", {"step": "boot", "seconds": 5.0}))
    screen.print(view)
    assert "n2: boot done (5.0 s)" in out.getvalue()
    last = out.getvalue().splitlines()[-1]
    assert last.split() == ["12.0s", "n1", "boot"]


@pytest.mark.parametrize(
    ("no_color", "term", "expected"), [("", "xterm", True), ("1", "xterm", False), ("", "dumb", False)]
)
def test_colour(no_color: str, term: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    assert console.colours(Terminal()) is expected
    assert not console.colours(io.StringIO())


def test_shortening_never_cuts_a_number_in_two() -> None:
    assert console.shorten("away for 12.34 s", 16) == "away for 12.34 s"
    assert console.shorten("away for 12.34 s", 15) == "away for ..."
    assert console.shorten("incomprehensibilities", 10) == "incompr .."


def test_table_is_aligned_and_has_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(("NODE", "POWER"), [("n1", "on"), ("controller", "")])
    assert capsys.readouterr().out == "NODE        POWER\nn1          on\ncontroller\n"
