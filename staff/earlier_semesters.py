"""Given lines of earlier semesters, recognised in what was handed in: they are not the student's mistakes."""

import re
from collections.abc import Mapping

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
}  # by part, what the tests say where they meet such lines


def find_earlier(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return, by part, what an earlier semester's file lacks that is asked for today."""
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
