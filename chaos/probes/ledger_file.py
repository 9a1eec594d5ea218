"""The ledger of a probe: one line per thing that a service promised or delivered."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO


class LedgerFile:
    """Appends ids, one a line, each on disk's way before the next operation; None writes nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = path.open("w", buffering=1) if path is not None else None

    def add(self, entry: str) -> None:
        if self._file is not None:
            self._file.write(entry + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
