"""Right programs: the solution, rewritten by one to four rules that keep what it means."""

import ast
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from staff.proofs.generated import patterns
from staff.proofs.generated.identities import IDENTITIES, Identity
from staff.proofs.generated.patterns import Body

# From a block, and the names that are used outside of it, to all that the rule makes of it.
Rule = Callable[[Body, set[str]], Iterable[Body]]
FRESH = ("part", "value", "tmp", "thing", "piece")  # names that no solution has


def rewrite(block: str, rng: random.Random, outside: set[str]) -> tuple[str, list[str]]:
    """Return a rewritten block, and the names of its rules. outside: names that its file uses beside it."""
    body, made_of = patterns.parse(block), []
    rules = list(RULES)
    for _ in range(rng.randint(1, 4)):
        rng.shuffle(rules)
        for name in rules:
            if ways := list(RULES[name](body, outside)):
                body = patterns.parse(patterns.write(rng.choice(ways)))
                made_of.append(name)
                break
    return patterns.write(body), made_of


# --- rules ---


def _by(identity: Identity, body: Body, outside: set[str]) -> Iterator[Body]:
    for way in identity.ways:
        yield from patterns.rewrite_each(body, identity.pattern, way)


def part_gets_a_name(body: Body, outside: set[str]) -> Iterator[Body]:
    """`x = f(g(y))` is `part = g(y)` and `x = f(part)`."""
    for name in _fresh(body, outside):
        for statements, statement in _statements(body):
            if isinstance(statement, ast.Assign | ast.Return) and statement.value is not None:
                for node in _list_computed(statement.value):
                    first = patterns.parse(f"{name} = {ast.unparse(node)}")
                    second = patterns.replace([statement], node, ast.Name(name, ast.Load()))
                    yield patterns.replace_statements(body, statements, statement, 1, first + second)


def _list_computed(value: ast.expr) -> list[ast.expr]:
    """Return calls and operations within, but not what is computed again and again, or perhaps never."""
    if isinstance(value, ast.ListComp | ast.GeneratorExp | ast.IfExp | ast.BoolOp | ast.Lambda):
        return []
    found = []
    for child in ast.iter_child_nodes(value):
        child = child.value if isinstance(child, ast.keyword | ast.Starred) else child
        if isinstance(child, ast.expr):
            found += [child] if isinstance(child, ast.Call | ast.BinOp) else []
            found += _list_computed(child)
    return found


def name_becomes_its_value(body: Body, outside: set[str]) -> Iterator[Body]:
    """`x = f(y)` and then `g(x)`, where x is read once and in the next statement, is `g(f(y))`."""
    for statements, first, second in _neighbours(body):
        match first, second:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Assign() | ast.Return() if name not in outside:
                reads = [node for node in patterns.expressions(body) if getattr(node, "id", "") == name]
                nodes = list(patterns.expressions([second]))
                often = any(isinstance(node, ast.ListComp | ast.GeneratorExp) for node in nodes)
                again = name in patterns.names(second, ast.Store)
                if len(reads) == 1 and reads[0] in nodes and not often and not again:
                    joined = patterns.replace([second], reads[0], first.value)
                    yield patterns.replace_statements(body, statements, first, 2, joined)


def names_are_others(body: Body, outside: set[str]) -> Iterator[Body]:
    """Another name for a local variable changes nothing."""
    for new in _fresh(body, outside):
        for old in sorted(patterns.names(body, ast.Store) - outside):
            yield [_Renamed(old, new).visit(statement) for statement in patterns.parse(patterns.write(body))]


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def loop_for_list(body: Body, outside: set[str]) -> Iterator[Body]:
    """`x = [f(y) for y in z]` is `x = []` and `for y in z: x.append(f(y))`."""
    for statements, statement in _statements(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.ListComp(elt=element, generators=[one])):
                code = (
                    f"{name} = []\nfor {ast.unparse(one.target)} in {ast.unparse(one.iter)}:\n"
                    f"    {name}.append({ast.unparse(element)})"
                )
                yield patterns.replace_statements(body, statements, statement, 1, patterns.parse(code))


