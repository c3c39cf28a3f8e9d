"""Collects your work into assignment_3_submission.zip, the file to hand in (one long file, since it runs alone).

    python collect_submission.py            look, then write the zip
    python collect_submission.py --check    only look

It needs Python alone: no packages, no network. It looks at your files as the grader will, without running them.
Problems that would cost you the whole submission (a missing file, a syntax error, a zip that is too large) stop it;
what costs a part, or a point (a part not solved yet, a changed signature, a missing figure), is named, and the zip is
written all the same. The same files always give the same zip.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and "IPython" not in sys.modules:  # whose path is the whole notebook's
    del sys.path[0]  # it needs nothing of this folder, where a student's random.py would be taken for Python's

import argparse
import ast
import difflib
import hashlib
import importlib.util
import io
import json
import os
import platform
import signal
import subprocess
import time
import tokenize
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

ZIP_NAME = "assignment_3_submission.zip"
MANIFEST_NAME = "MANIFEST.sha256"
MAX_BYTES = 100_000_000
FIGURES = "visualization"
REPORT = "report-a3.pptx"
PYTHON = (3, 11)  # or later
TABLE = Path(__file__).resolve().with_name("assignment.toml")  # what is handed in, and what the grader accepts


def read_table() -> tuple[dict[str, list], dict[str, dict], dict[str, list], int, dict[str, str]]:
    """Return files by script, arguments by file and function, modules to import, bytes of a file: as the grader has it.

    Modules have with them the files that alone may import them; [] stands for all. The last are digests of what the
    handout gives beside them.

    Where the table cannot be read nothing is known of them.
    """
    scripts: dict[str, list] = {}
    signatures: dict[str, dict] = {}
    try:
        import tomllib  # from Python 3.11 on

        table = tomllib.loads(TABLE.read_text(encoding="utf-8-sig"))
        for part in table["parts"].values():
            for file, functions in part["functions"].items():
                modules = scripts.setdefault(part.get("script", file), [])
                if file not in (*scripts, *modules):
                    modules.append(file)
                for name, arguments in functions.items():
                    signatures.setdefault(file, {})[name] = arguments.replace(",", " ").split()
        rule = table["rules"]["imports"]
        imports: dict[str, list] = {module: [] for module in rule["allowed"]}
        imports |= {module: list(table["parts"][part]["functions"]) for module, part in rule["only_in"].items()}
        return scripts, signatures, imports, table["limits"]["kilobytes"] * 1024, table.get("given", {})
    except (ImportError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}, {}, {}, 0, {}


# The figures of each script begin with its name.
SCRIPTS, SIGNATURES, IMPORTS, MAX_CODE_BYTES, DIGESTS = read_table()
# The figures that the report shows, by the script that makes them: one of those named counts, by network.
REPORT_FIGURES = {
    "saliency_map.py": ("saliency_map", "saliency_map_captum"),
    "gradcam.py": ("gradcam", "gradcam_captum", "gradcam_layers"),
    "fooling_image.py": ("fooling_image",),
    "class_visualization.py": ("class_visualization_gorilla", "class_visualization_yorkshire_terrier"),
    "style_transfer.py": (
        "style_transfer_composition_vii | style_transfer_composition",
        "style_transfer_composition_vii_sources | style_transfer_composition_sources",
        "style_transfer_the_scream | style_transfer_waves",
        "style_transfer_the_scream_sources | style_transfer_waves_sources",
        "style_transfer_starry_night | style_transfer_flow",
        "style_transfer_starry_night_sources | style_transfer_flow_sources",
    ),
}
MODULES = tuple(module for modules in SCRIPTS.values() for module in modules)
GIVEN = ("visualizers/__init__.py", "style_modules/__init__.py", "image_utils.py")
REQUIRED = (*MODULES, *SCRIPTS, *GIVEN)
# What else was handed out, and what comes about by itself.
OTHERS = {"collect_submission.py", "report.py", "explore.py", "methods.py"}
FOLDERS = {"visualizers", "style_modules", "figures", "environment", "pretrained", "explorer", "labs", "images",
           "tests", "docs", "staff", FIGURES}  # fmt: skip
HANDED_OUT = {
    "visualizers": {"__init__.py", "hints.py", "network.py", "visualizers.py"},
    "style_modules": {"__init__.py"},
}
BY_NAME = "import_module", "__import__", "modules"  # what gives a module whose name is a text
END = b"IEND\xaeB`\x82"  # of a PNG
ENVIRONMENT = "pyvenv.cfg"  # what every environment has in it, whatever it is called


def main(argv: list[str] | None = None, root: Path | None = None) -> int:
    """Look at the work in `root` (the folder of this file), write the zip, return the exit status."""
    args = parse_args(argv)
    root = root or Path(__file__).resolve().parent
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's, of a file that it can read
            return collect(root, args.check)
    except OSError as error:
        if error.filename is None:  # it is not about a file of the assignment
            raise
        print(f"{error.filename} could not be read ({error.strerror}): may you open it?")
        return 1


def collect(root: Path, check: bool) -> int:
    faults = find_old_python() or find_wrong_folder(root)  # an old one cannot read the table either
    if not faults:
        files = find_files(root)
        code = [name for name in REQUIRED if name in files and (root / name).stat().st_size <= MAX_CODE_BYTES]
        trees = {name: tree for name in code if (tree := _parse(root / name)) is not None}
        faults = [*find_missing_files(root), *find_bytes(files), *find_unreadable(root, code),
                  *find_too_large(root, files)]  # fmt: skip
    if faults:
        _list(faults)
        print(f"{ZIP_NAME} {'would not be' if check else 'was not'} written: "
              f"{_count(len(faults), 'problem')} to mend first.")
        return 1

    notes = [
        *find_unsolved_parts(trees), *compare_signatures(trees), *find_imports(trees), *find_prints(trees),
        *find_stops(trees), *find_mixed_indentation(root, code), *find_other_encodings(root, code),
        *find_foreign_files(root), *find_changed_files(root), *find_missing_figures(files),
        *find_other_figures(root, files),
    ]  # fmt: skip
    _list(notes)
    found = f"{_count(len(files), 'file')}, {_count(len(notes), 'thing')} to look at above" if notes else \
        f"{_count(len(files), 'file')}, nothing missing"
    if check:
        print(f"Ready to collect: {found}.")
        _list([*check_report(root)])
        return 0
    try:
        size = write_zip(root, files)
    except OSError as error:
        print(f"{ZIP_NAME} could not be written: {error}.")
        return 1
    print(f"Wrote {root / ZIP_NAME}: {found}, {size / 1e6:.1f} MB.")
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Collect your work into {ZIP_NAME}.")
    parser.add_argument("--check", action="store_true", help="only look, write nothing")
    in_notebook = Path(sys.argv[0]).stem.endswith("kernel_launcher")  # whose own options are none of ours
    return parser.parse_args([] if argv is None and in_notebook else argv)


def find_files(root: Path) -> list[str]:
    """Everything that goes into the zip: paths relative to `root`, with forward slashes, sorted."""
    code = [root / name for name in REQUIRED]
    for folder in HANDED_OUT:
        code += (path for path in (root / folder).glob("*.py") if path.name not in HANDED_OUT[folder])
    stems = tuple(script.removesuffix(".py") for script in SCRIPTS)
    figures = (path for path in (root / FIGURES).glob("*.png") if path.name.startswith(stems))
    return sorted({path.relative_to(root).as_posix() for path in [*code, *figures]
                   if path.is_file() and not path.name.startswith(".")})


# --- what stops it ---


def find_old_python() -> list[str]:
    """macOS, for one, has an older Python beside the assignment's."""
    if sys.version_info >= PYTHON:
        return []
    return [f"This is Python {platform.python_version()}, and 3.11 or later is needed: try make submission, or the "
            "assignment's own Python, .venv/bin/python collect_submission.py."]  # fmt: skip


