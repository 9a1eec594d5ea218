"""What a command's channel is told."""

from __future__ import annotations

import threading
import time
from typing import Any
from unittest.mock import MagicMock

from lab.node.shell import _talk


def channel() -> Any:
    """A channel whose command says "done" and ends."""
    one = MagicMock(eof_received=True, status_event=threading.Event())
    one.status_event.set()
    one.recv.side_effect = [b"done", b""]
    one.recv_ready.side_effect = [True, False, False]
    one.recv_stderr_ready.return_value = False
    one.recv_exit_status.return_value = 0
    return one


def test_without_input_no_end_of_it_is_sent() -> None:
    """Seen: the end of input came after the channel had been closed, and sshd ended the whole connection."""
    silent = channel()
    assert _talk(silent, "true", None, time.monotonic() + 5).stdout == "done"
    silent.exec_command.assert_called_once_with("exec </dev/null; true")
    silent.shutdown_write.assert_not_called()


def test_with_input_the_command_reads_to_its_end() -> None:
    told = channel()
    _talk(told, "cat", "words", time.monotonic() + 5)
    told.exec_command.assert_called_once_with("cat")
    told.sendall.assert_called_once_with(b"words")
    told.shutdown_write.assert_called_once_with()
