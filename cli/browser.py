"""Opening a page for a person who has a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cli import console


def show_page(page: Path) -> None:
    """Print the page's path; start a browser only for a person at a graphical terminal."""
    console.out(str(page))
    opener = shutil.which("xdg-open")
    if opener and sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        subprocess.Popen(
            [opener, str(page)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
