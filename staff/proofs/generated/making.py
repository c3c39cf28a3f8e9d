"""Programs of a function, drawn by a seed: each with what was done to the solution."""

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from staff.proofs.generated import edits, patterns, rewrites
from staff.proofs.generated.functions import FUNCTIONS

TRIES = 60  # for each program that is asked for, until there seem to be no more


@dataclass(frozen=True)
class Program:
    """A solution's block that was rewritten, or edited as well."""

    function: str
    number: int
    edited: bool
    made_of: tuple[str, ...]  # rules, and the edit after them
    block: str

    @property
    def name(self) -> str:
        return f"{self.function} {'edit' if self.edited else 'rewrite'} {self.number}"


def draw_rewrites(function: str, count: int, seed: int) -> Iterator[Program]:
    """Yield up to `count` right programs, no two alike."""
    rng, (block, outside) = _rng("rewrites", function, seed), read_solution(function)

    def rewrite(_: int) -> tuple[str, list[str]]:
        return rewrites.rewrite(block, rng, outside)

    yield from _draw(function, count, False, block, rewrite)


def draw_edits(function: str, count: int, seed: int) -> Iterator[Program]:
    """Yield up to `count` with one edit each, half of them of the solution as it is, half of it in other words."""
    rng, (block, outside) = _rng("edits", function, seed), read_solution(function)
    plain = [(done, patterns.write(body)) for done, body in edits.list_edits(block)]
    rng.shuffle(plain)

    def edit(number: int) -> tuple[str, list[str]]:
        if plain and number % 2 == 0:
            done, new = plain.pop()
            return new, [done]
        words, made_of = rewrites.rewrite(block, rng, outside)
        done, body = rng.choice(list(edits.list_edits(words)))
        return patterns.write(body), [*made_of, done]

    yield from _draw(function, count, True, block, edit)


def _draw(
    function: str, count: int, edited: bool, block: str, make: Callable[[int], tuple[str, list[str]]]
) -> Iterator[Program]:
    seen = {block}
    for _ in range(count * TRIES):
        number = len(seen) - 1
        if number == count:
            return
        new, made_of = make(number)
        if new not in seen:
            seen.add(new)
            yield Program(function, number, edited, tuple(made_of), new)


def _rng(*words: object) -> random.Random:
    return random.Random(zlib.crc32(repr(words).encode()))


def read_solution(function: str) -> tuple[str, set[str]]:
    """Return the solution's block as Python writes it, and the names that its file uses beside it."""
    around = patterns.parse(FUNCTIONS[function].source("raise NotImplementedError\n"))
    return patterns.write(patterns.parse(FUNCTIONS[function].block())), patterns.all_names(around)
