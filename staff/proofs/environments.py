"""Run a command with the rights of another kind of user, to see how the grader does there. Needs root.

    python -m staff.proofs.environments KIND COMMAND ...

KIND is one of: root (with everything), container (root without CAP_SYS_ADMIN, so without namespaces), user (with user
namespaces), bare (a user without). Where Python lies in a folder that is closed to others, it is shown to them.
"""

import os
import sys
from pathlib import Path

from autograder import kernel

NOBODY = 65534
_AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
# What stands before the command, in the end.
KINDS = {"root": [], "container": ["setpriv", "--bounding-set=-sys_admin"], "user": _AS_NOBODY, "bare": _AS_NOBODY}
REFUSED = "expected to make namespaces as root, got none on this machine: nothing can be shown here"


def main(argv: list[str]) -> None:
    """Never returns: this process becomes the command."""
    kind, *command = argv
    if kind not in KINDS:
        sys.exit(f"expected one of {', '.join(KINDS)}, got {kind}")
    if kind != "root":
        _show_python()
    if kind == "bare":
        _enter_without_namespaces()
    command = [*KINDS[kind], *command]
    os.execvp(command[0], command)


def prefix(kind: str) -> list[str]:
    """Return what stands before a command that is to run so."""
    return [sys.executable, "-m", "staff.proofs.environments", kind]


def _show_python() -> None:
    base = Path(sys.base_prefix)
    closed = next((folder for folder in reversed(base.parents) if not folder.stat().st_mode & 1), None)
    if closed is not None:
        _check(kernel.unshare(kernel.NEW_MOUNTS) and kernel.private_mounts())
        umask = os.umask(0o022)
        _check(kernel.cover(closed, {base: os.open(base, os.O_PATH)}, 1))
        os.umask(umask)


def _enter_without_namespaces() -> None:
    """Enter a user namespace with all users, in which nobody can make another one."""
    outside, inside = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:  # writes the maps, which who enters may not
        me = os.getppid()
        os.read(outside[0], 1)
        for kind in ("uid", "gid"):
            Path(f"/proc/{me}/{kind}_map").write_text("0 0 65536")
        os.write(inside[1], b".")
        os._exit(0)
    _check(kernel.unshare(kernel.NEW_USER))
    os.write(outside[1], b".")
    os.read(inside[0], 1)
    os.waitpid(pid, 0)
    for handle in (*outside, *inside):
        os.close(handle)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _check(done: bool) -> None:
    if not done:
        sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
