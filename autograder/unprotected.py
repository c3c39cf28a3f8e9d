"""Grading without rights, where staff ask for it: by a copy of the grader, which is compared after each submission."""

import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from autograder import pack
from autograder.assignment import ROOT, Assignment
from autograder.files import fill
from autograder.results import Results

RUN = "import sys; sys.path.insert(0, {!r}); from autograder import __main__; sys.exit(__main__.main({!r}, {!r}))"


class Copy:
    """A copy of what grading needs, in a folder of its own, and what it held when it was made."""

    def __init__(self, assignment: Assignment) -> None:
        self.origins = tuple(dict.fromkeys((ROOT, assignment.root)))
        self.root = Path(tempfile.mkdtemp(prefix="copy-"))
        fill(self.root, {name: path.read_bytes() for name, path in pack.files(assignment).items()})
        self.digests = self._read()

    def run(self, argv: list[str]) -> int:
        """Run `python -m autograder` by this copy; return its exit status."""
        code = RUN.format(str(self.root), argv, [str(path) for path in self.origins])
        return subprocess.run([sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL).returncode

    def refusal(self) -> Results | None:
        """Return results without points where a file is not what it was; None where all are."""
        changed = pack.changes(self.digests, self._read())
        if not changed:
            return None
        results = Results(facts={"unprotected": True, "seed": "unknown"})
        results.refuse(f"files of the grader changed while it was graded ({', '.join(changed[:5])}): look at its code")
        results.facts["grader_problems"] = [results.ungraded]
        return results

    def _read(self) -> dict[str, str]:
        paths = [path for path in self.root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
        return {path.relative_to(self.root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in paths}

    def delete(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
