"""``chaos.bench`` on the screen and as JSON."""

from __future__ import annotations

import json

import pytest

from chaos.bench import Cost, Outage, Precision
from cli.views.precision import precision_view

RESULT = Precision(
    outages={0.5: (Outage(0.5, 0.49, 0.51), Outage(0.5, 0.519, 0.54))},
    costs=(Cost("vip_tcp", False, 0.02, 1000, 1.0, 0.003), Cost("vip_tcp", True, 0.031, 1000, 0.995, 0.02)),
)


def test_errors_are_shown_in_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    precision_view(RESULT, "table")
    shown = capsys.readouterr().out
    assert "0.50 s" in shown and "-10.0 ms" in shown and "+19.0 ms" in shown
    assert "99.50%" in shown and "all together, targets hang: 3.1% of one core" in shown


def test_the_document_holds_each_outage(capsys: pytest.CaptureFixture[str]) -> None:
    precision_view(RESULT, "json")
    told = json.loads(capsys.readouterr().out)
    assert [round(one["error"], 3) for one in told["outages"][0]["outages"]] == [-0.01, 0.019]
    assert told["costs"][1]["hung"] is True
