"""Answer what assignment.toml does not say of this assignment. autograder/adapter.py says what each answer is.

The process that student code is forked from loads this module: what is secret is imported where it is used.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import numpy as np

from autograder import adapter
from autograder.adapter import Loop, Pictures
from staff import earlier_semesters

MANY = 6  # images, which must take as many operations and calls of the network as one does


class OurAdapter(adapter.Adapter):
    needed = ("image_utils.py", "figures", "methods.py", "visualizers/network.py", "visualizers/hints.py", "pretrained",
              "images", "tests/networks.py")  # fmt: skip
    packed = ("pyproject.toml", "staff/__init__.py", "staff/adapter.py", "staff/earlier_semesters.py",
              "staff/pictures.py", "staff/references")  # fmt: skip
    packages = ("torch", "torchvision", "captum", "numpy", "scipy", "pillow", "matplotlib", "pytest")
    quiet = ("pretrained/",)

    def load(self) -> None:
        for name in (
            "torch", "torch.utils._python_dispatch", "torchvision.models", "torchvision.transforms.v2", "captum.attr",
            "scipy.ndimage", "matplotlib.pyplot", "matplotlib.backends.backend_agg", adapter.PROBES,
            # of the given files, what students' import
            "image_utils", "visualizers.network", "style_modules", "figures.figure", "figures.images",
            "figures.measured", "figures.script", "pretrained.settings",
        ):  # fmt: skip
            importlib.import_module(name)
        import matplotlib
        from matplotlib import font_manager, pyplot

        sys.modules["torch"].set_num_threads(1)  # threads do not survive a fork: none may have started
        pyplot.switch_backend("agg")  # and Agg it stays, since a student's backend may need a screen
        matplotlib.use = pyplot.switch_backend = lambda *_, **__: None
        font_manager.fontManager.get_font_names()  # the list of fonts, and
        importlib.import_module("tests.networks").build("embedded")  # much of torch: seconds that children save

    def count(self, call: Callable[[], dict], place: Callable[[Any], str]) -> tuple[dict, Counter[str]]:
        """Operations on tensors, counted below autograd."""
        from torch.utils._python_dispatch import TorchDispatchMode

        lines: Counter[str] = Counter()

        class Counting(TorchDispatchMode):
            def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
                lines[place(sys._getframe(1))] += 1
                return operation(*arguments, **(keywords or {}))

        with Counting():
            return call(), lines

    def try_out(self) -> tuple[np.ndarray, np.ndarray]:
        """A gradient and a convolution, which are exact in any precision."""
        import torch

        x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
        (x**2).sum().backward()
        total = torch.nn.functional.conv2d(torch.full((1, 3, 8, 8), 1.5), torch.ones(1, 3, 3, 3)).sum()
        return np.append(x.grad.numpy(), total.item()), np.array([2.0, -4.0, 6.0, 1458.0])

    def watch(self, note: Callable[[str, object, object], None]) -> Callable[[], None]:
        from tests import compare

        assert_close = compare.assert_close

        @wraps(assert_close)
        def compare_watched(name, got, expected, *arguments, **keywords):
            __tracebackhide__ = True
            note(name, got, expected)
            return assert_close(name, got, expected, *arguments, **keywords)

        def end() -> None:
            compare.assert_close = assert_close

        compare.assert_close = compare_watched  # before any test module takes it
        return end

    def draw(self, name: str, got: object, expected: object = None) -> Pictures:
        from staff import pictures

        return pictures.draw(name, got, expected)

    def draw_answer(self, answer: dict[str, Any]) -> Pictures:
        from staff import pictures

        return pictures.draw_answer(answer)

    def take_notes(self) -> list[tuple[str, float]]:
        """By what single numbers were wrong."""
        from tests import compare

        return compare.take_factors()

    def conclude(self, noted: Mapping[str, list], is_hidden: Callable[[str], bool]) -> dict[str, list[str]]:
        from tests import compare

        sentences = compare.name_factors(entry for entries in noted.values() for entry in entries)
        found: dict[str, list[str]] = {}
        for test, entries in noted.items():
            for name in {name for name, factor in entries if factor != 1} & sentences.keys():
                secret = f"it is a multiple of what is expected, the same in all tests of the {name}."
                found.setdefault(test, []).append(secret if is_hidden(test) else sentences[name])
        return found

    def hint(self, error: str, trace: str) -> str:
        from tests import hints

        return hints.of(error, trace)

    def loops(self) -> Iterator[Loop]:
        rng = np.random.default_rng(0)
        images = rng.standard_normal((MANY, 3, 64, 64)).astype(np.float32)
        labels = np.arange(MANY) % 5
        for probe in ("saliency", "guided_backprop", "grad_cam"):
            few, many = ({"network": "embedded", "X": images[:n], "y": labels[:n]} for n in (1, MANY))
            yield probe, f"{MANY} images as for one", few, many
        features = rng.standard_normal((MANY, 4, 5, 6)).astype(np.float32)
        yield "gram_matrix", f"{MANY} images as for one", {"features": features[:1]}, {"features": features}
        few, many = ({"image": images[:1, :, :size, :size], "weight": 1.0} for size in (4, 64))
        yield "tv_loss", "a large image as for a small one", few, many

    def remember(self) -> dict:
        from staff.references import remembering

        remembering.remember()
        return remembering.KNOWN

    def find_earlier(self, files: Mapping[str, bytes]) -> dict[str, str]:
        return earlier_semesters.find_earlier(files)

    def comes_of_earlier(self, part: str, output: str) -> bool:
        return bool(earlier_semesters.FAILURES[part].search(output))

    def hand_out(self, file: str) -> str:
        from staff.handout import contents, markers

        text = (contents.ROOT / file).read_text(encoding="utf-8")
        return markers.hand_out(file, text, contents.part_numbers()) if file in contents.list_written() else text


ADAPTER = OurAdapter()
