"""Write tests/references: what students' functions must return on the embedded network, and how close is close.

    python -m staff.references [NAMES ...]        (or: make references ARGS=saliency_map)

Needed after a change of a definition, a recognised mistake, the embedded weights, the scenes, or the town and its
styles. NAMES of modules here: only their files, since all take some minutes. Prints for each value how far float32
differs, and how far the nearest mistake; `stored.py` says what tolerances are made of. Then prints for each file what
changed, key by key; where nothing did, the file is left as it is.
"""

import argparse
import importlib
import pkgutil
from pathlib import Path

from staff import references
from tests.compare import REFERENCES


def main() -> None:
    names = [entry.name for entry in pkgutil.iter_modules(references.__path__) if entry.name != "__main__"]
    modules = {name: importlib.import_module(f"staff.references.{name}") for name in names}
    stored = [name for name, module in modules.items() if hasattr(module, "store")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(stored)}; all where none is named")
    args = parser.parse_args()
    if unknown := [name for name in args.names if name not in stored]:
        parser.error(f"expected names of {', '.join(stored)}, got {', '.join(unknown)}")
    for name in args.names or stored:
        modules[name].store()
    total = sum(path.stat().st_size for path in REFERENCES.glob("*.npz"))
    print(f"{total / 1e3:.0f} kB in {Path(*REFERENCES.parts[-2:])}")


if __name__ == "__main__":
    main()
