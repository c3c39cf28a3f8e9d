"""The one table of an assignment, `assignment.toml`, and what follows from it."""

import importlib.util
import sys
import tomllib
from functools import cache, cached_property
from pathlib import Path

from autograder.adapter import Adapter

ROOT = Path(__file__).resolve().parents[1]
NAME = "assignment.toml"
TESTS, HIDDEN, ADAPTER = "tests", "staff/hidden", "staff/adapter.py"


class Assignment:
    """An assignment whose table, adapter and tests lie in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        table = tomllib.loads((root / NAME).read_text(encoding="utf-8"))
        self.title: str = table["title"]
        self.parts: dict[str, dict] = table["parts"]
        self.rules: dict[str, dict] = table["rules"]
        self.limits: dict[str, float] = table["limits"]
        self.visibility: dict[str, str] = table["visibility"]

    @cached_property
    def adapter(self) -> Adapter:
        """Answers to all that the table does not say."""
        path = self.root / ADAPTER
        if not path.is_file():
            return Adapter()
        spec = importlib.util.spec_from_file_location(f"adapter_of_{self.root.name}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"expected Python in {path}, got something else: see docs/autograder.md")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.ADAPTER

    @property
    def most_bytes(self) -> int:
        """Return the most bytes of one file of code."""
        return int(self.limits["kilobytes"]) << 10

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Files that a submission may bring: what students write, and the scripts that draw it."""
        written = [file for part in self.parts.values() for file in part["functions"]]
        scripts = [part["script"] for part in self.parts.values() if "script" in part]
        return tuple(dict.fromkeys([*written, *scripts]))

    @cached_property
    def modules(self) -> set[str]:
        """Modules that are there for student code: its own, those that the rule allows, Python's."""
        own = {file.removesuffix(".py").replace("/", ".") for file in self.files}
        return own | self.imports

    @cached_property
    def imports(self) -> set[str]:
        """The modules that student code may import."""
        return {*self.rules.get("imports", {}).get("allowed", ()), *sys.stdlib_module_names}

    @property
    def only_in(self) -> dict[str, str]:
        """By module that only the files of one part may import, that part."""
        return self.rules.get("imports", {}).get("only_in", {})

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
    """Return the assignment in this folder, by default that of this checkout."""
    return Assignment(root)
