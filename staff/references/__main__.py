"""Write tests/references: what students' functions must return on the embedded network, and how close is close.

    python -m staff.references        (or: make references)

Needed after a change of a definition, a recognised mistake, the embedded weights, the scenes, or the town and its
styles. Prints for each value how
far float32 differs, and how far the nearest mistake; `stored.py` says what tolerances are made of. Then prints for each
file what changed, key by key; where nothing did, the file is left as it is.
"""

import importlib
import pkgutil
from pathlib import Path

from staff import references
from tests.compare import REFERENCES


def main() -> None:
    names = [entry.name for entry in pkgutil.iter_modules(references.__path__) if entry.name != "__main__"]
    for name in names:
        module = importlib.import_module(f"staff.references.{name}")
        if hasattr(module, "store"):
            module.store()
    total = sum(path.stat().st_size for path in REFERENCES.glob("*.npz"))
    print(f"{total / 1e3:.0f} kB in {Path(*REFERENCES.parts[-2:])}")


if __name__ == "__main__":
    main()
