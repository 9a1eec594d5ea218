"""The load of the host, and how long a lab waited for a processor."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from scheduled import MEASURES_TIME

from chaos.probes.hostload import HostLoad, pressure_seconds

pytestmark = MEASURES_TIME


def test_how_long_the_lab_waited_for_a_processor() -> None:
    """The file that the kernel gives, from a host of this project."""
    told = ("some avg10=18.20 avg60=21.62 avg300=32.14 total=1628985133\n"
            "full avg10=6.32 avg60=5.20 avg300=8.38 total=505176880\n")
    assert pressure_seconds(told) == pytest.approx(1628.985)
    with pytest.raises(ValueError, match="some"):
        pressure_seconds("")


def test_the_host_s_load_tells_how_long_a_lab_waited(tmp_path: Path) -> None:
    pressure = tmp_path / "cpu.pressure"
    pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n")
    load = HostLoad(tmp_path / "host.jsonl")
    load.watch(pressure)
    load.start()
    time.sleep(0.8)
    pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n")
    time.sleep(0.8)
    pressure.unlink()
    time.sleep(0.6)
    load.stop()
    assert all(abs(json.loads(line)[4]) < 0.05 for line in (tmp_path / "host.jsonl").read_text().splitlines())
    waited = [json.loads(line)[3] for line in (tmp_path / "host.jsonl").read_text().splitlines()]
    assert 1.0 in waited and waited[0] == 0.0 and waited[-1] is None
