"""Options that the five root scripts share, and mistakes told in one sentence."""

import argparse
import ast
import ctypes
import difflib
import hashlib
import io
import json
import os
import signal
import sys
import threading
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

from PIL import Image

import pretrained
from image_utils import open_image
from pretrained.ending import INTERRUPTED, explain, tell
from pretrained.networks import SQUEEZENET

DIGITS = 9  # of a number
LONGEST = 4  # times the shorter side, of pictures of one's own
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


ROOT = Path(__file__).resolve().parents[1]
PLAIN = {bool, int, float, str, tuple}  # types of constants, which stay what they are
PICTURES = {"image", "content", "style"}  # options that name files
ParseArgs = Callable[[Sequence[str] | None], argparse.Namespace]
NO_CHANGE = {"device", "model", "out", "show", "weights"}  # of a figure, by these options: the network is told apart


class UserError(Exception):
    """Something that the person at the keyboard can mend, in one sentence: expected, got, try."""

    _render_traceback_ = pretrained.SourceError._render_traceback_  # in a notebook


class Parser(argparse.ArgumentParser):
    """A parser that takes no options from a notebook's kernel, whose own are none of the script's."""

    def parse_args(self, args=None, namespace=None):
        if args is None and Path(sys.argv[0]).stem.endswith("kernel_launcher"):
            args = []
        return super().parse_args(args, namespace)

    def error(self, message):
        option = next((one for one in ("--image", "--content") if one in self._option_string_actions), "")
        files = message.startswith("unrecognized arguments: ") and os.path.isfile(message.split(": ")[1].split()[0])
        super().error(f"{message} (a picture of your own stands behind {option})" if option and files else message)


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of every script; description: the script's docstring."""
    arguments = Parser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    pretrained.add_arguments(arguments)
    return arguments


def run(main: Callable[[], object]) -> None:
    """Call main; where it answers with a number, that is the exit status.

    A mistake of the user's ends in one sentence on stderr and status 1, not in a traceback.
    A mistake in the code, such as a ValueError from a part that you are writing, keeps its traceback.
    """
    keep_memory()
    end_by_signals()
    sys.stdout, sys.stderr = sys.stdout or open(os.devnull, "w"), sys.stderr or open(os.devnull, "w")  # one is closed
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot say a letter gets its number, no traceback
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            check_home(main)
            with told_briefly():
                answer = main()
        finally:
            sys.stdout.flush()  # what it cannot take is told here, and not by Python at its end
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except Exception as mistake:
        if not (words := sentence(mistake)):
            raise
        drop_output()
        raise SystemExit(words) from None  # IPython 7, as on Colab, cannot show what came before
    status = answer if isinstance(answer, int) else 0
    if status or not sys.flags.inspect:
        sys.exit(status)


def end_by_signals() -> None:
    """Let a signal that ends the program, such as a closed terminal's, do so as an exception: no half file stays."""
    if threading.current_thread() is threading.main_thread() and "ipykernel" not in sys.modules:
        for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
            if number and signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, lambda number, frame: sys.exit(128 + number))


def check_home(main: Callable[[], object]) -> None:
    """Raise UserError where a notebook runs a script of one copy of the assignment, and has read another's modules."""
    script = Path(getattr(main, "__globals__", {}).get("__file__", __file__)).resolve()
    if not script.is_relative_to(ROOT):
        raise UserError(
            f"expected one copy of the assignment, got {script} after modules of {ROOT}: restart the notebook's kernel"
        )


def drop_output() -> None:
    """Leave nothing to be written to a stdout that takes no more: Python would fail once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def keep_memory() -> None:
    """Let glibc keep what is freed: otherwise each pass gives memory back and asks for it again, a fifth slower."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):  # musl has none
        library.mallopt(M_TRIM_THRESHOLD, 1 << 30)
        library.mallopt(M_MMAP_THRESHOLD, 32 << 20)


def sentence(mistake: BaseException) -> str:
    """A mistake of the user's as one line; "" for one in the code, which keeps its traceback."""
    if isinstance(mistake, NotImplementedError):
        return f"not written yet: {tell(mistake) or 'see the traceback of your tests'}"
    if isinstance(mistake, OSError) and mistake.strerror:
        return f"error: {mistake.strerror}" + (f": {mistake.filename}" if mistake.filename else "")
    return f"error: {mistake}" if isinstance(mistake, MISTAKES) else explain(mistake)


