"""What tests share: the way to students' code, and what a failure says beside its message."""

import pytest
import torch

from tests import inputs, probes

torch.set_num_threads(1)  # the networks are small: more threads mostly wait for each other, above all on a busy machine


@pytest.fixture
def X():
    """Three small images."""
    return torch.from_numpy(inputs.scenes(height=64, width=64))


@pytest.fixture
def y():
    """A class to explain for each of them."""
    return torch.tensor([4, 0, 1])


@pytest.fixture
def probe(request):
    """Ask one thing of a student's code: `probe("saliency", network="embedded", X=X, y=y)["maps"]`."""
    return request.config.stash.get(probes.REACH, probes.call)


def pytest_configure(config):
    config.addinivalue_line("markers", "points(n): what the test weighs within its part")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under a failure of a test with points: its part, its weight, and the line that says what was asked."""
    report = yield
    points = item.get_closest_marker("points")
    if points and report.failed:
        parts = item.config.getini("markers")
        part = next((line for line in parts if item.get_closest_marker(line.partition(":")[0]) and line != points), "")
        lines = [f"{part.partition(': ')[2] or part}; this test weighs {points.args[0]}", item.function.__doc__ or ""]
        report.sections.append(("what was asked", "\n".join(lines).strip()))
    return report
