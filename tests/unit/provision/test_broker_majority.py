"""``halab-broker-majority`` holds a broker back while most hosts are out of reach."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "provision/nodefiles/halab-broker-majority"
# Nobody listens on Erlang's port here: refused, which is an answer.  Without a network it is none.
MEMBERS = (socket.gethostname(), "127.0.0.1", "127.0.0.2")
_NO_NETWORK = ("unshare", "--user", "--map-root-user", "--net")


def test_hosts_that_refuse_are_up() -> None:
    subprocess.run(["bash", SCRIPT, *MEMBERS], check=True, timeout=10)


def test_alone_it_waits_and_says_for_what() -> None:
    if subprocess.run([*_NO_NETWORK, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this host lets nobody make a network namespace")
    with pytest.raises(subprocess.TimeoutExpired) as waited:
        subprocess.run([*_NO_NETWORK, "bash", SCRIPT, *MEMBERS], check=False, timeout=1.5, capture_output=True)
    assert b"the hosts of 1 of 3 brokers answer on port 4369" in (waited.value.stderr or b"")
