"""Each layer that closes the disk holds where the others are missing, and what honest code needs stays open."""

import os
import sys
from pathlib import Path

import pytest

from autograder import isolation, landlock
from autograder.client import Client
from staff.tests.conftest import IN_ARITHMETIC, ROOT
from staff.tests.test_isolation import RIGHT, call

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root's children are another user")


@pytest.fixture(scope="module")
def start(project, servers):
    """Start a client without some layers: one at a time."""
    return lambda *without: Client(project, [ROOT, Path.home()], without, servers.launch, IN_ARITHMETIC)


@pytest.fixture(scope="module")
def docker(start):
    """Client of root without namespaces, as in most containers: Landlock alone closes the disk."""
    with start(*isolation.NAMESPACES) as client:
        yield client


def test_mounts_alone_leave_peoples_folders_empty(start):
    """Whatever lies at the top of the disk beside the system: another checkout of the staff's repository, for one."""
    with start("files closed") as client:
        if not client.layers.get("folders hidden"):
            pytest.skip("no mount namespace here")
        roots = [Path(path) for path in (sys.prefix, sys.base_prefix, client.project)]
        kept = [str(path) for path in (*roots, *(path.resolve() for path in roots))]
        code = f"kept, tops = {kept}, set(os.listdir('/')) - {isolation.SYSTEM} - {{'tmp'}}; "
        code += "seen = [folder for top in tops for folder, _, files in os.walk('/' + top) if files and "
        code += "not any((folder + '/').startswith(path + '/') for path in kept)]; assert not seen, seen"
        assert call(client, code) == RIGHT


@pytest.mark.parametrize(
    "line",
    [
        f"open({str(ROOT / 'visualizers/saliency_map.py')!r})",  # the solution, which everybody may read
        f"open({str(ROOT / 'README.md')!r})",
        "os.listdir('/tmp')",
        "os.listdir('/')",
        "open('/tmp/left', 'w')",
        "open('/dev/shm/left', 'w')",
        "os.mkdir('/var/tmp/left')",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "open('/proc/%d/environ' % os.getppid()).read()",
        "os.kill(os.getppid(), 0)",
    ],
)
def test_without_a_namespace_landlock_closes_what_student_code_need_not_see(docker, line):
    if not docker.layers["files closed"]:
        pytest.skip("the kernel has no Landlock")
    assert call(docker, line)["error"]["type"] in ("PermissionError", "OSError"), line


def test_without_a_namespace_a_call_has_what_it_needs(docker):
    """Its own folder, Python's packages, the given files, /dev/null, pipes, a process of its own."""
    needed = "open('own', 'w').write('1'); open('/dev/null', 'w').write('1'); "
    needed += "__import__('subprocess').run(['true'], check=True); a, b = socket.socketpair(); "
    needed += "open(os.path.join(os.path.dirname(np.__file__), 'version.py')).read(); open(__file__).read(); "
    needed += "__import__('tempfile').NamedTemporaryFile().write(b'1'); os.listdir(os.getcwd())"
    assert call(docker, needed) == RIGHT


def test_a_folder_that_holds_a_closed_one_is_opened_by_what_else_is_in_it(tmp_path):
    for name in ("usr/lib/python", "usr/src/course/staff", "usr/src/other", "opt"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "usr/src/course")
    found = landlock.list_open(sorted(tmp_path.iterdir()), [tmp_path / "usr/src/course"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["opt", "usr/lib", "usr/src/other"]
