"""The one table of an assignment, `assignment.toml`, and what follows from it."""

import tomllib
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "assignment.toml"


class Assignment:
    """An assignment whose table lies in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        table = tomllib.loads((root / NAME).read_text(encoding="utf-8"))
        self.title: str = table["title"]
        self.parts: dict[str, dict] = table["parts"]
        self.rules: dict[str, dict] = table["rules"]
        self.limits: dict[str, float] = table["limits"]
        self.visibility: dict[str, str] = table["visibility"]

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Those that a submission may bring: what students write, and the scripts that draw it."""
        written = [file for part in self.parts.values() for file in part["functions"]]
        scripts = [part["script"] for part in self.parts.values() if "script" in part]
        return tuple(dict.fromkeys([*written, *scripts]))

    @cached_property
    def signatures(self) -> dict[str, dict[str, list[str]]]:
        """By file, the functions whose arguments must stay, and what these are called."""
        found: dict[str, dict[str, list[str]]] = {}
        for part in self.parts.values():
            for file, functions in part["functions"].items():
                compared = {name: words.replace(",", " ").split() for name, words in functions.items() if words}
                if compared:
                    found.setdefault(file, {}).update(compared)
        return found

    @cached_property
    def classes(self) -> dict[str, dict[str, str]]:
        """By package, the classes that students write in it, and the module of each."""
        found: dict[str, dict[str, str]] = {}
        for file, functions in self.signatures.items():
            package, _, module = file.removesuffix(".py").rpartition("/")
            names = [name.partition(".")[0] for name in functions if "." in name]
            if package:
                found.setdefault(package, {}).update(dict.fromkeys(names, f"{package}.{module}".replace("/", ".")))
        return found

    def solutions(self, file: str) -> list[tuple[str, str]]:
        """The functions that students write in this file, in order: of each its part and its name."""
        return [
            (name, function)
            for name, part in self.parts.items()
            for function in part["functions"].get(file, ())
            if function not in part.get("given", ())
        ]

    def heading(self, part: str) -> str:
        """The number and title of a part, or "Rules"."""
        entry = self.parts.get(part)
        return f"{entry['number']} {entry['title']}" if entry else "Rules"


@cache
def read(root: Path = ROOT) -> Assignment:
    return Assignment(root)
