"""Files that are not this semester's: recognised by their own lines, and said once instead of by twenty failures."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from staff.grader.results import Test

POINTER = b"version https://git-lfs.github.com/spec/"  # what Git LFS leaves in a file's place
CAPTUM = {
    "saliency_map.py": ("integrated_gradients",),
    "gradcam.py": ("layer_conductance", "neuron_responses"),
}  # the functions that students write there today
STYLE_TRANSFER = re.compile(rb"^def style_transfer\s*\((.*?)\)\s*(->[^\n:]*)?:", re.DOTALL | re.MULTILINE)
SWAPPED = re.compile(rb"\.resize\(\s*\(?\s*X_tensor(\[[^\]]*\])?\s*\.(shape|size\(\))")  # PIL takes the width first
FAILURES = {
    "style_transfer": re.compile(r"unexpected keyword argument|positional argument"),
    "captum": re.compile(r"cannot import name|AttributeError"),
    "gradcam": re.compile(r"the map is turned|Shapes do not fit"),
}
SEE = "This comes of given lines of an earlier semester: see the note on top."
NAMES = 3  # of files that are told


def notes(files: Mapping[str, bytes], names: Iterable[str]) -> list[str]:
    """Sentences on pointers and notebooks. files: those that were taken; names: of all that was handed in."""
    lines = []
    if pointers := [name for name, data in files.items() if data.startswith(POINTER)]:
        lines.append(
            f"Pointers of Git LFS instead of the files themselves: {_some(pointers)}. Run `git lfs pull`, look into "
            "them, and collect again."
        )
    if notebooks := sorted(PurePosixPath(name).name for name in names if name.endswith(".ipynb")):
        lines.append(f"Notebooks are not graded ({_some(notebooks)}): the code belongs in the modules.")
    return lines


def others(names: Iterable[str]) -> str:
    """What was handed in instead of this assignment, for the middle of a sentence, or ""."""
    found = sorted(name for name in names if name.endswith((".py", ".ipynb")))
    return f", but {_some(found)} (another assignment's?)" if found else ""


def earlier(files: Mapping[str, bytes]) -> dict[str, str]:
    """By part, what an earlier semester's file lacks that is asked for today."""
    found = {}
    head = STYLE_TRANSFER.search(files.get("style_utils.py", b""))
    if head and b"testing" not in head[1]:
        found["style_transfer"] = "style_utils.py: style_transfer takes no argument `testing`, by which it is graded"
    lacking = {
        name: [wanted for wanted in functions if not re.search(rf"^def {wanted}\b".encode(), files[name], re.MULTILINE)]
        for name, functions in CAPTUM.items()
        if b"captum" in files.get(name, b"")
    }
    if any(lacking.values()):
        missing = ", and ".join(f"{name} lacks {', '.join(names)}" for name, names in lacking.items() if names)
        found["captum"] = f"{missing}: what Captum does is not in functions of its own there"
    if SWAPPED.search(files.get("visualizers/gradcam.py", b"")):
        found["gradcam"] = (
            "visualizers/gradcam.py: the map is resized to (height, width) where PIL takes (width, height), which "
            "shows where an image is not square"
        )
    return found


def told(found: Mapping[str, str]) -> list[str]:
    """What `earlier` found, in one note for the top."""
    if not found:
        return []
    return [
        f"Given lines of an earlier semester: {'; '.join(found.values())}. They are not the student's mistake, but "
        "today's tests need today's lines: copy your own into this semester's files."
    ]


def shorten(tests: Iterable[Test], found: Mapping[str, str]) -> None:
    """Failures that come of such lines say so, and no more."""
    for test in tests:
        if test.part in found and test.score < test.max_score and FAILURES[test.part].search(test.output):
            test.output = SEE


def _some(names: list[str]) -> str:
    shown = ", ".join(re.sub(r"[^\w./ -]", "?", name)[:60] for name in names[:NAMES])
    return f"{shown} and {len(names) - NAMES} more" if len(names) > NAMES else shown
