"""Takes up edited files in a notebook, by IPython's %autoreload: `%load_ext figures.reload`."""

from typing import Any

from torch.autograd.function import BackwardCFunction


def load_ipython_extension(shell: Any) -> None:
    """Begin, with files that are read whole: IPython 9 would compile an edited function alone, with other lines.

    A class with a backward of its own and what PyTorch makes of it name each other: IPython would go round in circles.
    """
    import IPython
    from IPython.extensions import autoreload

    autoreload.UPDATE_RULES.insert(0, (_is_backward, lambda old, new: None))
    autoreload.load_ipython_extension(shell)
    shell.run_line_magic("autoreload", "2 --full" if IPython.version_info[0] > 8 else "2")


def _is_backward(old: object, new: object) -> bool:
    return isinstance(old, type) and issubclass(old, BackwardCFunction)
