"""Code that looks like a pattern, and what to write in its place: `_a.square()` becomes `_a * _a`.

A name that begins with an underscore stands for any expression, the same one wherever it comes again. A pattern is one
expression, or some statements one after the other.
"""

import ast
import copy
from collections.abc import Iterator

Found = dict[str, ast.AST]
Body = list[ast.stmt]


def parsed(code: str) -> list[ast.stmt]:
    return ast.parse(code).body


def written(body: list[ast.stmt]) -> str:
    return ast.unparse(ast.Module(body=body, type_ignores=[])) + "\n"


def places(body: list[ast.stmt], pattern: str) -> Iterator[Found]:
    """Wherever the pattern is found, what its names stand for; "" is the expression, or the list and first index."""
    wanted = parsed(pattern)
    if len(wanted) == 1 and isinstance(wanted[0], ast.Expr):
        for node in expressions(body):
            found: Found = {}
            if _matches(wanted[0].value, node, found):
                yield {**found, "": node}
    else:
        for statements in bodies(body):
            for i in range(len(statements) - len(wanted) + 1):
                found = {}
                if all(_matches(one, node, found) for one, node in zip(wanted, statements[i:])):
                    yield {**found, "": statements[i]}


def replaced(body: list[ast.stmt], found: Found, pattern: str, instead: str) -> list[ast.stmt]:
    """A copy of the code in which one place of `places` holds `instead`."""
    new = [_filled(statement, found) for statement in parsed(instead)]
    if isinstance(found[""], ast.stmt):
        return with_statements(body, found[""], len(parsed(pattern)), new)
    assert isinstance(new[0], ast.Expr)
    return with_expression(body, found[""], new[0].value)


def with_expression(body: list[ast.stmt], old: ast.AST, new: ast.AST) -> list[ast.stmt]:
    """A copy in which one node is another."""

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return new if node is old else self.generic_visit(_shallow(node))

    return [Replace().visit(statement) for statement in body]


def with_statements(body: list[ast.stmt], first: ast.AST, count: int, new: list[ast.stmt]) -> list[ast.stmt]:
    """A copy in which `count` statements from `first` on are others; where none are left, `pass`."""

    def changed(statements: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        i = 0
        while i < len(statements):
            if statements[i] is first:
                result += new
                i += count
            else:
                result.append(inside(statements[i]))
                i += 1
        return result or parsed("pass")

    def inside(statement: ast.stmt) -> ast.stmt:
        statement = _shallow(statement)
        for name in ("body", "orelse"):
            if getattr(statement, name, None):
                setattr(statement, name, changed(getattr(statement, name)))
        return statement

    return changed(body)


def bodies(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Each list of statements, from the outside to the inside."""
    yield body
    for statement in body:
        for name in ("body", "orelse"):
            yield from bodies(getattr(statement, name)) if getattr(statement, name, None) else ()


def expressions(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """All that are computed: not what is assigned to."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
                yield node


def names(tree: ast.AST | list[ast.stmt], kind: type = ast.expr_context) -> set[str]:
    """The names in some code; kind: ast.Store for those that are assigned to, ast.Load for those that are read."""
    roots = tree if isinstance(tree, list) else [tree]
    nodes = (node for root in roots for node in ast.walk(root))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, kind)}


def all_names(body: Body) -> set[str]:
    """Those of arguments, too."""
    nodes = (node for statement in body for node in ast.walk(statement))
    return names(body) | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _matches(pattern: object, node: object, found: Found) -> bool:
    if isinstance(pattern, ast.Name) and pattern.id.startswith("_"):
        known = found.setdefault(pattern.id, node)
        return isinstance(node, ast.expr) and ast.unparse(known) == ast.unparse(node)
    if isinstance(pattern, list):
        return isinstance(node, list) and len(pattern) == len(node) and all(map(_matches, pattern, node, [found] * 99))
    if isinstance(pattern, ast.AST):
        fields = [name for name in pattern._fields if name not in ("ctx", "kind", "type_comment")]
        return type(pattern) is type(node) and all(
            _matches(getattr(pattern, name, None), getattr(node, name, None), found) for name in fields
        )
    return type(pattern) is type(node) and pattern == node


def _filled(statement: ast.stmt, found: Found) -> ast.stmt:
    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return copy.deepcopy(found.get(node.id, node))

    return Fill().visit(statement)


def _shallow(node: ast.AST) -> ast.AST:
    """A copy that may be given other children."""
    node = copy.copy(node)
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            setattr(node, name, list(value))
    return node
