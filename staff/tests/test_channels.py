"""Nothing that one call leaves behind reaches the next one: neither of the same submission, nor of another."""

import os
import textwrap
from pathlib import Path

import numpy as np
import pytest

from autograder.client import Client
from autograder.isolation import NAMESPACES
from staff.tests.conftest import IN_ARITHMETIC, ROOT

HIDDEN = [ROOT, Path.home()]  # as by the grader: thousands of folders
CODE = """
import ctypes, os, time

libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x0A3F1


def folders():
    for top, inner, _ in os.walk("/"):
        inner[:] = [] if top in ("/proc", "/sys", "/usr", "/opt") else inner
        yield top


def tried(function, *arguments):
    try:
        return function(*arguments)
    except OSError:
        return None


def unit(x):
{body}
    return 3 * x
"""
# Of each channel: what one call does to leave something, and an expression of the next one: whether it is there.
CHANNELS = {
    "files": (
        """
        for folder in folders():
            tried(os.mkdir, os.path.join(folder, "left by a call"))
        """,
        "[top for top in folders() if os.path.basename(top) == 'left by a call']",
    ),
    "files in the child's own folders": (
        """
        for folder in folders():
            if tried(os.chmod, folder, 0o777) is None and os.access(folder, os.W_OK):
                tried(os.mkdir, os.path.join(folder, "left by a call"))
        """,
        "[top for top in folders() if os.path.basename(top) == 'left by a call']",
    ),
    "System V objects": (
        "libc.shmget(KEY, 4096, 0o1666), libc.msgget(KEY, 0o1666), libc.semget(KEY, 1, 0o1666)",
        "[i for i in (libc.shmget(KEY, 0, 0), libc.msgget(KEY, 0), libc.semget(KEY, 0, 0)) if i >= 0]",
    ),
    "message queues": (
        "libc.mq_open(b'/left-by-a-call', os.O_CREAT | os.O_RDWR, 0o666, None)",
        "libc.mq_open(b'/left-by-a-call', os.O_RDWR) >= 0",
    ),
    "keyrings": (
        """
        for ring in (-3, -4, -5):  # of the session, the user, the user's session
            libc.syscall({add_key}, b"user", b"left by a call", b"x", ctypes.c_size_t(1), ring)
        """,
        "[ring for ring in (-3, -4, -5) if libc.syscall({keyctl}, 10, ring, b'user', b'left by a call', 0) >= 0]",
    ),
    "sockets and locks of a daemon": (
        """
        if os.fork() == 0:
            import fcntl, socket
            os.setsid()
            name = tried(socket.socket, socket.AF_UNIX)
            name and name.bind("\\0left-by-a-call")
            fcntl.flock(os.open(__file__, os.O_RDONLY), fcntl.LOCK_EX)
            time.sleep(60)
        time.sleep(0.3)
        """,
        """[line for line in open('/proc/net/unix') if '@left-by-a-call' in line]
        import fcntl; fcntl.flock(os.open(__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)""",
    ),
}
CALLS = {"x86_64": {"add_key": 248, "keyctl": 250}, "aarch64": {"add_key": 217, "keyctl": 219}}[os.uname().machine]
TOUCHED = "('/dev/null', '/dev/urandom', '/dev/shm', '/run', '/tmp', '/var/tmp', '/', __file__)"


@pytest.fixture(scope="module", params=[(), tuple(NAMESPACES)], ids=["all layers", "no namespaces"])
def client(project, request, servers):
    if request.param and os.getuid() != 0:
        pytest.skip("without namespaces only root can clean up after the child")
    with Client(project, HIDDEN, request.param, servers.launch, IN_ARITHMETIC) as started:
        yield started


def run(client, body):
    """Text that the code printed."""
    for name, number in CALLS.items():
        body = body.replace("{" + name + "}", str(number))
    code = CODE.replace("{body}", textwrap.indent(textwrap.dedent(body).strip(), " " * 4))
    (client.project / "scale.py").write_text(code)
    assert client.call("unit", {"seconds": 60.0, "memory": 400 << 20}, x=np.ones(4))["out"].sum() == 12
    return client.reports[-1]["text"]


def look(client, channel):
    found, *more = CHANNELS[channel][1].splitlines()
    return run(client, "\n".join([f"found = {found}", *map(str.strip, more), "print(found or 'nothing')"])).strip()


def test_the_next_submission_finds_nothing(project, servers):
    assert leave_and_find(project, servers.launch) == dict.fromkeys(CHANNELS, "nothing")


def leave_and_find(project, launch=None):
    """Everything at once is left by the last calls of one submission, and looked for by the first of another."""
    with Client(project, HIDDEN, (), launch, IN_ARITHMETIC) as first:
        for leave, _ in CHANNELS.values():
            run(first, leave)
    with Client(project, HIDDEN, (), launch, IN_ARITHMETIC) as second:
        return {channel: look(second, channel) for channel in CHANNELS}


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_next_call_finds_nothing(client, channel):
    run(client, CHANNELS[channel][0])
    assert look(client, channel) == "nothing"


def test_the_next_call_sees_no_time_that_one_set(client):
    """A user who may write to a folder or a device may also set its time to now."""
    touch = f"""
    for path in {TOUCHED}:
        try:
            os.utime(path)
        except OSError:
            continue
        print(path, os.stat(path).st_mtime_ns)
    """
    touched = run(client, touch).splitlines()
    seen = run(client, f"for path in {TOUCHED}: print(path, os.stat(path).st_mtime_ns)").splitlines()
    assert seen and not set(seen) & set(touched)


def test_the_next_call_has_the_same_process_number(client):
    if not client.layers["process numbers repeat"]:
        pytest.skip("it takes a process namespace of its own, and a kernel that lets the number be set")
    before = run(client, "print(os.getpid())")
    run(client, "[os.fork() or os._exit(0) for _ in range(30)]")
    assert run(client, "print(os.getpid())") == before
