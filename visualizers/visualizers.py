"""Says what to run, where Python is given a file of this folder, which then takes this one for the whole folder."""

import sys
from pathlib import Path

file, here = Path(sys.argv[0]).resolve(), Path(__file__).resolve().parent
if file.parent == here:
    words = f"a script, got visualizers/{file.name}, which scripts import: run python {file.name} in {here.parent}"
else:  # a notebook's kernel, or a program of one's own
    words = f"to stand in the assignment's folder, got its visualizers: change to {here.parent}"
raise SystemExit(f"expected {words}")