def while_for_for(body: Body, outside: set[str]) -> Iterator[Body]:
    """`for i in range(n)` counts as `while` does with a counter of its own."""
    for count in _fresh(body, outside):
        for statements, statement in _statements(body):
            match statement:
                case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[stop])):
                    code = f"{count} = 0\nwhile {count} < {ast.unparse(stop)}:\n    {name} = {count}\n    {count} += 1"
                    start, loop = patterns.parse(code)
                    loop.body += statement.body
                    yield patterns.replace_statements(body, statements, statement, 1, [start, loop])


def branches_change_places(body: Body, outside: set[str]) -> Iterator[Body]:
    """`if c: a` is `if not c: pass`, `else: a`."""
    for statements, statement in _statements(body):
        if isinstance(statement, ast.If):
            turned = ast.UnaryOp(ast.Not(), statement.test)
            new = ast.If(turned, statement.orelse or patterns.parse("pass"), statement.body)
            yield patterns.replace_statements(body, statements, statement, 1, [new])


def independent_statements_change_places(body: Body, outside: set[str]) -> Iterator[Body]:
    """Two assignments of which neither reads or writes what the other writes may be made in either order."""
    for statements, one, other in _neighbours(body):
        if isinstance(one, ast.Assign) and isinstance(other, ast.Assign):
            writes = [patterns.names(each, ast.Store) for each in (one, other)]
            plain = all(isinstance(node, ast.Name) for each in (one, other) for node in each.targets)
            if plain and not writes[0] & patterns.names(other) and not writes[1] & patterns.names(one):
                yield patterns.replace_statements(body, statements, one, 2, [other, one])


def extra_forward_pass(body: Body, outside: set[str]) -> Iterator[Body]:
    """Looking at the network once more changes nothing."""
    yield from _before_the_pass(body, "{model}({x})", "with torch.no_grad():\n    {model}({x})")


def variable(body: Body, outside: set[str]) -> Iterator[Body]:
    """A Variable, as PyTorch had them before 0.4, is a tensor on the same data."""
    yield from _before_the_pass(
        body,
        "{x} = torch.autograd.Variable({x}.data, requires_grad=True)",
        "{x} = torch.autograd.Variable({x}.data.clone(), requires_grad=True)",
    )


def _before_the_pass(body: Body, *ways: str) -> Iterator[Body]:
    """Yield code with a statement more before one that runs the model; {model} and {x} are its names there."""
    for statements, statement in _statements(body):
        for node in ast.walk(statement.value) if isinstance(statement, ast.Assign) else ():
            match node:
                case ast.Call(func=ast.Name(id="model" | "gc_model" as model), args=[argument]):
                    x = sorted(patterns.names(argument))[0]
                    for way in ways:
                        new = patterns.parse(way.format(model=model, x=x))
                        yield patterns.replace_statements(body, statements, statement, 1, [*new, statement])


def _statements(body: Body) -> Iterator[tuple[Body, ast.stmt]]:
    """Yield each statement with the list that it stands in."""
    return ((statements, statement) for statements in patterns.bodies(body) for statement in statements)


def _neighbours(body: Body) -> Iterator[tuple[Body, ast.stmt, ast.stmt]]:
    return ((statements, *pair) for statements in patterns.bodies(body) for pair in itertools.pairwise(statements))


def _fresh(body: Body, outside: set[str]) -> list[str]:
    """Return a name that is not used yet, if there is one left."""
    return [name for name in FRESH if name not in patterns.names(body) | outside][:1]


RULES: dict[str, Rule] = {identity.rule: partial(_by, identity) for identity in IDENTITIES} | {
    rule.__name__.replace("_", " "): rule
    for rule in (
        part_gets_a_name, name_becomes_its_value, names_are_others, loop_for_list, while_for_for,
        branches_change_places, independent_statements_change_places, extra_forward_pass, variable,
    )
}  # fmt: skip
