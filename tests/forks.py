"""Python commands in a student's folder, each in a fork of one process that has the packages loaded: quick ones.

Started as a script in that folder it takes commands from stdin, `[file for what it says, argument, ...]` as JSON, one
a line, and answers each with its exit status.
"""

import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from pathlib import Path


class Forks:
    """Runs `python arguments` in `folder`, as subprocess.run would."""

    def __init__(self, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        self.said = folder.with_name("said.txt")
        self.process = subprocess.Popen(
            [folder / ".venv" / "bin" / "python", "-B", __file__],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.process.stdin.write(json.dumps([str(self.said), *arguments]) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, self.said.read_text(encoding="utf-8"), "")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def serve() -> None:
    for package in ("captum.attr", "matplotlib.pyplot", "pytest", "torchvision.models"):
        importlib.import_module(package)
    for line in sys.stdin:
        said, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(said, arguments))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(said: str, arguments: list[str]) -> int:
    file = open(said, "w", encoding="utf-8", buffering=1)
    sys.stdout = sys.stderr = file
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
    sys.path[0] = os.getcwd()
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        file.flush()
    return 0


if __name__ == "__main__":
    serve()
