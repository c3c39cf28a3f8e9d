"""What the labs' tests share: a bench with the embedded network, and small images."""

import pytest
import torch

import pretrained
from labs.lab import Bench

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def source():
    return pretrained.load("embedded", "cpu")


@pytest.fixture
def bench(source):
    """A bench on which a lab takes seconds."""
    return Bench(source, quick=True)
