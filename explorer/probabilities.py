"""Scores as people read them."""

import numpy as np


def probabilities(scores: np.ndarray) -> np.ndarray:
    """The softmax of scores (K,), in double precision."""
    powers = np.exp(scores.astype(np.float64) - scores.max())
    return powers / powers.sum()


def likeliest(scores: np.ndarray, count: int = 1) -> list[int]:
    """The classes with the highest scores, the highest first."""
    return np.argsort(-scores, kind="stable")[:count].tolist()