@contextmanager
def told_briefly() -> Iterator[None]:
    """Inside the block a warning is one line on stderr, without the place in the code."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting (forward, )?backward hooks", module="captum")
        warnings.filterwarnings("ignore", message="Input Tensor", module="captum")
        warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
        yield


class Unwritten:
    """`with unwritten:` around what one part shows: where the part is not written yet the others go on all the same.

    After them `unwritten.tell()` raises the NotImplementedError of the first such part.
    """

    def __init__(self) -> None:
        self.first: NotImplementedError | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, mistake: BaseException | None, trace: object) -> bool:
        if not isinstance(mistake, NotImplementedError):
            return False
        self.first = self.first or mistake
        return True

    def tell(self) -> None:
        if self.first:
            raise self.first


def name_value(value: Any) -> str:
    """Name what came instead of a tensor, or the shape of one, for a sentence."""
    return f"the shape {tuple(value.shape)}" if hasattr(value, "shape") else f"a {type(value).__name__}"


def count(text: str) -> int:
    """An option's value that is a number from 1 up, of digits that Python can count to."""
    if not text.isdecimal() or len(text) > DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, of at most {DIGITS} digits, got {text!r}")
    return int(text)


def open_picture(path: str) -> Image.Image:
    """A picture of one's own, if it can be opened and is not a strip."""
    try:
        opened = open_image(os.path.expanduser(path))  # unlike Path's, leaves ~cat.png as it is
    except (ValueError, OSError) as problem:
        raise UserError(str(problem)) from None
    width, height = opened.size
    if max(width, height) > LONGEST * min(width, height):
        raise UserError(
            f"expected a picture at most {LONGEST} times as long as wide, got one "
            f"{max(width, height) / min(width, height):.1f} times as long in {path}: crop it"
        )
    return opened


def picture(path: str) -> Path:
    """The path of such a picture."""
    open_picture(path)
    return Path(os.path.expanduser(path))


def class_index(target: str, class_names: Sequence[str]) -> int:
    """The class that `target` means: an index, or one of the names that a class goes by, in any case."""
    if target.removeprefix("-").isdecimal() and len(target) <= DIGITS:
        if 0 <= int(target) < len(class_names):
            return int(target)
        raise UserError(f"expected a class between 0 and {len(class_names) - 1}, got {target}: give an index or a name")
    names = {name.strip().lower(): i for i in range(len(class_names)) for name in class_names[i].split(",")[::-1]}
    if target.strip().lower() in names:
        return names[target.strip().lower()]
    sayings: dict[str, list[str]] = {}  # "guitar": electric guitar, acoustic guitar
    for name in names:
        for saying in {name, *name.split()}:
            sayings.setdefault(saying, []).append(name)
    closest = difflib.get_close_matches(target.lower(), sayings, n=5, cutoff=0.5)
    close = list(dict.fromkeys(name for saying in closest for name in sayings[saying]))[:5] or sorted(names)[:24]
    raise UserError(f"expected one of the network's classes, got {target!r}: try {', '.join(close)}, or an index")


@cache
def read_captions() -> dict[str, dict[str, Any]]:
    """Read captions.toml: {script: {picture: {"title", "text"}, "sentences": {...}}}."""
    return tomllib.loads(Path(__file__).with_name("captions.toml").read_text(encoding="utf-8"))


def caption(script: str, picture: str = "picture") -> tuple[str, str]:
    """Title and text of a script's picture, in which {name} stands for a value."""
    words = read_captions()[script][picture]
    return words["title"], words["text"]


def name_run(args: argparse.Namespace, source: pretrained.Pretrained) -> str:
    """End of the names of a run's figures: "" for the assignment's run, and "_my_cat_toaster" for one of one's own.

    Where two runs share a name, the second one's figures end in its digest: `figure.save`.
    """
    given = {name: value for name, value in vars(args).items() if not _is_usual(name, value, source)}
    words = [f"image {one}" if isinstance(one, int) else Path(one).stem for one in given.get("image") or ()]
    words += [one for one in (given.get("target"), given.get("layer")) if isinstance(one, str)]
    layers = [given.get("content_layer"), *(given.get("style_layers") or ())]
    words += [f"layer {layer}" for layer in layers if layer is not None]
    words += [f"num {given['num']}"] if given.get("num") else []
    words += [f"{given['iterations']} iterations"] if given.get("iterations") else []
    words += [f"seed {given['seed']}"] if given.get("seed") else []
    words += ["quick"] if given.get("quick") else []
    words += [source.architecture] if source.architecture != SQUEEZENET else []
    words += [source.name.rpartition(", ")[2]] if source.weights == "own" else []
    words += ["embedded"] if source.weights == "embedded" else []
    end = _cut("".join(f"_{file_name(word)}" for word in words), 80)
    return f"_own{end}" if end[1:] in {"captum", "comparison", "classes", "layers", "sources"} else end


