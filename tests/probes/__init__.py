"""The one way from a test to students' code: names, numbers and arrays go in, numbers and arrays come out.

Each probe asks one thing of a student's module, which it imports when it is called. Run plainly, `call` does it in this
process; the grader puts a callable of its own under REACH that does it in an isolated one.

Every answer also holds facts on the call:
    warnings, printed: text; calls: how often the network was run; images: how many images it saw in all;
    changed: what of the network, the random state or PyTorch's settings is not as it was; written: inputs that are not;
    marked: inputs whose requires_grad is another, or that have got a .grad.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

REACH = pytest.StashKey[Any]()  # under it in config.stash: the callable that tests use instead of `call`


def find_probes() -> dict[str, Callable[..., dict[str, Any]]]:
    """Every public function of the modules here, by its name, but those of facts.py, which the others share."""
    found = {}
    for entry in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        if entry.name != "facts":
            found |= {name: function for name, function in inspect.getmembers(module, inspect.isfunction)
                      if function.__module__ == module.__name__ and not name.startswith("_")}  # fmt: skip
    return found


PROBES = find_probes()


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Call the probe of this name in this process."""
    return PROBES[name](**arguments)
