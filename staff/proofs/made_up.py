"""A class that nobody taught: submissions of variants, attacks and broken zips, as files and folders with a roster."""

import csv
import random
from collections import defaultdict
from pathlib import Path

from autograder.assignment import read
from autograder.files import fill, make_zip
from staff.handout import contents
from staff.mutants import variants
from staff.proofs.hostile import archives, payloads

FIRST = ("Ada", "Ben", "Chen", "Dina", "Emeka", "Farah", "Gita", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Mina", "Noor")
LAST = ("Abel", "Bauer", "Costa", "Diallo", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "Khan", "Lopez")
# Attacks that end the same way each time, and soon.
ATTACKS = ("rewrites results.json", "forges a frame", "os._exit", "aborts", "an error with markup and null bytes",
           "patches torch, numpy and pytest", "brackets without end", "writes two frames")  # fmt: skip
BROKEN = ("a zip that is cut", "nothing at all", "an empty file", "a pdf", "a zip in a zip", "a file twice",
          "names that lead out", "a zip with a password")  # fmt: skip


def write(folder: Path, count: int, seed: int = 0) -> None:
    """`count` submissions in a folder that is made: of each eight, one attacks and one is broken."""
    draw = random.Random(seed)
    folder.mkdir(parents=True)
    by_file = defaultdict(lambda: defaultdict(list))
    for variant in variants.every():
        for name, data in variant.files.items():
            by_file[name][not variant.says].append(data)
    rows = []
    for i in range(count):
        name = f"{FIRST[i % len(FIRST)]} {LAST[i * 5 % len(LAST)]}"
        login = f"{name.split()[0].lower()}{i:02}"
        rows.append([name, f"9030{i:05}", f"{login}@example.edu"])
        if i % 8 == 7:
            (folder / "made").mkdir()
            made = archives.ARCHIVES[BROKEN[i // 8 % len(BROKEN)]](folder / "made", contents.student_files())
            made.rename(folder / f"{login}@example.edu.zip")
            (folder / "made").rmdir()
            continue
        files = _compose(draw, by_file)
        if i % 8 == 3:
            attack = ATTACKS[i // 8 % len(ATTACKS)]
            facts = {"mark": "made-up", "root": "/", "out": "/", "port": 1, "user": 0}
            files[payloads.FILE] = payloads.source(attack, **facts)
        _put(folder / f"{login}@example.edu", files, zipped=i % 2 == 0)
    with (folder / "roster.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Name", "SID", "Email"], *rows])
    (folder / "class.toml").write_text('title = "Assignment 3"\nseed = 7\nroster = "roster.csv"\n')


def _compose(draw: random.Random, by_file: dict) -> dict[str, bytes]:
    """A student of some ability: each file right, wrong or not begun."""
    ability, files, stub = draw.betavariate(3, 1.5), variants.solution(), contents.student_files()
    for name, kinds in sorted(by_file.items()):
        if draw.random() < 0.25 * (1 - ability):
            files[name] = stub[name]
        else:
            right = draw.random() < ability
            files[name] = draw.choice(kinds[right] or [files[name]])
    return files


def _put(path: Path, files: dict[str, bytes], zipped: bool) -> None:
    if not zipped:
        fill(path, files)
        return
    contents = {f"assignment_3/{name}": files[name] for name in read().files}
    path.with_name(path.name + ".zip").write_bytes(make_zip(contents))
