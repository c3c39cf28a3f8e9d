"""Sentences for a program that cannot go on: an old Python, a file in a module's place, a missing package, no memory.

It is the first module of ours that is loaded, and takes nothing from elsewhere until it has looked for such files.
"""

from __future__ import annotations

import os
import sys

# By what is imported, where the package goes by another name.
PACKAGES = {name: name for name in ("captum", "gradio", "matplotlib", "numpy", "pooch", "safetensors", "scipy", "torch",
                                    "torchvision", "tqdm")}  # fmt: skip
PACKAGES.update({"PIL": "pillow", "pptx": "python-pptx", "skimage": "scikit-image", "sklearn": "scikit-learn"})
PYTHON = (3, 11)  # or later
COMPLETE = "python environment/complete.py"
REINSTALL = "run python -m pip install --force-reinstall --no-deps"
INTERRUPTED = 130  # the status by which shells know Ctrl+C
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = {"gradcam", "image_utils", "methods", "saliency_map", "style_transfer", "style_utils"}  # of ours, beside it
HANDED_OUT = {"explorer", "figures", "labs", "pretrained", "style_modules", "tests", "visualizers"}  # folders
UNUSED = {"test"}  # of Python's modules: nobody imports it, and students like the name
NO_MEMORY = r"out of memory|(can't|cannot) allocate memory|ALLOC_FAILED|failed to map segment from shared object$"


def explain(problem: BaseException | None) -> str:
    """Sentence on a package that an import did not find, or on memory that ran out; "" for anything else."""
    if isinstance(problem, EOFError) and "marshal" in tell(problem):
        return "error: expected what Python has compiled, got a part of it: delete the folders __pycache__ (make clean)"
    found = name_shadow(problem) or name_lost(problem) or name_missing(problem)
    return found or find_no_memory(problem) or name_broken(problem)


def name_shadow(problem: BaseException | None) -> str:
    """Sentence on a file beside the scripts that a package took for one that it needs; "" for anything else."""
    if not isinstance(problem, ImportError) or not problem.name:
        return ""
    name = problem.name.partition(".")[0]
    got = getattr(sys.modules.get(name), "__file__", None) or ""
    importers = [_name_package(file) for file, _ in _trace(problem)]
    return tell_shadow(name, got) if os.path.dirname(got) == ROOT and importers and importers[-1] else ""


def name_lost(problem: BaseException | None) -> str:
    """Sentence on a file of the assignment that is not there, and who asks for it; "" for anything else."""
    if not isinstance(problem, ImportError) or not problem.name:
        return ""
    path = os.path.join(*problem.name.split("."))
    room = problem.name.partition(".")[0]
    if isinstance(problem, ModuleNotFoundError):
        path = f"{path}.py"
    elif getattr(sys.modules.get(problem.name), "__file__", "") is None:  # Python takes a folder without it, too
        path = os.path.join(path, "__init__.py")
    if room not in HANDED_OUT | MODULES or os.path.exists(os.path.join(ROOT, path)):
        return ""
    places = [f", or correct {os.path.relpath(file, ROOT)}, line {line}" for file, line in _trace(problem)[-1:]]
    return f"error: expected {path} in {ROOT}, found none: copy it there from the handout{''.join(places)}"


def name_missing(problem: BaseException | None) -> str:
    """Sentence on the package that an import did not find, and the command that adds it; "" for anything else."""
    if not isinstance(problem, ModuleNotFoundError) or not problem.name:
        return ""
    name, _, inner = problem.name.partition(".")
    if (package := PACKAGES.get(name)) and inner and sys.modules.get(name):  # the package is there
        return f"error: expected {problem.name}, found none: correct the import, or {REINSTALL} {package}"
    if package:
        return f"error: expected the package {package}, found none: run {find_activation() or COMPLETE}"
    # One that a package of ours needs: pip adds it, if it is asked for ours once more.
    importers = [_name_package(file) for file, _ in _trace(problem)]
    ours = next((PACKAGES[one] for one in importers if one in PACKAGES), "")
    if not ours or not importers[-1]:
        return ""
    return f"error: expected {name}, which the package {ours} needs, found none: run python -m pip install {ours}"


def find_activation() -> str:
    """Return what lets a terminal use the assignment's .venv, where that is there and another Python runs; else ""."""
    venv = os.path.join(ROOT, ".venv")
    runs = os.path.realpath(sys.prefix) == os.path.realpath(venv)
    if runs or "ipykernel" in sys.modules or not os.path.isfile(os.path.join(venv, "pyvenv.cfg")):
        return ""
    way = r"Scripts\activate" if os.name == "nt" else "bin/activate"
    return f"{'' if os.name == 'nt' else 'source '}{os.path.join(venv, way)}, then this again"


