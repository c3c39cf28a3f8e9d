"""Code that looks like a pattern, and what to write in its place: `_a.square()` becomes `_a * _a`.

A name that begins with an underscore stands for any expression, the same one wherever it comes again. A pattern is one
expression, or some statements one after the other. Nodes are never changed: each change is a copy of the code. Trees
are Python's own, which `ast.unparse` writes with the parentheses that they need.
"""

import ast
import copy
from collections.abc import Iterator

Found = dict[str, ast.AST]
Body = list[ast.stmt]


def parse(code: str) -> Body:
    return ast.parse(code).body


def write(body: Body) -> str:
    return ast.unparse(ast.Module(body=body, type_ignores=[])) + "\n"


def replace(body: Body, old: object, new: object) -> Body:
    """Return a copy of the code in which one node, or one list of statements, is another."""
    return copy.deepcopy(body, {id(old): new})


def replace_statements(body: Body, statements: Body, first: ast.stmt, count: int, new: Body) -> Body:
    """Return a copy in which `count` of these statements from `first` on are others; where none are left, `pass`."""
    i = statements.index(first)
    return replace(body, statements, [*statements[:i], *new, *statements[i + count :]] or parse("pass"))


def rewrite_each(body: Body, pattern: str, instead: str) -> Iterator[Body]:
    """Yield the code with `instead` at each place where the pattern is found."""
    wanted, new = parse(pattern), parse(instead)
    if len(wanted) == 1 and isinstance(wanted[0], ast.Expr):
        for node in expressions(body):
            found: Found = {}
            if _matches(wanted[0].value, node, found):
                (filled,) = _fill(new, found)
                assert isinstance(filled, ast.Expr)
                yield replace(body, node, filled.value)
        return
    for statements in bodies(body):
        for i in range(len(statements) - len(wanted) + 1):
            found = {}
            if all(_matches(one, node, found) for one, node in zip(wanted, statements[i:])):
                yield replace_statements(body, statements, statements[i], len(wanted), _fill(new, found))


def bodies(body: Body) -> Iterator[Body]:
    """Yield each list of statements, from the outside to the inside."""
    yield body
    for statement in body:
        for name in ("body", "orelse"):
            yield from bodies(getattr(statement, name)) if getattr(statement, name, None) else ()


def expressions(body: Body) -> Iterator[ast.expr]:
    """Yield all that are computed: not what is assigned to."""
    for node in _walk(body):
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            yield node


def names(tree: ast.AST | Body, kind: type = ast.expr_context) -> set[str]:
    """Names in some code; kind: ast.Store for those that are assigned to, ast.Load for those that are read."""
    return {node.id for node in _walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, kind)}


def all_names(body: Body) -> set[str]:
    """Names in some code, those of arguments, too."""
    return names(body) | {node.arg for node in _walk(body) if isinstance(node, ast.arg)}


def _walk(tree: ast.AST | Body) -> Iterator[ast.AST]:
    for root in tree if isinstance(tree, list) else [tree]:
        yield from ast.walk(root)


def _matches(pattern: object, node: object, found: Found) -> bool:
    if isinstance(pattern, ast.Name) and pattern.id.startswith("_"):
        known = found.setdefault(pattern.id, node)
        return isinstance(node, ast.expr) and (known is node or ast.unparse(known) == ast.unparse(node))
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(_matches(one, other, found) for one, other in zip(pattern, node))
    if isinstance(pattern, ast.AST):
        return all(
            _matches(value, getattr(node, name), found) for name, value in ast.iter_fields(pattern) if name != "ctx"
        )
    return pattern == node


def _fill(template: Body, found: Found) -> Body:
    """Return the template with what its names stand for."""
    names = (node for node in _walk(template) if isinstance(node, ast.Name) and node.id in found)
    return copy.deepcopy(template, {id(name): found[name.id] for name in names})
