"""The grader where it is not root: the child has the grader's own user, in namespaces of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from staff.tests.conftest import GRADE, MINIATURE, ROOT

NOBODY = 65534
# In mounts of its own: where Python lies in a folder that is closed to others, such as /root, it is seen all the same.
AS_NOBODY = """
if [ -n "$CLOSED" ]; then
    mount --bind "$BASE" "$KEEP" && mount -t tmpfs -o mode=755 tmpfs "$CLOSED" || exit 77
    mkdir -p "$BASE" && mount --bind "$KEEP" "$BASE" || exit 77
fi
exec setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups "$@"
"""


@pytest.mark.timeout(360)
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_solution_is_graded_by_a_grader_that_is_not_root(submission):
    base = Path(sys.base_prefix)
    closed = next((path for path in reversed(base.parents) if not path.stat().st_mode & 1), "")
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        shutil.copytree(submission, folder / "submission")
        for name in ("keep", "results"):
            (folder / name).mkdir()
            os.chown(folder / name, NOBODY, NOBODY)
        code = GRADE.format(root=str(ROOT), suite=str(MINIATURE), deadline=300)
        out = folder / "results/results.json"
        command = [sys.executable, "-B", "-c", code, str(folder / "submission"), str(out)]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", *command],
            env={"PATH": os.environ["PATH"], "HOME": str(folder / "results"), "NOBODY": str(NOBODY)}
            | {"CLOSED": str(closed), "BASE": str(base), "KEEP": str(folder / "keep")},
            capture_output=True,
            text=True,
            timeout=330,
        )
        if done.returncode == 77 or "unshare failed" in done.stderr:
            pytest.skip("mounts of one's own are not allowed here")
        assert done.returncode == 0, done.stderr
        results = json.loads(out.read_text())
    finally:
        shutil.rmtree(folder)
    assert results["score"] == 22
    assert results["extra_data"]["grader_problems"] == []
    layers = results["extra_data"]["layers"]
    assert layers["unprivileged user"] and layers["limits"] and layers["no new privileges"]
    assert "user namespace" in layers, "it was not root"
