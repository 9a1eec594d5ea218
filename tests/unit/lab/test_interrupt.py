"""Ctrl-C: the first is answered between two steps, the second at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lab import interrupt
from lab.errors import InterruptedByUser


def test_nothing_is_asked_at_first() -> None:
    interrupt.check()
    assert not interrupt.requested()


def test_first_ctrl_c_waits_for_the_step() -> None:
    told: list[str] = []
    with interrupt.guard(told.append):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)  # the step goes on
        assert interrupt.requested()
        with pytest.raises(InterruptedByUser) as caught:
            interrupt.check("nodes")
    assert told == [interrupt.NOTICE]
    assert caught.value.exit_code == 130
    assert caught.value.where == "before: nodes"


def test_guard_leaves_no_trace() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupt.guard(lambda text: None):
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before
    interrupt.check()


def test_wait_ends_early() -> None:
    begun = time.monotonic()
    with interrupt.guard(lambda text: None), pytest.raises(InterruptedByUser):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        interrupt.wait(30)
    assert time.monotonic() - begun < 5


def test_guard_in_a_thread_does_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with interrupt.guard(lambda text: None):
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_second_ctrl_c_exits_at_once_though_a_thread_works() -> None:
    program = """
import os, signal, threading, time
from lab import interrupt
threading.Thread(target=time.sleep, args=(60,)).start()
say = lambda text: os.write(1, (text + "\\n").encode())  # print may be under way when the signal comes
with interrupt.guard(say, lambda: say("left")):
    print("ready", flush=True)
    time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == interrupt.NOTICE + "\n"
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 130
    assert child.stdout.read() == "left\n"


def test_a_signal_in_the_middle_of_a_print_is_no_crash(capfd: pytest.CaptureFixture[str]) -> None:
    def notify(text: str) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stdout>'>")

    with interrupt.guard(notify):
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.requested()
    assert interrupt.NOTICE in capfd.readouterr().err
