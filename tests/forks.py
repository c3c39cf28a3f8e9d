"""Python commands, each in a fork of one process that has the packages loaded: quick ones.

Started as a script it takes commands from stdin, `[folder, file for stdout, file for stderr, argument, ...]` as JSON,
one a line, and answers each with its exit status.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path


class Forks:
    """Run `python arguments` in a folder, as subprocess.run would; without os.fork, as on Windows, it is what runs."""

    def __init__(self, python: Path | str = sys.executable) -> None:
        """python: of the environment whose packages are loaded."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        one = {"OMP_NUM_THREADS": "1"}  # more threads mostly wait for each other, above all on a busy machine
        self.python, self.environment = str(python), kept | one
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        if not sys.platform.startswith("linux"):  # macOS has os.fork, but its libraries do not survive it
            command = [self.python, *arguments]
            return subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True)
        self.process = self.process or subprocess.Popen(
            [self.python, "-B", __file__], env=self.environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as place:
            files = [Path(place, name) for name in ("stdout", "stderr")]
            try:
                self.process.stdin.write(json.dumps([str(folder), *map(str, files), *arguments]) + "\n")
                self.process.stdin.flush()
                status = int(self.process.stdout.readline())
            except BaseException:  # a test that is out of time, or Ctrl+C
                self.close()
                raise
            return subprocess.CompletedProcess(arguments, status, *(file.read_text(encoding="utf-8") for file in files))

    def close(self) -> None:
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            self.process = None


def serve() -> None:
    for package in ("captum.attr", "matplotlib.figure", "pytest", "torchvision.models"):
        importlib.import_module(package)
    for line in sys.stdin:
        folder, out, err, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(folder, out, err, arguments))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(folder: str, out: str, err: str, arguments: list[str]) -> int:
    sys.stdout, sys.stderr = (open(name, "w", encoding="utf-8", buffering=1) for name in (out, err))
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stderr.fileno(), 2)
    os.chdir(folder)
    try:
        if arguments[0] == "-m":
            sys.path[0], sys.argv = folder, arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] == "-c":
            sys.path[0], sys.argv = folder, ["-c"]
            exec(arguments[1], {"__name__": "__main__"})
        else:
            sys.path[0], sys.argv = str(Path(arguments[0]).resolve().parent), arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # which a script may have replaced
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve()
