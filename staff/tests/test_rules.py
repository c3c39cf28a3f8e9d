"""The handout's rules: what breaks one is told, with its line, and costs nothing else."""

import pytest

from autograder import intake, rules, workspace
from autograder.assignment import read
from autograder.client import Client

LIMITS = {"seconds": 60, "memory": 1 << 30}
LOOPS = {
    "saliency": (
        "visualizers/saliency_map.py",
        "class_scores(model(X), y)",
        "class_scores(torch.cat([model(x[None]) for x in X]), y)",
    ),
    "gram_matrix": (
        "style_modules/style_loss.py",
        "        return gram / (C",
        "        gram = torch.stack([f @ f.T for f in flat])\n        return gram / (C",
    ),
    "tv_loss": (
        "style_modules/tv_loss.py",
        "(img[:, :, 1:, :] - img[:, :, :-1, :]).square().sum()",
        "sum((img[:, :, i + 1] - img[:, :, i]).square().sum() for i in range(img.shape[2] - 1))",
    ),
}


@pytest.fixture(scope="module")
def client(open_folder, servers):
    workspace.build(open_folder / "project", intake.Submission(), read())
    with Client(open_folder / "project", [], launch=servers.launch) as started:
        yield started


class Plugin:
    """Stand-in for as much of the grading plugin as the rules need."""

    def __init__(self, client):
        self.client = client

    def call(self, name, count=False, **arguments):
        return self.client.call(name, LIMITS | {"count": count}, **arguments)


def count(client, submission):
    for name in read().files:
        (client.project / name).write_bytes((submission / name).read_bytes())
    return rules._find_loops(Plugin(client), read())


def test_the_solution_takes_as_much_for_many_images_as_for_one(client, submission):
    assert count(client, submission) == []


def test_loops_over_images_and_pixels_are_told_with_their_line(client, submission):
    for name, before, after in LOOPS.values():
        text = (submission / name).read_text()
        assert text.count(before) == 1
        (submission / name).write_text(text.replace(before, after))
    lines = count(client, submission)
    assert [line.partition(":")[0] for line in lines] == list(LOOPS)
    assert "5 more calls of the network" in lines[0]
    for line, (name, _, after) in zip(lines, LOOPS.values()):
        number = (submission / name).read_text().partition(after)[0].count("\n") + 1
        assert f"{name}, line {number}" in line or f"{name}, line {number + 1}" in line
