"""The door of a cluster: whoever has the certificate of the run comes in, and nobody else."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack

import dask
import numpy as np
import psutil
import pytest
from distributed import LocalCluster, Security

from autograder import client as fork_server
from autograder import intake, workspace
from autograder.assignment import read
from autograder.isolation import NAMESPACES
from gradebook import cluster
from staff.proofs.hostile import payloads
from staff.tests.conftest import ROOT

OPEN = ("files closed", "sockets and keyrings closed")  # left off: ports can be reached, then
STRANGER = """
import json, os, sys, tempfile
import distributed, dask
from distributed import Client, Security
os.setgroups([]); os.setgid(65534); os.setuid(65534)
address, certificate = sys.argv[1:]
told = {}
try:
    open(certificate).close()
    told["file"] = "read"
except OSError as problem:
    told["file"] = type(problem).__name__
for name, where, security in (("plain", address.replace("tls", "tcp"), None), ("own", address, Security.temporary())):
    try:
        told[name] = Client(where, timeout=2, security=security).submit(os.getuid).result(5)
    except (OSError, ValueError) as problem:
        told[name] = type(problem).__name__
print(json.dumps(told))
"""


def listening():
    """Ports of this process and those that it started."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {each.laddr.port for process in processes for each in process.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN}  # fmt: skip


@pytest.fixture(scope="module")
def opened():
    """A client of a local cluster, and the ports that this has opened."""
    before = listening()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "PER_WORKER", 700 << 20)
        with cluster.connected(workers=1) as client:
            assert client.submit(os.getuid).result() == os.getuid()
            yield client, listening() - before


def answer(port, context=None):
    """Return what one hears who asks for a page without a certificate of the run, b"" if he is refused."""
    try:
        with ExitStack() as stack:
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port), 2))
            link = stack.enter_context(context.wrap_socket(link)) if context else link
            link.sendall(b"GET /json/index.html HTTP/1.0\r\n\r\n")
            return link.recv(4096)
    except (TimeoutError, ConnectionError, ssl.SSLError):
        return b""


def test_nothing_unencrypted_listens(opened):
    """A scheduler, a worker with its nanny, and Dask's servers for browsers, which show nothing."""
    _, ports = opened
    assert len(ports) >= 4
    said = {port: answer(port) for port in ports}
    assert all(text == b"" or text.startswith(b"\x15\x03") for text in said.values()), said  # a TLS alert
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    said = {port: answer(port, context) for port in ports}
    assert all(text == b"" or text.startswith(b"HTTP/1.1 404") for text in said.values()), said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused(opened):
    client, _ = opened
    certificate = dask.config.get("distributed.comm.tls.ca-file")
    done = subprocess.run([sys.executable, "-c", STRANGER, client.scheduler.address, certificate],
                          capture_output=True, text=True, cwd="/")  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.pop("file") == "PermissionError"
    assert set(told) == {"plain", "own"} and all(isinstance(what, str) for what in told.values()), told


@pytest.fixture
def attack(open_folder):
    """Ask student code that looks for a scheduler, in a child without namespaces and these layers: what came of it."""
    project = open_folder / "project"
    workspace.build(project, intake.Submission(), read())
    body = payloads.source(payloads.SCHEDULER, mark="mark", root=ROOT, out="/out", port=9, user=os.getuid())
    (project / payloads.FILE).write_bytes(body)

    ones, limits = np.ones((1, 2, 3, 4), np.float32), {"seconds": 60.0, "memory": 1200 << 20}

    def ask(*without):
        with fork_server.Client(project, [], (*NAMESPACES, *without)) as child:
            assert not any(child.layers[name] for name in (*NAMESPACES, *without))
            return child.call("content_loss", dict(limits), weight=2.0, current=ones, original=ones)["error"]["message"]

    return ask


@pytest.mark.proof
def test_student_code_that_finds_the_port_is_refused(opened, attack):
    """Without namespaces, as in most containers, and where no other layer closes ports.

    The attack is one: a scheduler without TLS takes its orders, unless sockets are closed, as they are everywhere.
    """
    assert attack(*OPEN) == "Part 2.1: content loss"
    plain = Security(require_encryption=False)
    with LocalCluster(n_workers=1, memory_limit=700 << 20, protocol="tcp://", host="127.0.0.1", security=plain,
                      dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False}):  # fmt: skip
        assert re.match(r"BREACH: the scheduler on port \d+ takes orders", attack(*OPEN))
        assert attack() == "Part 2.1: content loss"
