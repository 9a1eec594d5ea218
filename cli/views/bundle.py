"""How ``lab.bundle`` ends: where the archive is, how big, and what could not be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json

if TYPE_CHECKING:
    from lab.bundle import BundleResult


def bundle_result(result: BundleResult, format: str) -> None:
    if as_json(result, format):
        return
    console.out(f"{result.path}")
    size = f"{result.size / 1e6:.1f} MB" if result.size >= 1e5 else f"{result.size / 1e3:.0f} kB"
    console.out(f"{size}, {result.files} files, chaos runs: {', '.join(result.runs) or 'none'}; "
                "keys and passwords were taken out")
    for sentence in result.missing:
        console.out(f"missing: {sentence}")
