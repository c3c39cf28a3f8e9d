"""Says what to run, where Python is given a file of this folder, which then takes this one for the whole folder."""

import sys
from pathlib import Path

name, root = Path(sys.argv[0]).name, Path(__file__).resolve().parent.parent
raise SystemExit(f"expected a script, got visualizers/{name}, which scripts import: run python {name} in {root}")
