"""Is a grading the same wherever it runs? The solution and ten variants under umasks, users, paths and another clone.

    python -m staff.proofs.everywhere [--count 10]

Needs root and git. Expect ten minutes on two quiet cores, and a line for each place. Each test's points are compared
with those of root under umask 022. Exits with 1 where one differs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder import intake, isolation
from autograder.assignment import ROOT
from autograder.forking import Grader
from staff.mutants import variants
from staff.proofs import environments

SEED = 7
# Of each place: kind of user, umask, whether it is a clone at a path that globs and shells could mistake.
PLACES = {
    "root, umask 022": ("root", 0o022, False),
    "root, umask 027": ("root", 0o027, False),
    "root, umask 077": ("root", 0o077, False),
    "root without CAP_SYS_ADMIN": ("container", 0o022, False),
    "root without CAP_SYS_ADMIN, umask 077": ("container", 0o077, False),
    "a user with user namespaces": ("user", 0o022, False),
    "a user with --unprotected": ("bare", 0o022, False),
    "another clone": ("root", 0o022, True),
    "another clone, a user with user namespaces": ("user", 0o077, True),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10, help="of variants")
    parser.add_argument("--here", action="store_true", help="only grade here, and print what each test earned")
    args = parser.parse_args(argv)
    if args.here:
        print(json.dumps(grade_here(args.count)))
        return 0
    found, unlike = {}, 0
    with tempfile.TemporaryDirectory(prefix="a [1] ü ") as folder:
        Path(folder).chmod(0o755)
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for name, (kind, umask, cloned) in PLACES.items():
            found[name] = _grade_as(kind, umask, clone if cloned else ROOT, args.count, folder)
            differs = [what for what, had in found[name].items() if had != next(iter(found.values()))[what]]
            unlike += bool(differs)
            print(f"{name:45} {len(found[name])} tests, {len(differs)} differ  {', '.join(differs[:3])}", flush=True)
    return int(unlike > 0)


def grade_here(count: int) -> dict[str, float]:
    """Return the points of each test of the solution, and of each variant's own part."""
    solution, found = variants.solution(), {}
    chosen = random.Random(0).sample(variants.every(), count)
    submissions = {("the solution", ""): solution} | {(v.name, v.part): solution | v.files for v in chosen}
    with Grader(unprotected=not isolation.separates()) as grader:
        for (name, part), files in submissions.items():
            results = json.loads(grader.grade(intake.Submission(files=files), SEED, part=part)[0])
            found |= {f"{name}: {test['name']}": test["score"] for test in results["tests"]}
            found |= {f"{name}: graded": float("score" in results)}
    return found


def _grade_as(kind: str, umask: int, root: Path, count: int, folder: str) -> dict[str, float]:
    command = [*environments.prefix(kind), sys.executable, "-B", "-m", "staff.proofs.everywhere", "--here"]
    home = Path(folder, kind)
    home.mkdir(exist_ok=True)
    home.chmod(0o777)
    done = subprocess.run([*command, "--count", str(count)], cwd=root, umask=umask, check=True, stdout=subprocess.PIPE,
                          env=os.environ | {"HOME": str(home)})  # fmt: skip
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
