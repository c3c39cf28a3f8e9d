"""The drawing of pictures, the running of scripts, and the page that shows every picture: `python -m figures`."""

import os
import sys

# A notebook's kernel hands its backend on to what it starts, where it cannot be loaded: matplotlib chooses by itself.
if "ipykernel" not in sys.modules:
    os.environ.pop("MPLBACKEND", None)

# A notebook elsewhere may have taken the script's folder off the path again.
if (root := os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) not in sys.path:
    sys.path.append(root)

import pretrained  # noqa: F401 -- before matplotlib: a user without name or home is given both
