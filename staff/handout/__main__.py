"""Builds the handout and proves it: dist/handout/ and dist/assignment_3_handout.zip.

    make handout
    make handout ARGS=--reuse-venv      with this repository's packages, not a new installation of them

Expect one line for each proof. Nothing is left in dist/ unless all of them hold.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from staff.handout import assignment, build, contents, proofs, template
from staff.handout.contents import ContentsError
from staff.handout.markers import MarkerError
from staff.handout.proofs import ProofError


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the handout and prove it.")
    parser.add_argument("--reuse-venv", action="store_true", help="prove it with this repository's packages")
    args = parser.parse_args(argv)
    dist = contents.ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="handout-", dir=dist) as folder:
        try:
            make(Path(folder), dist, args.reuse_venv)
        except (MarkerError, ContentsError, ProofError, template.TemplateError) as problem:
            print(f"no handout: {problem}", file=sys.stderr)
            return 1
    return 0


def make(work: Path, dist: Path, reuse_venv: bool) -> None:
    handout, again, solved = work / "handout", work / "again", work / "solved"
    for folder in (handout, again):
        build.write_folder(folder)
        assignment.write_pdf(folder / "docs" / "assignment.md", folder / "assignment.pdf")
    build.write_folder(solved, solved=contents.part_numbers())
    build.write_zip(handout, work / build.ZIP_NAME)
    build.write_zip(again, work / "again.zip")
    _say(proofs.same_bytes(work / build.ZIP_NAME, work / "again.zip"))
    _say(proofs.no_solution_line(handout))
    _say(proofs.nothing_of_staff(handout))
    _say(proofs.links_arrive(handout))
    if reuse_venv:
        proofs.borrow_environment(again)
        _say("NOT proved: the installation, since --reuse-venv was asked for")
    else:
        _say(proofs.installs(again))
    _say(proofs.imports(again))
    _say(proofs.scripts_name_their_part(again))
    _say(proofs.labs_name_their_part(again))
    _say(proofs.tests_fail_for_unsolved_parts_alone(again))
    _say("as it is: " + proofs.scores(handout, proofs.BASELINE))
    _say("with the solution put back: " + proofs.scores(solved, None))
    if (dist / "handout").exists():
        shutil.rmtree(dist / "handout")
    shutil.move(handout, dist / "handout")
    (work / build.ZIP_NAME).replace(dist / build.ZIP_NAME)
    _say(f"wrote {dist / 'handout'} and {dist / build.ZIP_NAME}")


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
