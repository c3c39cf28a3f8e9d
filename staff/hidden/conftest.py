"""Shared by hidden tests: the way to students' code, and random numbers."""

import pytest

from autograder import plugin
from tests.conftest import probe, pytest_configure, pytest_runtest_makereport  # noqa: F401


@pytest.fixture
def rng(request):
    """The same for the same submission and test."""
    return plugin.rng(request)