def find_wrong_folder(root: Path) -> list[str]:
    """Started where the assignment is not: one sentence instead of one for each file."""
    if any((root / name).is_file() for name in MODULES):
        return []
    if not MODULES and (root / "visualizers").is_dir():
        return [f"{TABLE.name} cannot be read: take it from the handout again."]
    inside = sorted(path.parent.parent for path in root.glob("*/visualizers/gradcam.py"))
    place = f"it seems to be in {inside[0].name}/" if inside else "look for the folder that holds visualizers/"
    return [f"{root} is not the assignment's folder, none of its files is here: {place}, and put "
            "collect_submission.py there."]


def find_missing_files(root: Path) -> Iterator[str]:
    """Names are compared letter by letter, as on Linux, where the grader runs, also where case does not matter."""
    for name in REQUIRED:
        folder, _, file = name.rpartition("/")
        present = sorted(path.name for path in (root / folder).glob("*") if path.is_file())
        if file in present:
            continue
        others = [other for other in present if f"{folder}/{other}".lstrip("/") not in REQUIRED]
        lowered = {other.lower(): other for other in others}
        close = difflib.get_close_matches(file, lowered, n=1, cutoff=0.75)
        hint = f"rename {lowered[close[0]]} back" if close else "rename it back or take it from the handout again"
        yield f"{name} is missing: names and folders must stay as they were handed out, so {hint}."


