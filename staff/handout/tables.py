"""Write the tables of the parts into docs/assignment.md and README.md, from assignment.toml.

    python -m staff.handout.tables        (or: make points)
"""


from autograder import assignment
from autograder.assignment import ROOT
from autograder.files import PUBLIC, write_whole

BEGIN, END = "<!-- parts: from assignment.toml, by `make points` -->\n", "<!-- end of the parts -->\n"


def main() -> None:
    for name, text in make_documents().items():
        write_whole(ROOT / name, text, PUBLIC)


def make_documents() -> dict[str, str]:
    """Return the documents with a table, as they should be."""
    found = {}
    for name, table in (("docs/assignment.md", points()), ("README.md", commands())):
        before, _, rest = (ROOT / name).read_text(encoding="utf-8").partition(BEGIN)
        found[name] = f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}"
    return found


def points() -> str:
    """Table of what students write for each part, and what it is worth."""
    table, rows = assignment.read(), []
    for name, part in sorted(table.parts.items(), key=lambda entry: entry[1]["number"]):
        written = []
        for file in part["functions"]:
            functions = [function for of, function in table.solutions(file) if of == name]
            written.append(f"`{file}`: {', '.join(f'`{function}`' for function in functions)}")
        rows.append((table.heading(name), "; ".join(written), f"{part['points']:g}"))
    rows.append(("rules", "see [Rules](#rules)", f"{sum(rule['points'] for rule in table.rules.values()):g}"))
    return _table(("part", "you write", "points"), rows)


def commands() -> str:
    """Table of how the tests of each part are run alone."""
    rows = [(part["title"], f'`make test ARGS="-m {name}"`', f"`python -m pytest -m {name}`")
            for name, part in assignment.read().parts.items()]  # fmt: skip
    return _table(("part", "make", "python"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, *rows]).replace("\n", f"\n|{'---|' * len(head)}\n", 1)


if __name__ == "__main__":
    main()
