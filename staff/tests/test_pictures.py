"""Pictures that the report shows beside a test: what was compared, and the image that was made."""

from io import BytesIO

import numpy as np
from PIL import Image

from autograder.assignment import read
from autograder.plugin import GradingPlugin

X = np.random.default_rng(0).standard_normal((1, 3, 16, 24)).astype(np.float32)


def read_pictures(nodeid, answer):
    plugin = GradingPlugin(lambda probe, **arguments: answer, None, read(), 0)
    plugin._running = nodeid
    assert plugin._ask("fooling", X=X) is answer
    return [(name, [(caption, Image.open(BytesIO(data)).size) for caption, data in row])
            for name, row in plugin.pictures.get(nodeid, [])]  # fmt: skip


def test_the_image_that_was_made_is_shown():
    assert read_pictures("tests/test_fooling_image.py::t", {"image": X}) == [
        ("the image that was made", [("yours", (24, 16))])
    ]


def test_of_a_long_climb_the_last_image_is_shown():
    last = "the last of 12 images that the network saw"
    assert read_pictures("tests/t.py::t", {"inputs": np.repeat(X, 12, 0)}) == [(last, [("yours", (24, 16))])]
    assert read_pictures("tests/t.py::t", {"inputs": np.repeat(X, 2, 0)}) == []


def test_what_is_no_picture_is_not_shown():
    for made in (None, "image", np.zeros(0), np.zeros((2, 2)), np.full((1, 3, 16, 24), None)):
        assert read_pictures("tests/t.py::t", {"image": made, "inputs": made}) == []


def test_of_hidden_tests_nothing_is_shown():
    assert read_pictures("staff/hidden/test_fooling_image.py::t", {"image": X}) == []