def find_bytes(files: list[str]) -> Iterator[str]:
    """Name files whose names are no UTF-8: a zip cannot hold them."""
    for name in files:
        if name != (shown := name.encode(errors="replace").decode()):
            yield f"{shown} has letters in its name that no zip can hold: rename it."


def find_unreadable(root: Path, code: list[str]) -> Iterator[str]:
    """Say what keeps Python from reading a file."""
    for name in code:
        data = (root / name).read_bytes()
        lines = data.splitlines()
        conflicts = [number for number, line in enumerate(lines, 1) if line.startswith((b"<<<<<<< ", b">>>>>>> "))]
        try:
            compile(ast.parse(data), name, "exec", dont_inherit=True)  # not run; a stray return would be parsed
        except TabError as error:
            yield (f"{name}, line {error.lineno}: tabs and spaces are mixed so that Python cannot read this file: "
                   "let your editor turn tabs into four spaces.")  # fmt: skip
        except (SyntaxError, ValueError) as error:  # null bytes are the second in some versions of Python
            if not data.strip(b"\0") and data:
                yield f"{name} holds nothing but zero bytes: take it from a copy, or from the handout again."
                continue
            if conflicts:
                yield (f"{name}, line {conflicts[0]}: a conflict of two versions is not resolved: choose one, and "
                       f"delete the lines that begin with {lines[conflicts[0] - 1][:7].decode()}.")  # fmt: skip
                continue
            words, line = getattr(error, "msg", str(error)), getattr(error, "lineno", None) or 1
            advice = ": save it as UTF-8" if b"\0" in data or "codec" in words else ""
            yield f"{name}, line {line}: Python cannot read this file ({words}){advice}."
        except (RecursionError, MemoryError) as error:
            yield f"{name}: Python cannot read this file ({str(error) or type(error).__name__})."


def find_too_large(root: Path, files: list[str]) -> Iterator[str]:
    sizes = sorted(((root / name).stat().st_size, name) for name in files)
    for size, name in sizes:
        if name in REQUIRED and size > MAX_CODE_BYTES:
            yield (f"{name} has {size / 1e3:.0f} kB and the grader takes at most {MAX_CODE_BYTES / 1e3:.0f}: "
                   "remove what is no code.")  # fmt: skip
    total = sum(size for size, _ in sizes)
    if total > MAX_BYTES:
        largest = ", ".join(f"{name} ({size / 1e6:.0f} MB)" for size, name in sizes[:-4:-1])
        yield (f"The files come to {total / 1e6:.0f} MB and at most {MAX_BYTES / 1e6:.0f} MB are accepted: "
               f"make the largest smaller or take them away ({largest}).")  # fmt: skip


# --- what costs a part or a point ---


