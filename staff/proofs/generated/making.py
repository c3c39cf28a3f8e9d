"""The strangers of a function, drawn by a seed: each with what was done to the solution."""

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from staff.proofs.generated import edits, patterns, rewrites
from staff.proofs.generated.functions import FUNCTIONS

TRIES = 60  # for each stranger that is asked for, until there seem to be no more


@dataclass(frozen=True)
class Stranger:
    function: str
    number: int
    edited: bool  # or only rewritten
    made_of: tuple[str, ...]  # rules, and the edit after them
    block: str

    @property
    def name(self) -> str:
        return f"{self.function} {'edit' if self.edited else 'rewrite'} {self.number}"


def rewritten(function: str, count: int, seed: int) -> Iterator[Stranger]:
    """Up to `count` right ones, no two alike."""
    rng, (block, outside) = _rng("rewrites", function, seed), solution(function)
    seen = {block}
    number = 0
    for _ in range(count * TRIES):
        if number == count:
            break
        new, made_of = rewrites.rewritten(block, rng, outside)
        if new not in seen:
            seen.add(new)
            yield Stranger(function, number, False, tuple(made_of), new)
            number += 1


def edited(function: str, count: int, seed: int) -> Iterator[Stranger]:
    """Up to `count` with one edit each, half of them of the solution as it is, the others of it in other words."""
    rng, (block, outside) = _rng("edits", function, seed), solution(function)
    plain = [(done, patterns.written(body)) for done, body in edits.edits(block)]
    rng.shuffle(plain)
    seen = {block}
    number = 0
    for _ in range(count * TRIES):
        if number == count:
            break
        if plain and number % 2 == 0:
            made_of, (done, new) = [], plain.pop()
        else:
            words, made_of = rewrites.rewritten(block, rng, outside)
            done, body = rng.choice(list(edits.edits(words)))
            new = patterns.written(body)
        if new not in seen:
            seen.add(new)
            yield Stranger(function, number, True, (*made_of, done), new)
            number += 1


def _rng(*words: object) -> random.Random:
    return random.Random(zlib.crc32(repr(words).encode()))


def solution(function: str) -> tuple[str, set[str]]:
    """The solution's block as Python writes it, and the names that its file uses beside it."""
    around = patterns.parsed(FUNCTIONS[function].source("raise NotImplementedError\n"))
    return patterns.written(patterns.parsed(FUNCTIONS[function].block())), patterns.all_names(around)
