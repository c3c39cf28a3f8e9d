"""One fork server, many pieces of student code in turn: each call is by itself, and nothing of it remains."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from autograder.client import CallFailed, Client
from staff.tests.conftest import IN_ARITHMETIC, ROOT

CODE = """
import ctypes, os, socket, sys, time
import numpy as np
def unit(x):
    {line}
    return 3 * x
"""
RIGHT = {"out": 6.0}


@pytest.fixture
def run(client):
    return partial(call, client)


def call(client, line, seconds=20.0, megabytes=400):
    """Run a line of student code by this client."""
    (client.project / "scale.py").write_text(CODE.format(line=line))
    return client.call("unit", {"seconds": seconds, "memory": megabytes << 20}, x=2.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("os._exit(0)", "without a whole answer"),
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.write(3, b'A3F1' + b'x' * 99); os._exit(0)", "without a whole answer"),
        ("os.write(3, b'A3F1')", "without a whole answer"),
    ],
)
def test_ending_the_process_is_no_answer(run, line, message):
    with pytest.raises(CallFailed, match=message):
        run(line)
    assert run("pass") == RIGHT


@pytest.mark.parametrize("line", ["while True: pass", "import signal; signal.signal(15, 1); time.sleep(99)"])
def test_what_hangs_is_ended(run, line):
    started = time.monotonic()
    with pytest.raises(CallFailed, match="after 1 seconds"):
        run(line, seconds=1)
    assert time.monotonic() - started < 8


def test_memory_is_watched(run):
    with pytest.raises(CallFailed, match="memory"):
        run("x = [bytearray(b'1') * (20 << 20) for _ in range(60) if not time.sleep(0.01)]", megabytes=200)


def test_exit_and_interrupt_are_errors_of_the_student(run):
    assert run("sys.exit(0)")["error"]["type"] == "SystemExit"
    answer = run("raise KeyboardInterrupt")["error"]
    assert answer["type"] == "KeyboardInterrupt"
    assert "scale.py, line 5" in answer["trace"]


def test_many_forks_end_and_the_next_call_works(run, client):
    with suppress(CallFailed):
        run("[os.fork() for _ in range(5)]; time.sleep(30)", seconds=2)
    assert run("pass") == RIGHT
    assert client.reports[-1]["clean"]


def test_a_flood_of_text_is_let_pass(run, client):
    assert run("[print('x' * 10**6) for _ in range(100)]") == RIGHT
    assert client.reports[-1]["printed"] >= 10**8


def test_daemons_are_ended(run, client):
    line = "(os.setsid(), os.fork() and os._exit(0), time.sleep(300)) if os.fork() == 0 else time.sleep(0.2)"
    assert run(line) == RIGHT
    report = client.reports[-1]
    assert report["left_running"] >= 1
    assert report["clean"]


@pytest.mark.skipif(os.getuid() != 0, reason="a user of its own needs root")
@pytest.mark.parametrize(
    "line",
    [
        f"open({str(Path(__file__).resolve())!r})",
        "os.listdir('/root/.ssh')",
        "open('/proc/1/mem')",
        "open('/proc/1/environ').read()",
        "os.kill(os.getppid(), 9)",
        "open(__file__, 'w')",
        "socket.create_connection(('127.0.0.1', 22), 2)",
        "os.setuid(0)",
        "open('big', 'wb').write(b'x' * (100 << 20))",
    ],
)
def test_what_is_forbidden_is_an_error(run, line):
    with pytest.raises((CallFailed, AssertionError)):  # a file that grows too large ends by signal
        assert "error" not in run(line)


def test_every_layer_is_reported(client):
    assert {"network namespace", "unprivileged user", "limits", "no new privileges"} <= set(client.layers)
    if os.getuid() == 0 and client.layers["mount namespace"]:
        assert client.layers["folders hidden"]


def test_processes_of_others_are_left_alone(client):
    """Whoever grades may have processes of their own: only what comes from the fork server is ended, and waited for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as theirs:
        with Client(client.project, [], assignment=IN_ARITHMETIC) as another:
            assert call(another, "pass") == RIGHT
        assert theirs.poll() is None
        theirs.communicate(b"\n")
    assert theirs.returncode == 0


GATHERED = """
from pathlib import Path
from autograder import kernel
data = bytearray(range(256)) * (1 << 15)
done = kernel.huge_pages()
assert data == bytearray(range(256)) * (1 << 15)
(line,) = [line for line in Path("/proc/self/smaps_rollup").read_text().splitlines() if "AnonHugePages" in line]
assert not done or int(line.split()[1]) >= 4096, line
print(done)
"""


def test_memory_in_huge_pages_holds_what_it_held():
    done = subprocess.run([sys.executable, "-c", GATHERED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if done.stdout == "False\n":
        pytest.skip("it takes Linux 6.1 with huge pages")
