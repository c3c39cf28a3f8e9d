"""Facts from students' sources, without running them: JSON {file: source} on stdin, a line [file, facts] on stdout.

It runs in a process of its own (`read` below starts it) and reads each file in a fork of that: a hostile source can
crash the parser.
"""

import ast
import io
import json
import os
import signal
import subprocess
import sys
import tokenize
from contextlib import suppress
from pathlib import Path

SECONDS = 20  # for a file
BY_NAME = {"import_module", "__import__", "modules"}  # what gives a module whose name is written as text


def read(files: dict[str, bytes]) -> dict[str, dict]:
    """Return of each file: "error" (a sentence) or "imports", "signatures", "prints"."""
    sources = {name: data.decode("latin-1") for name, data in files.items()}  # each byte a character, whatever it is
    done = subprocess.run(
        [sys.executable, "-I", str(Path(__file__).resolve())], input=json.dumps(sources).encode(),
        capture_output=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    facts = {}
    for line in done.stdout.splitlines():
        with suppress(ValueError):  # an empty line, or what a fork that was ended had begun to say
            name, fact = json.loads(line)
            facts[name] = fact
    return {name: facts.get(name, {"error": "Python cannot read this file"}) for name in files}


def main() -> None:
    for name, source in json.load(sys.stdin).items():
        pid = os.fork()
        if pid == 0:
            signal.alarm(SECONDS)
            print(f"\n{json.dumps([name, _facts(source.encode('latin-1'))])}", flush=True)  # a line of its own
            os._exit(0)
        os.waitpid(pid, 0)


def is_text(source: bytes) -> bool:
    """Tell whether these bytes may be text to Python: UTF-8, or of the encoding that their first lines name."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        if encoding.startswith("utf-8"):
            source.decode()
    except (SyntaxError, UnicodeDecodeError):
        return False
    return b"\0" not in source


def _facts(source: bytes) -> dict:
    try:
        tree = ast.parse(source)  # also with a comment that is no UTF-8
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if not is_text(source):
            return {"error": "expected text in UTF-8, got another encoding: save it as UTF-8"}
        line = getattr(error, "lineno", None)
        place = f"line {line}: " if line else ""
        words = getattr(error, "msg", "") or str(error) or type(error).__name__
        return {"error": f"{place}Python cannot read this file ({words})"}
    return {"imports": sorted(set(_imports(tree))), "signatures": dict(_signatures(tree)), "prints": _prints(tree)}


def _imports(tree: ast.Module):
    """Modules and lines, also where a function or sys.modules is asked for a module by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.Call | ast.Subscript):
            asked = node.func if isinstance(node, ast.Call) else node.value
            called = asked.attr if isinstance(asked, ast.Attribute) else getattr(asked, "id", "")
            name = next(iter(node.args), None) if isinstance(node, ast.Call) else node.slice
            if called in BY_NAME and isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value.partition(".")[0], node.lineno


def _signatures(tree: ast.Module):
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


def _prints(tree: ast.Module) -> list[int]:
    """The lines on which a file prints while it is imported."""
    lines = []
    for node in tree.body:
        if isinstance(node, ast.Expr):
            lines += [call.lineno for call in ast.walk(node) if isinstance(call, ast.Call)
                      and isinstance(call.func, ast.Name) and call.func.id == "print"]  # fmt: skip
    return lines


if __name__ == "__main__":
    main()
