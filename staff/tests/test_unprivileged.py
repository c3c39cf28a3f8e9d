"""The grader where it is not root: the child has the grader's own user, in namespaces of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from staff.tests.conftest import GRADE, ROOT

NOBODY = 65534
# In mounts of its own: where Python lies in a folder that is closed to others, such as /root, it is seen all the same.
AS_NOBODY = """
if [ -n "$CLOSED" ]; then
    mount --bind "$BASE" "$KEEP" && mount -t tmpfs -o mode=755 tmpfs "$CLOSED" || exit 77
    mkdir -p "$BASE" && mount --bind "$KEEP" "$BASE" || exit 77
fi
exec setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups "$@"
"""


CHANNELS = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from staff.tests import test_channels
Path(sys.argv[2]).write_text(json.dumps(test_channels.leave_and_find(test_channels.build_channel(Path(sys.argv[1])))))
"""
pytestmark = [
    pytest.mark.timeout(360),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user"),
]


@pytest.fixture
def folder(open_folder, tmp_path):
    """A run with folders keep/ and results/ of that other user."""
    folder = open_folder / tmp_path.name
    for name in ("keep", "results"):
        (folder / name).mkdir(parents=True)
        os.chown(folder / name, NOBODY, NOBODY)
    return folder


def as_nobody(folder, code, *arguments):
    """Run Python code as another user, which writes JSON to the file that its second argument names."""
    base = Path(sys.base_prefix)
    closed = next((path for path in reversed(base.parents) if not path.stat().st_mode & 1), "")
    out = folder / "results/results.json"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", sys.executable, "-B", "-c", code, *arguments, str(out)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "results"), "NOBODY": str(NOBODY)}
        | {"CLOSED": str(closed), "BASE": str(base), "KEEP": str(folder / "keep")},
        capture_output=True,
        text=True,
        timeout=330,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("mounts of one's own are not allowed here")
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


@pytest.mark.proof
def test_the_solution_is_graded_by_a_grader_that_is_not_root(folder, submission):
    shutil.copytree(submission, folder / "submission")
    results = as_nobody(folder, GRADE, str(folder / "submission"))
    assert results["extra_data"]["grader_problems"] == []
    assert results["score"] == 22
    layers = results["extra_data"]["layers"]
    assert "user namespace" in layers, "it was not root"
    if layers["user namespace"]:
        assert results["extra_data"]["layers_missing"] == []
    assert layers["unprivileged user"] and layers["limits"] and layers["no new privileges"]


@pytest.mark.proof
def test_nothing_that_a_submission_leaves_reaches_the_next(folder):
    found = as_nobody(folder, CHANNELS.format(root=str(ROOT)), str(folder / "results/project"))
    assert found and set(found.values()) == {"nothing"}