def find_unsolved_parts(trees: dict[str, ast.Module]) -> Iterator[str]:
    """Name each `raise NotImplementedError("Part ...")` that still stands in the code."""
    for name, tree in trees.items():
        for node in _walk_reached(tree):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            names = [part.id for part in ast.walk(node.exc) if isinstance(part, ast.Name)]
            texts = [part.value for part in ast.walk(node.exc)
                     if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if "NotImplementedError" in names and (not texts or texts[0].startswith("Part ")):  # not one's own
                part = f" ({texts[0]})" if texts else ""
                yield f"{name}, line {node.lineno}: this part is not written yet{part}."
        for function in (node for node in _walk_reached(tree) if isinstance(node, ast.FunctionDef)):
            named = any(one.rpartition(".")[2] == function.name for one in SIGNATURES.get(name, ()))
            if named and not any(isinstance(one, ast.Raise | ast.Return) for one in ast.walk(function)):
                yield f"{name}, line {function.lineno}: {function.name} gives nothing: is this part written?"


def compare_signatures(trees: dict[str, ast.Module]) -> Iterator[str]:
    for name, expected in SIGNATURES.items():
        present = dict(_signatures(trees[name]))
        gone = [one.rpartition(".") for one in expected if "." in one and one not in present]
        moved = [(owner, method, other.rpartition(".")[0]) for owner, _, method in gone for other in present
                 if other not in expected and other.rpartition(".")[2] == method]  # fmt: skip
        for owner, method, other in moved:
            told = f"stands in {other}: call this class {owner} again" if other else \
                f"stands outside of its class {owner}: indent it as it was handed out"
            yield f"{name}: {method} {told}."
        if moved:
            continue
        if not present.keys() & expected.keys():
            found = ", ".join(present) or "no function at all"
            yield (f"{name} has {found}, but not {', '.join(expected)}: is it another file's text? "
                   "Take the file from the handout again.")  # fmt: skip
            continue
        for function, arguments in expected.items():
            if function not in present:
                yield f"{name}: {function} is not there: put its name back as it was handed out."
            elif arguments and not takes(present[function], arguments):
                yield (f"{name}: {function} takes ({', '.join(present[function])}), but was handed out with "
                       f"({', '.join(arguments)}): put the signature back.")  # fmt: skip


def takes(present: list[str], handed_out: list[str]) -> bool:
    """Return True if a function can be called as it was handed out: what it takes beyond that has defaults."""
    first, more = present[: len(handed_out)], present[len(handed_out) :]
    return [name.rstrip("=") for name in first] == handed_out and all(name.endswith("=") for name in more)


def find_imports(trees: dict[str, ast.Module]) -> Iterator[str]:
    for name in (*MODULES, *SCRIPTS):
        for node in ast.walk(trees[name]):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules = [node.module]
            elif isinstance(node, ast.Call | ast.Subscript):
                asked, given = (node.func, node.args[:1]) if isinstance(node, ast.Call) else (node.value, [node.slice])
                if getattr(asked, "attr", getattr(asked, "id", "")) not in BY_NAME:
                    continue
                names = [one.value for one in given if isinstance(one, ast.Constant)]
                modules = [one for one in names if isinstance(one, str)]
            else:
                continue
            for module in modules:
                package = module.partition(".")[0]
                if (files := IMPORTS.get(package)) and name not in files:
                    yield (f"{name}, line {node.lineno}: {module} is imported, which rule 2 allows in "
                           f"{' and '.join(files)} alone: write the function yourself.")  # fmt: skip
                elif package not in IMPORTS and package not in sys.stdlib_module_names:
                    yield (f"{name}, line {node.lineno}: {module} is imported, which rule 2 does not allow: use what "
                           "the handout's files import, or what comes with Python.")  # fmt: skip


def find_prints(trees: dict[str, ast.Module]) -> Iterator[str]:
    """In modules anywhere but below `if __name__ == "__main__"`; in scripts, which print, while they are imported."""
    for name in (*MODULES, *SCRIPTS):
        body = [n for n in trees[name].body if not (isinstance(n, ast.If) and "__name__" in ast.unparse(n.test))]
        places = body if name in MODULES else [n for n in body if isinstance(n, ast.Expr)]
        for line in sorted({line for place in places for one in ("print", "pprint") for line in _calls(place, one)}):
            yield f"{name}, line {line}: remove this print: graded functions must not print."


def find_stops(trees: dict[str, ast.Module]) -> Iterator[str]:
    for name in (*MODULES, *SCRIPTS):
        for function in ("breakpoint", "set_trace", "input"):
            for line in sorted(_calls(trees[name], function)):
                yield f"{name}, line {line}: remove this {function}(): it waits for somebody at the keyboard."


def find_mixed_indentation(root: Path, code: list[str]) -> Iterator[str]:
    for name in code:
        starts = {line[:1] for line in (root / name).read_bytes().splitlines() if line.strip() and line[:1] in b" \t"}
        if starts >= {b" ", b"\t"}:
            yield f"{name}: some lines begin with tabs, some with spaces: let your editor turn tabs into four spaces."


def find_other_encodings(root: Path, code: list[str]) -> Iterator[str]:
    for name in code:
        try:
            with tokenize.open(root / name) as file:
                file.read()
        except (SyntaxError, UnicodeDecodeError):
            yield f"{name} has letters that are not saved as UTF-8, which some Pythons cannot read: save it as UTF-8."


def find_foreign_files(root: Path) -> Iterator[str]:
    """Code that was not handed out: of another assignment, or one's own that the grader will not take."""
    for path in sorted(root.glob("assignment_*_submission.zip")):
        if path.name != ZIP_NAME:
            yield f"{path.name} is another assignment's: do not hand it in by mistake for {ZIP_NAME}."
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in FOLDERS or os.path.exists(path / ENVIRONMENT):
            continue
        if path.is_dir() and (inside := next(path.rglob("*.py"), None)):
            example = inside.relative_to(root).as_posix()
            yield (f"{path.name}/ is not of this assignment and is left out, with {example} in it: "
                   "is it another assignment's?")  # fmt: skip
        elif path.suffix == ".py" and path.name not in {*REQUIRED, *OTHERS}:
            yield f"{path.name} is not of this assignment and is left out: move what is needed into the given files."
    folders = {*HANDED_OUT, *(name.rpartition("/")[0] for name in DIGESTS if "/" in name)}
    for folder in sorted(folders):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            given = path.name in HANDED_OUT.get(folder, ()) or name in DIGESTS or name in REQUIRED
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)  # Jupyter's copies, say
            if not given and not hidden:
                yield (f"{name} was not handed out, and the grader does not take it: what your code needs of it "
                       "belongs into the given files.")  # fmt: skip


