import numpy as np


def unit(x):
    return x / np.linalg.norm(x)
