"""Programs made by machine: rules keep the meaning, an edit changes one place, and the judge tells them apart."""

import ast
import subprocess
import sys

import pytest
import torch

from autograder.assignment import ROOT
from staff.proofs.generated import __main__ as command
from staff.proofs.generated import edits, making, oracle, patterns, rewrites
from staff.proofs.generated.functions import FUNCTIONS
from staff.proofs.generated.identities import IDENTITIES
from staff.proofs.generated.judging import Here, ProgramVerdict, take_on


def randn(*shape):
    return torch.randn(shape, dtype=torch.float64)


# What the names of a pattern may stand for, where that is not any image (2, 3, 4, 5).
MATRICES = {"_a": randn(2, 3, 4), "_b": randn(2, 5, 4)}
MEANT = {
    "each image's own score": {"_s": randn(3, 5), "_y": torch.tensor([4, 0, 2])},
    "the class of the highest score": {"_s": randn(1, 5)},
    "an index for each axis, or one after the other": {"_s": randn(1, 5), "_y": 3},
    "a product of matrices": MATRICES,
    "a matrix is transposed": {"_a": randn(2, 3, 4)},
    "positions are flattened": {"_n": 2, "_c": 3, "_h": 4, "_w": 5},
    "a weighted sum over the channels": {"_w": randn(2, 3, 1, 1)},
    "equal is not unequal": {"_a": 2, "_b": 3},
    "greater is less, from the other side": {"_a": 2, "_b": 3},
    "a list is added up": {"_a": list(randn(3))},
    "a list of equal length": {"_a": [1, 2], "_b": [3, 4], "_c": [5, 6]},
    "images are joined": {"_a": [randn(1, 3, 4), randn(1, 3, 4)]},
    "a shape is a size": {"_a": randn(2, 3)},
}
PLAIN = [
    identity
    for identity in IDENTITIES
    if "attribute" not in identity.pattern
    and not any(word in identity.pattern for word in ("tqdm", "image[None]"))
    and isinstance(patterns.parse(identity.pattern)[0], ast.Expr)
]


def evaluate(code, names):
    from visualizers.network import class_scores

    found = eval(code, {"torch": torch, "class_scores": class_scores, **names})
    found = list(found) if isinstance(found, zip) else found
    return torch.as_tensor(found, dtype=torch.float64)


# --- rules ---


@pytest.mark.parametrize("identity", PLAIN, ids=lambda identity: identity.rule)
def test_other_words_mean_the_same(identity):
    """On numbers, each way to write it gives what the pattern gives."""
    torch.manual_seed(0)
    names = {f"_{name}": randn(2, 3, 4, 5) for name in "abgknwx"}
    names |= MEANT.get(identity.rule, {})
    expected = evaluate(identity.pattern, names)
    for way in identity.ways:
        got = evaluate(way, names)
        assert got.shape == expected.shape and torch.allclose(got, expected, atol=1e-6), way


STATEMENTS = {
    rewrites.part_gets_a_name: "y = (x + 1) * (x - 1)\n",
    rewrites.name_becomes_its_value: "z = x * x\ny = z + 1\n",
    rewrites.names_are_others: "z = x * x\ny = z + 1\n",
    rewrites.loop_for_list: "z = [i * x for i in range(4)]\ny = sum(z)\n",
    rewrites.while_for_for: "y = 0\nfor i in range(5):\n    if i == x:\n        break\n    y = 3 * y + i + 1\n",
    rewrites.branches_change_places: "y = 0\nif x > 2:\n    y = 5\nelse:\n    y = 6\n",
    rewrites.independent_statements_change_places: "z = x + 1\nw = x + 2\ny = z * w\n",
    rewrites.extra_forward_pass: "y = model(x)\n",
    rewrites.variable: "x = torch.tensor(float(x))\ny = model(x)\n",
}


@pytest.mark.parametrize("rule", STATEMENTS, ids=lambda rule: rule.__name__)
def test_rewritten_statements_do_the_same(rule):
    """Each rule changes its snippet, and y is as before."""
    before = STATEMENTS[rule]
    ways = [patterns.write(body) for body in rule(patterns.parse(before), {"x", "y"})]
    assert ways and before not in ways
    for x in (1, 2, 3):
        done = set()
        for code in (before, *ways):
            names = {"x": x, "torch": torch, "model": lambda x: 2 * x}
            exec(code, names)
            done.add(float(torch.as_tensor(names["y"]).detach()))
        assert len(done) == 1, ways


def test_every_rule_is_a_name_of_its_own():
    assert len(rewrites.RULES) == len(IDENTITIES) + len(STATEMENTS)


# --- edits ---


DIFFERENCES = """\
h = (x[:, :, 1:, :] - x[:, :, :-1, :]).square().sum()
w = (x[:, :, :, 1:] - x[:, :, :, :-1]).square().sum()
return k * (h + w)
"""