def describe_run(
    script: str, args: argparse.Namespace, parse_args: ParseArgs, source: pretrained.Pretrained, *without: str
) -> dict[str, object]:
    """Facts for `figure.made_by`: the options that change the figures, the network, and digests of the student's files.

    parse_args: the script's own. without: options that the figures' names tell of anyway.
    """
    names = getattr(parse_args, "__globals__", {})
    code, there = digest_code(script, names), names.get("__file__")
    if there is None or Path(there).resolve() != ROOT / script:
        code[script] = "a notebook's cell, or a copy"  # which is not what is handed in
    return describe_options(f"python {script}", args, parse_args([]), source, *without) | {"code": code}


def describe_options(
    command: str, args: argparse.Namespace, usual: argparse.Namespace, source: pretrained.Pretrained, *without: str
) -> dict[str, object]:
    """Facts for `figure.made_by`: command, options, network, and of a run of one's own a digest that tells it apart."""
    options = list_changes(args, usual, source, *without)
    run = {"run": digest_run(options, args, source)} if options else {}
    return {"command": command, "options": options, "network": source.name, **run}


def list_changes(
    args: argparse.Namespace, usual: argparse.Namespace, source: pretrained.Pretrained, *without: str
) -> dict[str, object]:
    """Options that change the figures, but for those without, and the network, where they are not the assignment's."""
    changed = {
        name: _names(value) if name in PICTURES else value
        for name, value in vars(args).items()
        if name not in {*NO_CHANGE, *without} and value != vars(usual)[name] and not _is_usual(name, value, source)
    }
    if source.weights in ("own", "embedded") or source.architecture != SQUEEZENET:
        changed["network"] = source.name
    return changed


def digest_run(options: Mapping[str, object], args: argparse.Namespace, source: pretrained.Pretrained) -> str:
    """Digest of options, network, and of what is in the files that they name: two photographs may have one name."""
    given = [value for name, value in vars(args).items() if name in {*PICTURES, "weights"} and value is not None]
    paths = [Path(os.path.expanduser(one)) for value in given for one in (value if isinstance(value, list) else [value])
             if isinstance(one, str | Path)]  # fmt: skip
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
    return _digest(json.dumps([options, source.name, contents]))


def _names(value: Any) -> Any:
    """Names of files without their folders, which are nobody's business; numbers of samples as they are."""
    if isinstance(value, list):
        return [_names(one) for one in value]
    return Path(value).name if isinstance(value, str) else value


def _is_usual(name: str, value: object, source: pretrained.Pretrained) -> bool:
    """Return True for the layer that is the network's last map; not all have one."""
    with suppress(pretrained.SourceError):
        return name == "layer" and value is not None and value == source.gradcam_layer
    return False


def digest_code(script: str, names: Mapping[str, object]) -> dict[str, str]:
    """Digest of the script and of each file of its parts, by name; collect_submission.py makes them the same way.

    names: what the script has imported.
    """
    parts = tomllib.loads((ROOT / "assignment.toml").read_text(encoding="utf-8-sig"))["parts"].values()
    files = {script, *(file for part in parts if part.get("script") == script for file in part["functions"])}
    contents = {file: (ROOT / file).read_bytes().replace(b"\r\n", b"\n") for file in sorted(files)}
    for file in sorted(contents, key=lambda file: "/" not in file):  # first what the script has imported: it is named
        check_read(file, contents[file], names)
    return {file: hashlib.sha256(content).hexdigest()[:16] for file, content in contents.items()}


def check_read(file: str, content: bytes, imported: Mapping[str, object] = MappingProxyType({})) -> None:
    """Raise UserError where something else was read of this file, whose content this is, than it has now.

    A notebook's kernel has read it once, and a cell can put a function of its own into it; and Python takes what it has
    compiled where time and size of a file are the same, as in a zip whose files all have one time. A module may have
    been read again, and a script still hold the class that it has imported before.
    """
    names = file.removesuffix(".py").replace("/", "."), "__main__"  # as it is imported, and as it is run
    modules = [module for name in names if (module := sys.modules.get(name)) and hasattr(module, "__file__")]
    read = [module for module in modules if Path(str(module.__file__)).resolve() == ROOT / file]
    for function in [one for module in read for one in _functions(module)]:
        if function.__module__ == "__main__" and "__file__" not in function.__globals__:
            raise UserError(
                f"expected {file} as it is in the folder, got {function.__qualname__} of a notebook's cell in it: "
                "write that into the file, and restart the notebook's kernel"
            )
    tree = ast.parse(content, file)
    # Of a function that has changed %autoreload compiles what ast.unparse makes of it, without the file's imports.
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    alone = ast.unparse(ast.Module(kept, []))
    codes = [compile(source, file, "exec", dont_inherit=True) for source in (content, alone)]
    written = {(inside.co_qualname, _content(inside)) for code in codes for inside in _inside(code)}
    fixed = dict(_list_constants(tree.body, Counter(_list_stores(tree))))
    held = [SimpleNamespace(__file__=module.__file__, held=value) for module in read for value in imported.values()
            if isinstance(value, type) and value.__module__ == module.__name__]  # fmt: skip
    old = any(not _is_of(one, written, {}) for one in held)
    if old or (read and not any(_is_of(module, written, fixed) for module in read)):
        raise UserError(
            f"expected {file} as it is in the folder, got an older one that Python has kept: restart the notebook's "
            "kernel, or delete the folders __pycache__ (make clean)"
        )