def find_changed_files(root: Path) -> Iterator[str]:
    for name, digest in DIGESTS.items():
        if digest_file(root / name) != digest:
            yield (f"{name} is not as it was handed out, and the grader takes its own: move what your code needs from "
                   "it into the files that you write.")  # fmt: skip


def find_missing_figures(files: list[str]) -> Iterator[str]:
    """One sentence for each script that has not made all that the report shows."""
    for script, figures in REPORT_FIGURES.items():
        missing = [names.split(" | ")[0] for names in figures
                   if not any(f"{FIGURES}/{name}.png" in files for name in names.split(" | "))]
        if missing:
            yield (f"{FIGURES}/ has no {', '.join(f'{name}.png' for name in missing)}: run python {script} "
                   "(make figures runs all).")  # fmt: skip


def find_other_figures(root: Path, files: list[str]) -> Iterator[str]:
    """One sentence for each script with a figure that is not the assignment's, or that other code has made."""
    for script in SCRIPTS:
        graded = {f"{FIGURES}/{name}.png" for names in REPORT_FIGURES[script] for name in names.split(" | ")}
        for figure in _figures_of(script, files):
            made = read_made(root / figure)
            options = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in made.get("options", {}).items())
            other = [name for name, digest in made.get("code", {}).items() if digest_file(root / name) != digest]
            if not made and figure in graded:
                yield f"{figure} does not say how it was made: run python {script} again."
            elif figure in graded and (made.get("figure") != Path(figure).stem or options):
                told = f"{made.get('figure')}.png" + (f" with {options}" if options else "")
                yield f"{figure} was made as {told}: run python {script} without options."
            elif other:
                again = f"run python {script}" if figure in graded else "run its command"
                yield f"{figure} was made by another {other[0]}: {again} again."
            else:
                continue
            break


def check_report(root: Path) -> Iterator[str]:
    """Say what `report.py --check` says, where its packages are: the report is handed in by itself."""
    if not (root / "report.py").is_file():
        return
    if not (root / REPORT).is_file():
        yield f"{REPORT} is not there yet: run python report.py."
    elif importlib.util.find_spec("pptx") is None:
        yield f"{REPORT} is not looked into without the package python-pptx: run python environment/complete.py."
    else:
        command = [sys.executable, str(root / "report.py"), "--check"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace",
                              env=os.environ | {"PYTHONIOENCODING": "utf-8"})  # fmt: skip
        lines = (done.stdout or done.stderr).strip().splitlines()
        yield from (f"{REPORT}, {line.removeprefix('- ')}" for line in (lines if not done.returncode else lines[-1:]))


