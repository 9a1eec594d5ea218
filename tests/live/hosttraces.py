"""What of a lab can be seen on the host: used to assert that nothing is left."""

from __future__ import annotations

import time
from pathlib import Path


def traces(name: str) -> list[str]:
    """Namespaces, mounts, cgroups and processes that carry the lab's name; zombies do not count."""
    found = [f"namespace {path.name}" for path in Path("/run/netns").glob(f"halab.{name}*")
             if path.name == f"halab.{name}" or path.name.startswith(f"halab.{name}.")]
    found += [f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()
              if f"/labs/{name}/" in line]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"*/halab/{name}")]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"halab/{name}")]
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"halab-{name}-" in words or f"--lab {name} " in words or f"/labs/{name}/" in words:
            found.append(f"process {status.parent.name}: {words[:80]}")
    for folder in Path("/run/systemd/nspawn").glob(f"*/halab-{name}-*"):
        found.append(f"folder {folder}")
    return found


def interfaces() -> set[str]:
    """The host's own network interfaces: a lab must never add one."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def await_none(name: str, seconds: float = 5.0) -> list[str]:
    """The traces that are still there after ``seconds`` (the kernel reaps asynchronously)."""
    deadline = time.monotonic() + seconds
    while (left := traces(name)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
