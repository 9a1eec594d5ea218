"""The browser of the tests: found, installed where continuous integration expects it, or missed aloud."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium"
_SOON = ("-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20", "-o", "Acquire::Retries=1")
_INSTALL = ("apt-get", "-y", "-q", "--no-install-recommends", *_SOON, "-o", "DPkg::Lock::Timeout=120",
            "install", PACKAGE)
_UPDATE = ("apt-get", "-q", *_SOON, "update")
_missed = ""  # why apt could not get it: asked once is enough
# What apt says where there is no way to get a package: no network, no mirror, or none that has it.
_OUT_OF_REACH = ("Unable to locate package", "no installation candidate", "Failed to fetch", "Unable to fetch",
                 "Could not resolve", "Could not connect", "Temporary failure", "apt-get is not there")

Apt = Callable[[tuple[str, ...]], tuple[int, str]]  # an apt command: its exit code and what it said


def find() -> str:
    """Where the browser is; '' without one."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def expected() -> bool:
    """Whether these tests must run: in continuous integration (``.ci/run`` says so in CI)."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def apt(argv: tuple[str, ...]) -> tuple[int, str]:
    if shutil.which(argv[0]) is None:
        return 127, "apt-get is not there"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})
    except subprocess.TimeoutExpired:
        return 124, "Failed to fetch: apt-get did not end in 240 s"
    return done.returncode, done.stdout + done.stderr


def have(look: Callable[[], str] = find, ask: Apt = apt) -> str:
    """The browser's path.  Skips where it is not expected, or cannot be had here, and then warns; fails otherwise."""
    if found := look():
        return found
    if not expected():
        pytest.skip(f"needs Chromium: apt-get install {PACKAGE}")
    if os.geteuid():
        _miss("it is not installed, and only root may install it")
    if _missed:
        _miss(_missed)
    with (Path(tempfile.gettempdir()) / "halab-tests-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of one test run all want it
        if found := look():
            return found
        code, said = ask(_INSTALL)
        if code:  # old package lists?
            _, updated = ask(_UPDATE)
            code, said = ask(_INSTALL)
            said = updated + said
    if found := look():
        return found
    if code and any(words in said for words in _OUT_OF_REACH):
        _miss(f"apt cannot get it here: {said.strip().splitlines()[-1]}")
    pytest.fail(f"no Chromium, which these tests must have here; apt-get ended with {code}: {said[-500:]}")


def _miss(why: str) -> NoReturn:
    global _missed
    _missed = why
    warnings.warn(f"THE PAGES WERE LOOKED AT IN NO BROWSER: {why}", stacklevel=2)
    pytest.skip(f"no Chromium: {why}")
