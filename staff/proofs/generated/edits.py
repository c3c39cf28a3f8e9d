"""Wrong strangers, or nearly all of them: one edit at one place, as a slip of the pen makes it."""

import ast
import copy
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
    "sum": ("mean", "prod"), "mean": ("sum", "amax"), "amax": ("amin", "sum", "mean"), "max": ("min",),
    "abs": ("square", "relu"), "square": ("abs", "sqrt"), "sqrt": ("square",), "relu": ("abs",),
    "norm": ("sum", "max"), "argmax": ("argmin",), "stack": ("cat",), "cat": ("stack",),
    "permute": ("reshape",), "reshape": ("permute",),
}  # fmt: skip

Edit = tuple[str, Body]  # what was done, and the code after it


def edits(block: str) -> Iterator[Edit]:
    """Every single edit of a block, in the order of its places."""
    body = patterns.parsed(block)
    for node in patterns.expressions(body):
        for done, new in _of_expression(node):
            yield f"{done}: {ast.unparse(node)} -> {ast.unparse(new)}", patterns.with_expression(body, node, new)
    for node in _values(body):
        others = sorted({other.id for other in _values(body)} - {node.id})
        if others:
            new = ast.Name(others[zlib.crc32(node.id.encode()) % len(others)], ast.Load())
            yield f"another name: {node.id} -> {new.id}", patterns.with_expression(body, node, new)
    for statements in patterns.bodies(body):
        for statement in statements:
            yield from _of_statement(body, statements, statement)


def _values(body: Body) -> list[ast.Name]:
    """The names that stand for values: no functions, modules or methods' owners."""
    nodes = list(patterns.expressions(body))
    owners = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    owners |= {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    return [node for node in nodes if isinstance(node, ast.Name) and id(node) not in owners]


def _of_expression(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left=left, op=operator, right=right):
            for other in OPERATORS.get(type(operator), ()):
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
            yield from _of_call(node)


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
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
        case ast.Name() if len(node.args) > 0:
            yield "a call dropped", node.args[0]


def _of_statement(body: Body, statements: list[ast.stmt], statement: ast.stmt) -> Iterator[Edit]:
    text = ast.unparse(statement).splitlines()[0]
    yield f"a statement dropped: {text}", patterns.with_statements(body, statement, 1, [])
    match statement:
        case ast.If(test=test):
            for done, other in (
                ("the condition turned", ast.UnaryOp(ast.Not(), test)),
                ("as if the condition held", ast.Constant(True)),
            ):
                new = copy.copy(statement)
                new.test = other
                yield f"{done}: {text}", patterns.with_statements(body, statement, 1, [new])
        case ast.For(body=inner) | ast.While(body=inner) | ast.With(body=inner):
            yield f"only once: {text}", patterns.with_statements(body, statement, 1, inner)
        case ast.AugAssign(target=target, value=value):
            new_assign = ast.Assign([target], value, lineno=0)
            yield f"assigned instead of added: {text}", patterns.with_statements(body, statement, 1, [new_assign])
        case ast.Return(value=value) if value is not None:
            turned = ast.Return(ast.UnaryOp(ast.USub(), value))
            yield f"the sign turned: {text}", patterns.with_statements(body, statement, 1, [turned])
    after = statements[statements.index(statement) + 1 :]
    if after:
        both = [after[0], statement]
        yield f"statements exchanged: {text}", patterns.with_statements(body, statement, 2, both)
