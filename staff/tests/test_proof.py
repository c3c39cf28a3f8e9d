"""The grader's proof in small. All of it: make mutants, make hostile."""

import ast
import subprocess
import sys

import pytest

from autograder.assignment import ROOT
from staff.mutants import __main__ as mutants
from staff.mutants import variants
from staff.proofs.hostile import archives, payloads

VARIANTS = [f"content_loss: {name}" for name in ("mse_loss", "half", "absolute", "matrices", "flattened", "shape (1,)")]
ATTACKS = ["patches the frames", "very deep folders"]


def run(module, words):
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_variants_can_be_made():
    """Each is Python and differs from the others; every student function has at least five wrong ones."""
    made = variants.every()
    assert not [variant.problem for variant in made if variant.problem]
    sources = [source for variant in made for source in variant.files.values()]
    assert len({ast.dump(ast.parse(source)) for source in sources}) == len(sources)
    wrong = [variant.name.partition(":")[0] for variant in made if variant.says]
    assert len(wrong) >= 60 and len(made) - len(wrong) >= 40
    assert min(wrong.count(title) for title in set(wrong)) >= 5


def test_all_attacks_can_be_made(tmp_path):
    facts = {"mark": "m", "root": "/r", "out": "/o", "port": 1, "user": 0}
    for name in payloads.BODIES:
        ast.parse(payloads.source(name, **facts))
    assert len({**payloads.BODIES, **payloads.FILES, **archives.ARCHIVES}) >= 40


@pytest.mark.proof
def test_wrong_variants_are_named_and_right_ones_pass(capsys):
    assert mutants.main([*VARIANTS, "--processes", "1"]) == 0
    said = capsys.readouterr().out
    assert "3 wrong variants: 0 judged wrongly, 3 (100%)" in said
    assert "4 right variants: 0 lose points." in said
    assert "Silent tests: " in said


@pytest.mark.proof
def test_attacks_gain_nothing_and_leave_nothing():
    assert "2 attacks: 0 did not fail as they should" in run("staff.proofs.hostile", ["--warm", *ATTACKS])
