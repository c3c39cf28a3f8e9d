"""Functions that keep their results, for a process that asks them the same again and again, as for a whole class."""

import hashlib
import importlib
import inspect
import io
import pickle
import pkgutil
from collections.abc import Callable
from functools import wraps
from types import ModuleType

import numpy as np
from torch import Tensor

from staff import references

KNOWN: dict[bytes, object] = {}  # results, by function and arguments
keeping = False  # whether functions keep their results


def remember() -> None:
    """Keep results from now on: with one seed, hidden tests ask the same of every submission."""
    global keeping
    keeping = True
    for entry in pkgutil.iter_modules(references.__path__):
        if entry.name not in ("__main__", "remembering", "shared", "stored"):
            _remember(importlib.import_module(f"{references.__name__}.{entry.name}"))


def keep_drawn(make: Callable) -> Callable:
    """Wrap a function that draws what a test asks. Its first argument is the generator, left as if drawn from."""

    @wraps(make)
    def draw(rng: np.random.Generator, *arguments):
        if not keeping:
            return make(rng, *arguments)
        key = _digest((make.__module__, make.__name__, rng.bit_generator.state, arguments))
        if key not in KNOWN:
            KNOWN[key] = make(rng, *arguments), rng.bit_generator.state
        result, rng.bit_generator.state = KNOWN[key]
        return result

    return draw


def _remember(module: ModuleType) -> None:
    def remembering(function):
        @wraps(function)
        def recall(*arguments, **keywords):
            try:
                key = _digest((function.__module__, function.__name__, arguments, sorted(keywords.items())))
            except (pickle.PicklingError, AttributeError, TypeError):  # functions among the arguments
                return function(*arguments, **keywords)
            if key in KNOWN:
                return KNOWN[key]
            result = function(*arguments, **keywords)
            if _is_plain(result):
                KNOWN[key] = result
            return result

        return recall

    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and name[0] != "_" and name not in ("one_hot", "through"):
            setattr(module, name, remembering(function))


def _is_plain(result: object) -> bool:
    """Tell whether no function is among it: that could not be handed on to another process."""
    if isinstance(result, dict | list | tuple):
        return all(map(_is_plain, result.values() if isinstance(result, dict) else result))
    return not callable(result)


class _Pickler(pickle.Pickler):
    """Tensors by their values: as torch pickles them, where they lie in memory goes in too."""

    def reducer_override(self, value):
        return (np.array, (value.detach().numpy(),)) if isinstance(value, Tensor) else NotImplemented


def _digest(value: object) -> bytes:
    """Digest all that it holds; arrays go in where they lie, without a copy."""
    text, digest = io.BytesIO(), hashlib.sha256()
    _Pickler(text, protocol=5, buffer_callback=digest.update).dump(value)
    digest.update(text.getbuffer())
    return digest.digest()
