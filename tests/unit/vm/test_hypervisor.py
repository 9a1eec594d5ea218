"""KVM is believed only when the processor has it and QEMU can use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import RefusedError
from lab.vm import hypervisor


@pytest.mark.parametrize(("flags", "found"), [("fpu vmx sse", True), ("fpu svm", True), ("fpu sse vmxoff", False)])
def test_the_processors_flags(flags: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert hypervisor.has_virtualization(tmp_path / "cpuinfo") is found


def test_an_open_dev_kvm_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hypervisor.OVERRIDE, raising=False)
    monkeypatch.setattr(hypervisor, "has_virtualization", lambda: False)
    monkeypatch.setattr(hypervisor, "_kvm_makes_a_machine", lambda: True)
    assert hypervisor.acceleration() == "emulated"


def test_flags_alone_do_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hypervisor.OVERRIDE, raising=False)
    monkeypatch.setattr(hypervisor, "has_virtualization", lambda: True)
    monkeypatch.setattr(hypervisor, "_kvm_makes_a_machine", lambda: False)
    assert hypervisor.acceleration() == "emulated"


def test_emulation_is_slow_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hypervisor.OVERRIDE, "emulated")
    assert (hypervisor.default_profile(), hypervisor.slowness()) == ("emulated", 15.0)
    assert "no KVM" in hypervisor.warnings()[0]
    monkeypatch.setenv(hypervisor.OVERRIDE, "kvm")
    assert (hypervisor.default_profile(), hypervisor.slowness(), hypervisor.warnings()) == ("tuned", 1.0, ())


def test_a_wrong_override_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hypervisor.OVERRIDE, "fast")
    with pytest.raises(RefusedError, match="'fast' is no way"):
        hypervisor.acceleration()


@pytest.mark.parametrize(("said", "slowness", "profile"), [("qemu", 15.0, "emulated"), ("kvm", 1.0, "tuned"),
                                                          ("none", 1.0, "tuned")])
def test_containers_of_an_emulated_host_are_slow(said: str, slowness: float, profile: str, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "systemd-detect-virt"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv(hypervisor.OVERRIDE)
    hypervisor.emulated_host.cache_clear()
    try:
        assert (hypervisor.container_slowness(), hypervisor.container_profile()) == (slowness, profile)
        assert bool(hypervisor.container_warnings()) is (said == "qemu")
    finally:
        hypervisor.emulated_host.cache_clear()