def test_an_edit_changes_one_place():
    """Each edit of a block is another one, and differs from it in one line, or in the order of two."""
    block = DIFFERENCES
    found = [(done, patterns.write(body)) for done, body in edits.list_edits(block)]
    assert len(found) > 40
    for done, after in found:
        lines = set(block.splitlines()) ^ set(after.splitlines())
        assert len(lines) <= 2 and after != block, f"{done}\n{after}"
        dropped = len(block.splitlines()) - len(after.splitlines())
        assert dropped == done.startswith("a statement dropped"), f"{done}\n{after}"
    kinds = {done.partition(":")[0] for done, _ in found}
    assert kinds >= {"another operator", "another constant", "a statement dropped", "a call dropped", "a bound dropped"}


def test_edits_reach_loops_and_conditions():
    block = "for i in range(3):\n    if i > 1:\n        break\n"
    found = {patterns.write(body) for _, body in edits.list_edits(block)}
    assert "for i in range(3):\n    if not i > 1:\n        break\n" in found
    assert "for i in range(3):\n    if i > 1:\n        pass\n" in found
    assert "for i in range(4):\n    if i > 1:\n        break\n" in found
    assert "for i in range(20):\n    if i > 1:\n        break\n" in found


def test_edits_give_up_add_up_and_cut_off():
    found = dict(edits.list_edits("self.steps = 0\ny = f(x, w)\nreturn y\n"))
    written = {done: patterns.write(body) for done, body in found.items()}
    assert "self.steps += 0\n" in written["added instead of assigned: self.steps = 0"]
    assert "y = f(x, w).detach()\n" in written["cut off by detach(): y = f(x, w)"]
    assert "return y.item()\n" in written["cut off by item(): return y"]
    assert "y = f(w, x)\n" in written["arguments exchanged: f(x, w) -> f(w, x)"]


def test_what_nobody_writes_is_no_edit():
    """A mask is dropped or turned, and neither added nor divided by; what it compares with stays 0."""
    found = {patterns.write(body) for _, body in edits.list_edits("y = g.clamp(min=0) * (x > 0)\n")}
    assert {"y = g * (x > 0)\n", "y = x > 0\n", "y = g.clamp(min=0) * (x < 0)\n"} <= found
    assert not any("1" in code or "+" in code or "/" in code for code in found)
    found = {patterns.write(body) for _, body in edits.list_edits("y = g.sum(dim=1) * k\n")}
    assert {"y = g.sum(dim=2) * k\n", "y = g.sum(dim=1) / k\n"} <= found


# --- programs ---


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_seed_makes_the_same_programs_again(function):
    """And no two of them are alike."""
    made = [list(command.draw(function, 2, seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert len({program.block for program in made[0]}) == len(made[0]) >= 4
    for program in made[0]:
        compile(FUNCTIONS[function].source(program.block), FUNCTIONS[function].file, "exec")


def test_an_endless_loop_is_ended_and_its_line_is_told(monkeypatch):
    from autograder.client import CallFailed

    program = making.Program("content_loss", 0, True, (), "while True:\n    content_weight = content_weight + 0\n")
    monkeypatch.setitem(sys.modules, "style_modules.content_loss", type(sys)("style_modules.content_loss"))
    take_on(program)
    with pytest.raises(CallFailed, match="was ended after 1 seconds") as caught:
        zeros = torch.zeros(1, 3, 4, 5).numpy()
        Here().call("content_loss", {"seconds": 1}, weight=1.0, current=zeros, original=zeros)
    assert caught.value.hung and caught.value.line.startswith("style_modules/content_loss.py, line ")


def test_what_differs_less_than_a_tolerance_is_set_aside():
    program = next(making.draw_edits("content_loss", 1, 0))
    between = ProgramVerdict(program, error=1e-5, had=6, most=6)
    assert not (between.is_right or between.is_wrong or between.judged_wrongly)
    assert ProgramVerdict(program, error=1.0, had=6, most=6).judged_wrongly
    assert ProgramVerdict(program, error=0.0, had=5, most=6).judged_wrongly
    assert not ProgramVerdict(program, error=1.0, had=5, most=6).judged_wrongly


def test_the_oracle_asks_inside_the_contract():
    """The solution answers what it is asked, without a warning: no dead class, no image that is not fooled."""
    losses = [name for name in FUNCTIONS if name.endswith("_loss")]
    for function in ("saliency", "custom_relu", "grad_cam", "gram_matrix", *losses):
        found, raised = oracle.find_error(oracle.draw_checks(function, 5))
        assert found <= FUNCTIONS[function].near, raised


@pytest.mark.proof
def test_a_sample_of_programs_is_judged_rightly():
    """A few of a quick function, in forks of a process of its own."""
    some = ["--count", "3", "--seed", "5", "--processes", "1", "--function", "content_loss"]
    done = subprocess.run(
        [sys.executable, "-m", "staff.proofs.generated", *some], cwd=ROOT, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Judged wrongly" not in done.stdout
    (everyone,) = (line for line in done.stdout.splitlines() if line.startswith("all "))
    assert everyone.split()[:3] == ["all", "3", "0"], done.stdout