def name_broken(problem: BaseException | None) -> str:
    """Sentence on a package of ours that is there and fails while it is loaded; "" for anything else."""
    import traceback

    if not isinstance(problem, (ImportError, OSError, AttributeError, SyntaxError)):
        return ""
    frames = traceback.extract_tb(problem.__traceback__)
    loading = [_name_package(frame.filename) for frame in frames if frame.name == "<module>"]
    if isinstance(problem, SyntaxError):  # in a file that has no frame yet
        loading.append(_name_package(problem.filename or ""))
    name = next((one for one in loading if one in PACKAGES), "")
    path = getattr(problem, "path", None) or os.__file__
    known = _name_package(path) or path.startswith(os.path.dirname(os.__file__))  # no random.py in Python's place
    if not name or not known:
        return ""
    got = " ".join(tell(problem).split()) or type(problem).__name__
    package = PACKAGES[name]
    return f"error: expected the package {package} whole, got {got!r} while it was loaded: {REINSTALL} {package}"


def find_no_memory(problem: BaseException | None) -> str:
    """Sentence on memory that ran out, and the assignment's line that asked for it; "" for anything else."""
    import re

    words = tell(problem)
    if not isinstance(problem, MemoryError):
        if not isinstance(problem, (RuntimeError, ImportError)) or not re.search(NO_MEMORY, words, re.I | re.M):
            return ""
    asked = re.search(r"allocate ([\d.]+) (bytes|.iB)", words)
    own = [place for place in _trace(problem) if place[0].startswith(ROOT + os.sep) and not _name_package(place[0])]
    told = "error: expected memory"
    if asked:
        told += f" for {float(asked[1]) / 1e6:,.0f} MB" if asked[2] == "bytes" else f" for {asked[1]} {asked[2]}"
    if own and not isinstance(problem, ImportError):
        told += f" in {os.path.relpath(own[-1][0], ROOT)}, line {own[-1][1]}"
    helps = "take --device cpu" if re.search("CUDA|MPS|HIP|XPU", words) else "take fewer or smaller pictures"
    return f"{told}, got too little: close other programs, or {helps}"


def tell(problem: BaseException | None) -> str:
    """Text of an exception, which its own method may fail to make."""
    try:
        return str(problem)
    except Exception as mistake:
        return f"without a text, as its __str__ raises {type(mistake).__name__}"


def _trace(problem: BaseException) -> list[tuple[str, int]]:
    """Files and lines that an exception came through, the last of them where it was raised."""
    import traceback

    frames = traceback.extract_tb(problem.__traceback__)
    return [(frame.filename, frame.lineno or 0) for frame in frames if os.path.isfile(frame.filename)]


def _name_package(file: str) -> str:
    """Name by which the installed package is imported that this file belongs to; "" for a file of somebody's own."""
    parts = os.path.normpath(file).split(os.sep)
    place = next((i for i, part in enumerate(parts) if part in {"site-packages", "dist-packages"}), len(parts))
    return "".join(parts[place + 1 : place + 2])


def find_shadow(folder: str = ROOT) -> str:
    """Sentence on a file beside the scripts that Python would take for one of its modules or packages; "" if none."""
    taken = {*sys.stdlib_module_names, *PACKAGES} - UNUSED
    try:
        files = sorted(os.listdir(folder))
    except OSError:  # a folder that only its own files are known of
        return ""
    for file in files:
        name, _, suffix = file.partition(".")
        beside = os.path.isfile(os.path.join(folder, name, "__init__.py"))
        if suffix == "py" and beside and name not in HANDED_OUT:  # else the file is one's own: Python takes the folder
            return f"error: expected {file} alone, got the folder {name} beside it: give that another name"
        if name in taken and (suffix == "py" or os.path.isfile(os.path.join(folder, file, "__init__.py"))):
            return tell_shadow(name, os.path.join(folder, file))
    return ""


def find_no_folder() -> str:
    """Sentence on a terminal that stands in a folder that was deleted, where libraries fail in odd ways; "" if not."""
    try:
        os.getcwd()
    except OSError:
        return "error: expected to stand in a folder, got one that was deleted: cd to the assignment's folder"
    return ""


def tell_shadow(name: str, got: str) -> str:
    return f"error: expected {name} to be Python's or a package's, got {got}: give it another name"


def find_half() -> str:
    """Sentence on PyTorch, where its import was interrupted in a notebook, which cannot load it again; "" if not."""
    spec = getattr(sys.modules.get("torch"), "__spec__", None)
    if not {"ipykernel", "torch._C"} <= sys.modules.keys() or (spec and not getattr(spec, "_initializing", False)):
        return ""
    return "error: expected PyTorch whole, got an import that was interrupted: restart the notebook's kernel"


def end_in_words() -> None:
    """Let such an end of this program be one line, no traceback; every other end stays as it is."""
    if sys.version_info < PYTHON:
        got = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"error: expected Python 3.11 or later, got {got}: activate the assignment's own")
    if words := find_shadow() or find_no_folder():
        sys.exit(words)
    before = sys.excepthook

    def end(kind, problem, trace):
        if issubclass(kind, KeyboardInterrupt):
            print("\ninterrupted", file=sys.stderr)
        elif words := explain(problem):
            print(words, file=sys.stderr)
        else:
            before(kind, problem, trace)

    sys.excepthook = end


end_in_words()
