"""What is tried of the kernel is what the faults do to it."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from chaos import nft
from chaos.faults import net_flap
from lab.host import kernel

HOOKED = re.compile(r"type filter hook (\w+)")
FAMILY = re.compile(r"table (\w+) ")


def loaded(text: str) -> set[tuple[str, str]]:
    """Each table family with each hook that ``text`` has in it."""
    return {(family, hook) for family in FAMILY.findall(text) for hook in HOOKED.findall(text)}


def test_every_table_and_hook_of_the_faults_is_tried() -> None:
    rules = [*nft.leaving(["a"]), *nft.arriving(["a"])]
    done = loaded(nft.ruleset("t", rules)) | loaded(net_flap._mute("ring"))
    assert done == loaded(kernel._BRIDGE) | loaded(kernel._NETDEV)
    assert {("bridge", "forward"), ("netdev", "egress")} <= done


def test_a_trial_that_fails_is_told_in_the_kernels_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def inside(argv: list[str], given: str | None = None) -> str:
        asked.append(given or "")
        return "Error: Could not process rule: Operation not supported" if "egress" in (given or "") else ""

    monkeypatch.setattr(kernel, "_inside", inside)
    monkeypatch.setattr(kernel, "_overlay", lambda place: "")
    found = kernel.run_all(kernel.Path("unused"))
    assert set(found) == set(kernel.TITLES) == set(kernel.FIXES)
    assert [name for name, reason in found.items() if reason] == ["nft-netdev"]
    assert "CONFIG_NETFILTER_EGRESS" in kernel.FIXES["nft-netdev"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft")
@pytest.mark.parametrize("text", [kernel._BRIDGE, kernel._NETDEV])
def test_this_kernel_takes_or_refuses_them_but_can_read_them(text: str) -> None:
    said = kernel._reason(lambda: kernel._inside(["nft", "-f", "-"], text))
    assert "syntax error" not in said
