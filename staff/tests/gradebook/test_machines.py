"""A class on several machines: each a folder here, with processes and a checkout of its own; over SSH and SLURM, too.

What needs sshd or slurmctld runs where they are installed, as root (Debian: openssh-server, slurm-wlm, munge), and
follows the commands of docs/autograder.md word for word. Each takes two to five minutes: make proof ARGS="-k machines".
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from autograder.files import fill
from gradebook import cluster
from gradebook.store import NAME
from staff.handout import contents, proofs
from staff.proofs import chaos
from staff.tests.conftest import ROOT

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "runs", "dist", "visualization", "__pycache__", ".*_cache")
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "OMP_NUM_THREADS")}


def checkout(place):
    shutil.copytree(ROOT, place, ignore=LEFT_OUT, symlinks=True)
    proofs.borrow_environment(place)
    return place


@pytest.fixture
def submissions(tmp_path):
    """A class of three who have not begun, each with a line of their own."""
    stub = contents.student_files()
    for name in ("ada", "ben", "chen"):
        own = stub["style_utils.py"] + f"# {name}\n".encode()
        fill(tmp_path / "class" / name, stub | {"style_utils.py": own})
    return tmp_path / "class"


@pytest.fixture
def start(tmp_path):
    """Starts a process, and ends all that it has started: start(folder, command, ...)."""
    started = []

    def begin(folder, *command, **environment):
        log = (tmp_path / f"log {len(started)}").open("wb")
        started.append((subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT | environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        ), log))  # fmt: skip
        return started[-1][0]

    yield begin
    for process, log in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()
    for process in psutil.process_iter(["cwd"]):  # what daemons have started for us
        if (process.info["cwd"] or "").startswith(str(tmp_path)):
            with suppress(psutil.NoSuchProcess):  # it ended a moment ago
                process.kill()


def until(happens, seconds=120):
    stop = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < stop, "it did not happen in time"
        time.sleep(0.2)


def is_open(port):
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


def results_of(out):
    """Return the results, after checking that all three are there, at the first try."""
    rows = list(chaos.results(out / NAME).values())
    assert len(rows) == 3 and {row["attempt"] for row in rows} == {1}
    return rows


def test_checkouts_at_different_places(start, submissions, tmp_path):
    """The scheduler has no checkout at all; one worker's tests are others: it is told once and gets nothing."""
    places = [checkout(tmp_path / name) for name in ("here/one", "elsewhere/and deeper", "wrong")]
    with (places[2] / "tests/compare.py").open("a") as file:
        file.write("\nOTHER = 1\n")
    certificate, nowhere, port = tmp_path / "keys/class.pem", tmp_path / "nowhere", chaos._free_port()
    cluster.write_certificate(certificate)
    nowhere.mkdir()
    tls = [f"--tls-{what}={certificate}" for what in ("ca-file", "cert", "key")]
    scheduler = start(nowhere, sys.executable, "-m", "distributed.cli.dask_scheduler", "--protocol", "tls", *tls,
                      "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")  # fmt: skip
    workers = [
        start(place, sys.executable, "-m", "gradebook.cluster", "worker", str(certificate),
              f"tls://127.0.0.1:{port}", "--nworkers", "1", "--death-timeout", "10")
        for place in places
    ]  # fmt: skip
    until(lambda: is_open(port))
    with cluster.connected(f"tls://127.0.0.1:{port}", certificate=certificate) as client:
        client.wait_for_workers(3, timeout=120)
    done = subprocess.run(
        [sys.executable, "-m", "gradebook", str(submissions), "--out", str(tmp_path / "out"), "--scheduler",
         f"tls://127.0.0.1:{port}", "--certificate", str(certificate)],
        cwd=places[0], env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("gets nothing to grade: its copy of the repository, or its packages, are not those") == 1
    assert "(tests/compare.py is changed)" in done.stdout and "tried again" not in done.stdout
    assert len({row["worker"] for row in results_of(tmp_path / "out")}) == 2
    os.killpg(scheduler.pid, signal.SIGKILL)
    for worker in workers:
        worker.wait(60)  # or it would wait for ever for a scheduler that is gone


def commands(words):
    """The block of docs/autograder.md after these words."""
    return re.search(rf"{re.escape(words)}.*?```bash\n(.*?)```", (ROOT / "docs/autograder.md").read_text(), re.S)[1]


def grade_by_the_docs(start, place, block, submissions):
    """Run a block in a checkout, which starts scheduler and workers, then the client of the docs."""
    if is_open(8786):
        pytest.skip("port 8786, which the docs name, is taken")
    start(place, "bash", "-c", f"{block}\nwait", PATH=f"{place.parent}/bin:{os.environ['PATH']}")
    until(lambda: is_open(8786) and (place / "runs/class/class.pem").exists())
    line = next(line for line in commands("By hand").splitlines() if "grade-class" in line)
    line = line.replace("folder", str(submissions)).replace("host", socket.gethostname())
    done = subprocess.run(["bash", "-c", line], cwd=place, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results_of(submissions.with_name("class-graded"))


def needs(*programs):
    """A mark: skip where one of them is missing."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [program for program in programs if not shutil.which(program, path=path)]
    if os.getuid() != 0:
        missing.append("root")
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


@needs("sshd", "ssh", "ssh-keygen", "make")
def test_over_ssh(start, submissions, tmp_path):
    """node1 and node2 are this machine, by a configuration of ssh."""
    place, keys, port = checkout(tmp_path / "checkout"), tmp_path / "ssh", chaos._free_port()
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name], check=True)
    (keys / "config").write_text(
        f"Host node1 node2\n HostName 127.0.0.1\n Port {port}\n User root\n IdentityFile {keys}/user\n"
        " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {keys}/config "$@"\n')
    (tmp_path / "bin/ssh").chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
    start(tmp_path, shutil.which("sshd", path="/usr/sbin:/usr/bin"), "-D", "-e", "-f", "/dev/null", "-p", str(port),
          "-o", f"HostKey={keys}/host", "-o", f"AuthorizedKeysFile={keys}/user.pub", "-o", "StrictModes=no",
          "-o", "PermitRootLogin=prohibit-password", "-o", f"PidFile={keys}/pid",
          "-o", "ListenAddress=127.0.0.1")  # fmt: skip
    until(lambda: is_open(port))
    grade_by_the_docs(start, place, commands("Over **SSH**"), submissions)


@needs("slurmctld", "slurmd", "munged", "sbatch", "make")
def test_on_slurm(start, submissions, tmp_path, monkeypatch):
    """One node, which is this machine, and room for two of the ten tasks."""
    place, here = checkout(tmp_path / "checkout"), tmp_path / "slurm"
    here.mkdir(mode=0o755)
    (here / "key").write_bytes(os.urandom(1024))
    (here / "key").chmod(0o600)
    ports, name = [chaos._free_port() for _ in range(2)], socket.gethostname().partition(".")[0]
    (here / "slurm.conf").write_text(f"""
ClusterName=class
SlurmctldHost={name}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={here}/munge.socket
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/spool
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
NodeName={name} NodeAddr=127.0.0.1 CPUs=2 RealMemory=6144
PartitionName=all Nodes={name} Default=YES State=UP
""")
    for folder in ("state", "spool"):
        (here / folder).mkdir()
    monkeypatch.setitem(ENVIRONMENT, "SLURM_CONF", str(here / "slurm.conf"))
    monkeypatch.setitem(ENVIRONMENT, "PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    start(here, "munged", "--foreground", "--force", f"--key-file={here}/key", f"--socket={here}/munge.socket",
          f"--pid-file={here}/munged.pid", f"--log-file={here}/munged.log", f"--seed-file={here}/seed")  # fmt: skip
    until((here / "munge.socket").exists)
    start(here, "slurmctld", "-D")
    start(here, "slurmd", "-D")
    until(lambda: "idle" in subprocess.run(["sinfo"], env=ENVIRONMENT, capture_output=True, text=True).stdout)
    grade_by_the_docs(start, place, commands("On **SLURM**"), submissions)
