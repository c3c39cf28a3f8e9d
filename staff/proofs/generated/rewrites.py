"""Right strangers: the solution, rewritten by one to four rules that keep what it means."""

import ast
import itertools
import random
from collections.abc import Callable

from staff.proofs.generated import patterns
from staff.proofs.generated.identities import IDENTITIES, Identity
from staff.proofs.generated.patterns import Body

# From a block, and the names that are used outside of it, to another; None where the rule does not fit.
Rule = Callable[[Body, random.Random, set[str]], Body | None]
FRESH = ("part", "value", "tmp", "thing", "piece")  # names that no solution has


def rewritten(block: str, rng: random.Random, outside: set[str]) -> tuple[str, list[str]]:
    """A rewritten block, and the names of the rules that made it. outside: names that the file uses beside it."""
    body, made_of = patterns.parsed(block), []
    rules = list(RULES)
    for _ in range(rng.randint(1, 4)):
        rng.shuffle(rules)
        for name in rules:
            changed = RULES[name](body, rng, outside)
            if changed is not None:
                body = patterns.parsed(patterns.written(changed))
                made_of.append(name)
                break
    return patterns.written(body), made_of


# --- rules ---


def _by(identity: Identity) -> Rule:
    def rule(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
        found = list(patterns.places(body, identity.pattern))
        if not found:
            return None
        return patterns.replaced(body, rng.choice(found), identity.pattern, rng.choice(identity.ways))

    return rule


def part_gets_a_name(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """`x = f(g(y))` is `part = g(y)` and `x = f(part)`."""
    found = []
    for statements in patterns.bodies(body):
        for statement in statements:
            if isinstance(statement, ast.Assign | ast.Return) and statement.value is not None:
                found += [(statement, node) for node in _computed_first(statement.value)]
    name = _fresh(body, outside)
    if not found or not name:
        return None
    statement, node = rng.choice(found)
    first = ast.parse(f"{name} = {ast.unparse(node)}").body
    (second,) = patterns.with_expression([statement], node, ast.Name(name, ast.Load()))
    return patterns.with_statements(body, statement, 1, [*first, second])


def _computed_first(value: ast.expr) -> list[ast.expr]:
    """Calls and operations within, but not what is computed again and again, or perhaps never."""
    if isinstance(value, ast.ListComp | ast.GeneratorExp | ast.IfExp | ast.BoolOp | ast.Lambda):
        return []
    found = []
    for child in ast.iter_child_nodes(value):
        child = child.value if isinstance(child, ast.keyword | ast.Starred) else child
        if isinstance(child, ast.expr):
            found += [child] if isinstance(child, ast.Call | ast.BinOp) else []
            found += _computed_first(child)
    return found


def name_becomes_its_value(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """`x = f(y)` and then `g(x)`, where x is read once and in the next statement, is `g(f(y))`."""
    found = []
    for statements in patterns.bodies(body):
        for first, second in itertools.pairwise(statements):
            match first, second:
                case ast.Assign(targets=[ast.Name(id=name)]), ast.Assign() | ast.Return() if name not in outside:
                    reads = [node for node in patterns.expressions(body) if getattr(node, "id", "") == name]
                    again = name in patterns.names(second, ast.Store)
                    if len(reads) == 1 and not again and reads[0] in _read_once(second):
                        found.append((first, second, reads[0]))
    if not found:
        return None
    first, second, read = rng.choice(found)
    joined = patterns.with_expression([second], read, first.value)
    return patterns.with_statements(body, first, 2, joined)


def _read_once(statement: ast.Assign | ast.Return) -> list[ast.expr]:
    """The expressions of a statement, if none of them is computed again and again."""
    nodes = list(patterns.expressions([statement]))
    return [] if any(isinstance(node, ast.ListComp | ast.GeneratorExp) for node in nodes) else nodes


def names_are_others(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """What a local variable is called changes nothing."""
    mine = sorted(name for name in patterns.names(body, ast.Store) if name not in outside)
    new = _fresh(body, outside)
    if not mine or not new:
        return None
    old = rng.choice(mine)
    body = patterns.parsed(patterns.written(body))
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return body


def loop_for_list(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """`x = [f(y) for y in z]` is `x = []` and `for y in z: x.append(f(y))`."""
    for statements in patterns.bodies(body):
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.ListComp(elt=element, generators=[one])):
                    code = (
                        f"{name} = []\nfor {ast.unparse(one.target)} in {ast.unparse(one.iter)}:\n"
                        f"    {name}.append({ast.unparse(element)})"
                    )
                    return patterns.with_statements(body, statement, 1, patterns.parsed(code))
    return None


def while_for_for(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """`for i in range(n)` counts as `while` does with a counter of its own."""
    count = _fresh(body, outside)
    for statements in patterns.bodies(body):
        for statement in statements:
            match statement:
                case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[stop])) if count:
                    loop = patterns.parsed(
                        f"{count} = 0\nwhile {count} < {ast.unparse(stop)}:\n    {name} = {count}\n    {count} += 1"
                    )
                    assert isinstance(loop[1], ast.While)
                    loop[1].body += statement.body
                    return patterns.with_statements(body, statement, 1, loop)
    return None


def branches_change_places(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """`if c: a` is `if not c: pass`, `else: a`."""
    found = [s for statements in patterns.bodies(body) for s in statements if isinstance(s, ast.If)]
    if not found:
        return None
    old = rng.choice(found)
    new = ast.If(ast.UnaryOp(ast.Not(), old.test), old.orelse or patterns.parsed("pass"), old.body)
    return patterns.with_statements(body, old, 1, [new])


def independent_statements_change_places(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """Two assignments of which neither reads or writes what the other writes may be made in either order."""
    found = []
    for statements in patterns.bodies(body):
        for one, other in itertools.pairwise(statements):
            if isinstance(one, ast.Assign) and isinstance(other, ast.Assign):
                writes = [patterns.names(each, ast.Store) for each in (one, other)]
                plain = all(isinstance(node, ast.Name) for each in (one, other) for node in each.targets)
                if plain and not writes[0] & patterns.names(other) and not writes[1] & patterns.names(one):
                    found.append((one, other))
    if not found:
        return None
    one, other = rng.choice(found)
    return patterns.with_statements(body, one, 2, [other, one])


def extra_forward_pass(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """Looking at the network once more changes nothing."""
    return _before_the_pass(body, rng, "{model}({x})", "with torch.no_grad():\n    {model}({x})")


def variable(body: Body, rng: random.Random, outside: set[str]) -> Body | None:
    """A Variable, as PyTorch had them before 0.4, is a tensor on the same data."""
    return _before_the_pass(
        body, rng, "{x} = torch.autograd.Variable({x}.data, requires_grad=True)",
        "{x} = torch.autograd.Variable({x}.data.clone(), requires_grad=True)",
    )  # fmt: skip


def _before_the_pass(body: Body, rng: random.Random, *ways: str) -> Body | None:
    """With a statement more before the one that runs the model; {model} and {x} are the names that it has there."""
    for statements in patterns.bodies(body):
        for statement in statements:
            if isinstance(statement, ast.Assign):
                for node in ast.walk(statement.value):
                    match node:
                        case ast.Call(func=ast.Name(id="model" | "gc_model" as model), args=[argument]):
                            x = sorted(patterns.names(argument))[0]
                            new = patterns.parsed(rng.choice(ways).format(model=model, x=x))
                            return patterns.with_statements(body, statement, 1, [*new, statement])
    return None


def _fresh(body: Body, outside: set[str]) -> str:
    """A name that is not used yet; "" where there is none left."""
    return next((name for name in FRESH if name not in patterns.names(body) | outside), "")


RULES: dict[str, Rule] = {identity.rule: _by(identity) for identity in IDENTITIES} | {
    rule.__name__.replace("_", " "): rule
    for rule in (
        part_gets_a_name, name_becomes_its_value, names_are_others, loop_for_list, while_for_for,
        branches_change_places, independent_statements_change_places, extra_forward_pass, variable,
    )
}  # fmt: skip