def _is_of(
    module: ModuleType | SimpleNamespace, written: set[tuple[str, Hashable]], fixed: Mapping[str, object]
) -> bool:
    """Return True if a module's functions are among those written, and what is fixed has the same values."""
    functions = [one for one in _functions(module) if one.__code__.co_filename == module.__file__]
    there = {f"{prefix}{name}": value for prefix, owner in _owners(module) for name, value in vars(owner).items()}
    for one in functions:
        defaults = one.__defaults__ or ()
        arguments = one.__code__.co_varnames[: one.__code__.co_argcount]
        there |= {f"{one.__qualname__}({name})": value for name, value in zip(arguments[::-1], defaults[::-1])}
        there |= {f"{one.__qualname__}({name})": value for name, value in (one.__kwdefaults__ or {}).items()}
    same = all(there[name] == value for name, value in fixed.items() if type(there.get(name, ...)) in PLAIN)
    # %autoreload's code has another name, and a decorator's function the name of the one that it wraps.
    return same and all(
        written & {(name, _content(one.__code__)) for name in (one.__qualname__, one.__code__.co_qualname)}
        for one in functions
    )


def _owners(module: ModuleType | SimpleNamespace) -> list[tuple[str, Any]]:
    """List the module and the classes in it, with what the names of what they hold begin with."""
    classes = [one for one in vars(module).values() if isinstance(one, type)]
    return [("", module), *((f"{one.__qualname__}.", one) for one in classes)]


def _functions(module: ModuleType | SimpleNamespace) -> list[FunctionType]:
    """List the functions and methods that a module has."""
    found = [getattr(one, "__func__", one) for _, owner in _owners(module) for one in vars(owner).values()]
    return [one for one in found if isinstance(one, FunctionType)]


def _list_constants(
    body: Sequence[ast.stmt], stored: Mapping[str, int], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    """Yield each number, text and the like that is a constant or an argument's default: its name, and the value."""
    for node in body:
        values: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.ClassDef):
            yield from _list_constants(node.body, stored, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            plain, named = [*node.args.posonlyargs, *node.args.args], node.args.kwonlyargs
            pairs = [*zip(plain[::-1], node.args.defaults[::-1]), *zip(named, node.args.kw_defaults)]
            values = [(f"{prefix}{node.name}({argument.arg})", default) for argument, default in pairs]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values = [(prefix + one.id, node.value) for one in targets if isinstance(one, ast.Name)
                      and stored[one.id] == 1]  # fmt: skip
        for name, value in values:
            with suppress(ValueError):  # what must be computed
                if value is not None and type(plainly := ast.literal_eval(value)) in PLAIN:
                    yield name, plainly


def _list_stores(tree: ast.AST) -> Iterator[str]:
    """Yield a name as often as it gets a value, anywhere in a file: a constant does once."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.Global):
            yield from node.names


def _inside(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _inside(inner)


def _content(code: CodeType) -> Hashable:
    """Return what a function does, wherever it stands in a file and however far its docstring is indented."""
    constants = [_content(one) if isinstance(one, CodeType) else " ".join(one.split()) if isinstance(one, str) else one
                 for one in code.co_consts]  # fmt: skip
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_name, code.co_code, *names, *((type(one), one) for one in constants)


def file_name(words: str) -> str:
    """Lower case, with underscores for all that is no letter and no digit: "Border terrier" -> "border_terrier"."""
    name = "_".join("".join(c if c.isalnum() else " " for c in words.lower()).split())
    return _cut(name, 50) or _digest(words)


def _cut(name: str, most: int) -> str:
    """The name, or of a longer one its beginning and a digest: a file's may have 255 bytes, a Chinese letter has 3."""
    if len(name.encode()) <= most:
        return name
    return f"{name.encode()[: most - 9].decode(errors='ignore')}_{_digest(name)}"


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode(errors="surrogateescape")).hexdigest()[:8]


MISTAKES = (UserError, pretrained.SourceError, OSError)
