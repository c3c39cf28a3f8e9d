"""The drawing of pictures, the running of scripts, and the page that shows every picture: `python -m figures`."""

import os
import sys

# A notebook's kernel hands its backend on to what it starts, where it cannot be loaded: matplotlib chooses by itself.
if "ipykernel" not in sys.modules:
    os.environ.pop("MPLBACKEND", None)

import pretrained  # noqa: F401 -- before matplotlib: a user without name or home is given both