def read_made(figure: Path) -> dict:
    """Return how a figure was made, which figures/figure.py writes into the PNG as a text of JSON; {} without it.

    Half a figure says nothing either.
    """
    data = figure.read_bytes()
    start = data.find(b"tEXtMade\0") if data.endswith(END) else 0
    try:
        length = int.from_bytes(data[start - 4 : start], "big")
        made = json.loads(data[start + 9 : start + 4 + length]) if start > 0 else {}
    except (ValueError, RecursionError):
        return {}
    tables = (made, made.get("options", {}), made.get("code", {})) if isinstance(made, dict) else (made,)
    return made if all(isinstance(table, dict) for table in tables) else {}


def digest_file(path: Path) -> str:
    """Return what figures/script.py stores of a file of code, whatever its ends of lines are; "" without the file."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:16] if path.is_file() else ""


def write_zip(root: Path, files: list[str]) -> int:
    """Write the zip beside its place and rename it, so that no half one is handed in; return its size."""
    contents = {name: (root / name).read_bytes() for name in files}
    manifest = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    contents[MANIFEST_NAME] = manifest.encode()

    part = root / (ZIP_NAME + ".part")
    try:
        # Stored, not compressed: pictures are compressed already, and compressors differ between machines.
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name, data in contents.items():
                entry = zipfile.ZipInfo(name, date_time=_date_of(data))
                entry.create_system = 3  # Unix, also when written on Windows
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, data)
        size = part.stat().st_size
        if size > MAX_BYTES:
            raise OSError(f"it has {size} bytes, and at most {MAX_BYTES} are accepted")
        os.replace(part, root / ZIP_NAME)
    finally:
        part.unlink(missing_ok=True)
    return size


def _date_of(data: bytes) -> tuple[int, int, int, int, int, int]:
    """Return a time between 1980 and 2018 that is made of this content.

    With one for all, Python, which compares times and sizes, would go on with what it has compiled of the file that was
    unzipped before.
    """
    return time.gmtime(315_532_800 + int(hashlib.sha256(data).hexdigest()[:8], 16) % 1_200_000_000)[:6]


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # `find_unreadable` says why


def _walk_reached(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, but for what stands behind a return or raise, or is defined again further down."""
    yield tree
    for _, value in ast.iter_fields(tree):
        nodes = value if isinstance(value, list) else [value]
        last = {node.name: node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        for node in nodes:
            if isinstance(node, ast.AST) and last.get(getattr(node, "name", ""), node) is node:
                yield from _walk_reached(node)
                if isinstance(node, ast.Return | ast.Raise):
                    break


def _signatures(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, _arguments(node)
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{f.name}", _arguments(f)) for f in node.body if isinstance(f, ast.FunctionDef))


def _arguments(function: ast.FunctionDef) -> list[str]:
    """List a function's arguments: with "=" behind one that has a default, "*" before one that is given by name."""
    given = function.args
    places = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    needed = len(places) - len(given.defaults)
    named = [f"*{one.arg}" for one, default in zip(given.kwonlyargs, given.kw_defaults) if default is None]
    return [*places[:needed], *(f"{name}=" for name in places[needed:]), *named]


def _calls(tree: ast.AST, name: str) -> set[int]:
    """The lines on which a function of this name is called."""
    return {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call)
            and name == getattr(node.func, "id", getattr(node.func, "attr", None))}  # fmt: skip


def _figures_of(script: str, files: list[str]) -> list[str]:
    return [name for name in files if name.startswith(f"{FIGURES}/{script.removesuffix('.py')}")]


def _list(lines: list[str]) -> None:
    for line in lines:
        print(f"- {line}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def run() -> int:
    """Call main; Ctrl+C, and a terminal or a pipe that takes no more or not every letter, end in no traceback."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        for name in ("SIGTERM", "SIGHUP"):  # of a closed terminal: no half zip stays
            if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
                signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
        status = main()
        if sys.stdout:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130  # as shells know it
    except OSError as error:
        print(f"What is found could not be told ({error.strerror}).", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again at its end
        return 1


if __name__ == "__main__":
    sys.exit(run())
