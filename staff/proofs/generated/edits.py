"""Wrong programs, or nearly all of them: one edit at one place, as a slip of the pen makes it."""

import ast
import zlib
from collections.abc import Iterator

from staff.proofs.generated import patterns
from staff.proofs.generated.patterns import Body

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add, ast.Mult), ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult, ast.Sub), ast.Pow: (ast.Mult,), ast.MatMult: (ast.Mult,),
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Gt: (ast.Lt, ast.GtE), ast.Lt: (ast.Gt, ast.LtE),
    ast.GtE: (ast.Lt,), ast.LtE: (ast.Gt,),
}  # fmt: skip
METHODS = {
    "sum": ("mean",), "mean": ("sum", "amax"), "amax": ("amin", "sum", "mean"), "max": ("min",),
    "abs": ("square", "relu"), "square": ("abs", "sqrt"), "sqrt": ("square",), "relu": ("abs",),
    "norm": ("sum", "max"), "argmax": ("argmin",), "stack": ("cat",), "cat": ("stack",),
    "permute": ("reshape",), "reshape": ("permute",),
}  # fmt: skip

CAP = 20  # steps, after which a loop ends

Edit = tuple[str, Body]  # what was done, and the code after it


def list_edits(block: str) -> Iterator[Edit]:
    """Yield every single edit of a block, in the order of its places."""
    body = patterns.parse(block)
    thresholds = {id(node) for node in _thresholds(body)}
    for node in patterns.expressions(body):
        if id(node) in thresholds:
            continue
        for done, new in _edit_expression(node):
            yield f"{done}: {ast.unparse(node)} -> {ast.unparse(new)}", patterns.replace(body, node, new)
    for node in _values(body):
        others = sorted({other.id for other in _values(body)} - {node.id})
        if others:
            new = ast.Name(others[zlib.crc32(node.id.encode()) % len(others)], ast.Load())
            yield f"another name: {node.id} -> {new.id}", patterns.replace(body, node, new)
    for statements in patterns.bodies(body):
        for i, statement in enumerate(statements):
            text = ast.unparse(statement).splitlines()[0]
            for done, new in _edit_statement(statement):
                yield f"{done}: {text}", patterns.replace_statements(body, statements, statement, 1, new)
            if after := statements[i + 1 : i + 2]:
                both = patterns.replace_statements(body, statements, statement, 2, [*after, statement])
                yield f"statements exchanged: {text}", both


def _thresholds(body: Body) -> Iterator[ast.Constant]:
    """Yield the numbers that something is compared with, or clamped to: nobody writes another one."""
    for node in patterns.expressions(body):
        sides: list[ast.expr] = []
        match node:
            case ast.Compare(left=left, comparators=comparators):
                sides = [left, *comparators]
            case ast.Call(keywords=keywords):
                sides = [word.value for word in keywords if word.arg == "min"]
        yield from (side for side in sides if isinstance(side, ast.Constant))


def _values(body: Body) -> list[ast.Name]:
    """Return the names that stand for values: no functions, modules or methods' owners."""
    nodes = list(patterns.expressions(body))
    owners = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    owners |= {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    return [node for node in nodes if isinstance(node, ast.Name) and id(node) not in owners]


def _edit_expression(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left=left, op=operator, right=right):
            is_mask = isinstance(left, ast.Compare) or isinstance(right, ast.Compare)
            for other in () if is_mask else OPERATORS.get(type(operator), ()):  # nobody adds one, or divides by it
                yield "another operator", ast.BinOp(left, other(), right)
            yield "the right side dropped", left
            yield "the left side dropped", right
            if isinstance(operator, ast.Sub | ast.Div | ast.MatMult):
                yield "sides exchanged", ast.BinOp(right, operator, left)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            for other in COMPARISONS.get(type(operator), ()):
                yield "another comparison", ast.Compare(left, [other()], [right])
        case ast.UnaryOp(operand=operand):
            yield "a sign or not dropped", operand
        case ast.IfExp(test=test, body=one, orelse=other):
            yield "the condition turned", ast.IfExp(test, other, one)
            yield "the condition dropped", one
        case ast.Constant(value=bool(value)):
            yield "another constant", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield "another constant", ast.Constant(value + 1)
            less = ast.UnaryOp(ast.USub(), ast.Constant(1)) if value == 0 else ast.Constant(value - 1)
            yield "another constant", less
        case ast.Slice(lower=lower, upper=upper) if lower or upper:
            yield "a bound dropped", ast.Slice(None, None, node.step)
        case ast.Subscript(value=value):
            yield "an index dropped", value
        case ast.Call():
            yield from _edit_call(node)


def _edit_call(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    for i in range(len(node.args)):
        if len(node.args) + len(node.keywords) > 1:
            yield "an argument dropped", ast.Call(node.func, node.args[:i] + node.args[i + 1 :], node.keywords)
    for i in range(len(node.args) - 1):
        exchanged = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
        yield "arguments exchanged", ast.Call(node.func, exchanged, node.keywords)
    for i in range(len(node.keywords)):
        yield "an argument dropped", ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
    match node.func:
        case ast.Attribute(value=value, attr=name):
            if not ast.unparse(value).startswith(("torch", "self", "optimizer", "warnings")):
                yield "a call dropped", value
            for other in METHODS.get(name, ()):
                yield "another method", ast.Call(ast.Attribute(value, other, ast.Load()), node.args, node.keywords)
        case ast.Name("range"):
            yield f"given up after {CAP}", ast.Call(node.func, [ast.Constant(CAP)], [])
            yield "a call dropped", node.args[0]
        case ast.Name() if len(node.args) > 0:
            yield "a call dropped", node.args[0]


def _edit_statement(statement: ast.stmt) -> Iterator[tuple[str, Body]]:
    yield "a statement dropped", []
    match statement:
        case ast.If(test=test, body=inner, orelse=other):
            yield "the condition turned", [ast.If(ast.UnaryOp(ast.Not(), test), inner, other)]
            yield "as if the condition held", [ast.If(ast.Constant(True), inner, other)]
        case ast.For(body=inner) | ast.While(body=inner) | ast.With(body=inner):
            yield "only once", inner
        case ast.Assign(targets=[ast.Attribute() as target], value=value):
            yield "added instead of assigned", [ast.AugAssign(target, ast.Add(), value)]
        case ast.AugAssign(target=target, value=value):
            yield "assigned instead of added", [ast.Assign([target], value, lineno=0)]
        case ast.Return(value=value) if value is not None:
            yield "the sign turned", [ast.Return(ast.UnaryOp(ast.USub(), value))]
    match statement:
        case ast.Assign(targets=[ast.Name()], value=ast.expr() as value) | ast.Return(value=ast.expr() as value):
            for name in ("detach", "item"):
                cut = ast.Call(ast.Attribute(value, name, ast.Load()), [], [])
                yield f"cut off by {name}()", [patterns.replace([statement], value, cut)[0]]
