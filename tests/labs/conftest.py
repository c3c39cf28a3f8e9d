"""Fixtures of the labs' tests: the embedded network with its scenes, and a bench with small ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import pretrained
from labs.lab import Bench
from tests.labs import small

SIDE = 96  # pixels of small scenes: the network still names nearly all of them rightly
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def source():
    return pretrained.load("embedded", "cpu")


@pytest.fixture(scope="session")
def small_source(source):
    """The same network with its scenes at SIDE pixels."""
    scenes = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BOX)) for one in source.images]
    masks = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE))) for one in source.masks]
    return replace(source, images=np.stack(scenes), masks=np.stack(masks))


@pytest.fixture
def bench(small_source):
    """A bench on which a lab takes seconds."""
    return Bench(small_source, quick=True)


@pytest.fixture
def two():
    """A linear network of two classes, three grey pictures, their classes, and the weights of the margin."""
    model, x = small.linear(), small.grey(3)
    return model, x, model(x).argmax(1), model[1].weight[0] - model[1].weight[1]
