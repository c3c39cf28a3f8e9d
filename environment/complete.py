"""Adds the packages that are missing, and replaces none: for Colab, or an environment of your own.

    python environment/complete.py

Expect one line when nothing is missing, otherwise what pip says. Whatever version of torch, CUDA and NumPy is installed
stays. It needs Python and pip alone.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTS = {"requirements.txt": [], "environment/photographs.txt": ["--no-deps"]}  # and how pip installs what is in them
# Versions that pip reads; some that Linux brings, such as 0.23ubuntu1, are none, and would make it refuse everything.
VERSION = re.compile(r"v?(\d+!)?\d+(\.\d+)*([.-]?(a|b|rc|post|dev)\d*)*(\+[\w.]+)?", re.IGNORECASE)
PINNED, ANY, PASSED_OVER = "# must be pinned", "# must be there", "# not needed"  # how their sections begin


def main() -> int:
    installed: dict[str, str] = {}
    for name, version in find_installed():
        installed.setdefault(normalise(name), version)  # of two the first is imported, and is the one that pip sees
    wanted = {name: list_missing((ROOT / name).read_text(encoding="utf-8"), installed) for name in LISTS}
    if not any(wanted.values()):
        print("Every package is there.")
        return 0
    if importlib.util.find_spec("pip") is None:  # uv makes environments without it
        subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"])
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "installed.txt")
        lines = [f"{name}=={version}\n" for name, version in installed.items() if VERSION.fullmatch(version)]
        kept.write_text("".join(lines), encoding="utf-8")
        for name, packages in wanted.items():
            command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", str(kept)]
            if packages and subprocess.run([*command, *LISTS[name], *packages]).returncode:
                managed = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
                own = "make an environment of your own, as docs/setup.md shows"  # as this one is the system's
                step = own if managed and sys.prefix == sys.base_prefix else "run this again to go on"
                print(f"{', '.join(packages)} could not be added: the lines above say why; {step}")
                return 1
    return 0


def find_installed() -> list[tuple[str, str]]:
    """List names and versions of what is installed. Without what pip left as ~qdm, say, where it was interrupted."""
    there = importlib.metadata.distributions()
    found = [(one.metadata["Name"], one.version) for one in there
             if not Path(getattr(one, "_path", "")).name.startswith("~")]  # fmt: skip
    return [(name, version) for name, version in found if name and version]


def list_missing(text: str, installed: dict[str, str]) -> list[str]:
    """List what a requirements file has and `installed` has not: with its version where that must be pinned."""
    missing, section = [], PINNED
    for line in text.splitlines():
        section = next((kind for kind in (PINNED, ANY, PASSED_OVER) if line.startswith(kind)), section)
        name, pinned, _ = line.partition("==")
        if pinned and section != PASSED_OVER and normalise(name) not in installed:
            missing.append(line.strip() if section == PINNED else name)
    return missing


def normalise(name: str) -> str:
    """Name as the package index writes it: "Pi_HEIF" -> "pi-heif"."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
