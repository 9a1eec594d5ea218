"""docs/ARCHITECTURE.md names files, modules and classes: all of them are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
PACKAGES = ("chaos", "cli", "daemons", "lab", "provision", "tests", "topologies")
# Of a lab's or a run's folder, not of the tree.
MADE = {"topology.yml", "scenario.yml"}


def test_every_file_is_there() -> None:
    names = {path.name for name in PACKAGES for path in (ROOT / name).rglob("*")} | {
        path.name for path in ROOT.iterdir()}
    folders = "|".join(PACKAGES)
    words = set(re.findall(rf"`([\w./-]+\.(?:py|j2|yml|lock|md)|(?:{folders})/[\w./-]*)`", TEXT)) - MADE
    for word in sorted(words):
        # A name alone belongs to the folder that its table or row names.
        assert (ROOT / word).exists() if "/" in word else word in names, word


def test_every_module_is_there() -> None:
    for word in sorted(set(re.findall(r"`((?:chaos|cli|daemons|lab|provision)(?:\.[a-z_]+)+)(?:\(\))?`", TEXT))):
        parts = word.split(".")
        folder = ROOT.joinpath(*parts)
        inside = ROOT.joinpath(*parts[:-1])
        modules = [inside.with_suffix(".py"), inside / "__init__.py"]
        command = f"`{word}" in (ROOT / "docs" / "commands.md").read_text()
        assert command or folder.is_dir() or folder.with_suffix(".py").exists() or any(
            parts[-1] in module.read_text() for module in modules if module.exists()), word
