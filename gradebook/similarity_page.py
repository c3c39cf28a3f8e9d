"""similarity.html: the pairs of a class that are most alike, beside the scores of all pairs."""

from pathlib import Path

import numpy as np
from markupsafe import Markup, escape

from autograder.assignment import Assignment
from autograder.files import write_whole
from autograder.results import printable
from gradebook import charts, handed_in, similarity
from gradebook.pages import Names, environment, style
from gradebook.roster import Roster
from gradebook.settings import Settings
from gradebook.standing import Standing

NAME = "similarity.html"


def write(folder: Path, found: list[Standing], settings: Settings, names: Names, assignment: Assignment) -> str:
    """Returns the page's name beside class.html. What counts is compared, and what lies in earlier classes' folders."""
    given = similarity.read_boilerplate(assignment)
    who: dict[str, list[Standing]] = {}
    for standing in found:
        if standing.counted:
            who.setdefault(standing.counted.each.name, []).append(standing)  # several, who handed in together
    files = {each.counted.each.name: each.counted.each.taken.files for each in found if each.counted}
    all_written = [similarity.describe(name, files[name], given) for name in who]
    for number, earlier in enumerate(settings.earlier, 1):
        for each in handed_in.find(earlier, settings, Roster(), assignment):
            called = f"earlier class {number}" if names.anonymous else printable(f"{earlier.name}: {each.name}")
            all_written.append(similarity.describe(called, each.taken.files, given, earlier=True))
    scores, pairs = similarity.pairs(all_written)
    line = similarity.line(scores)

    def label(written: similarity.Written) -> Markup:
        if written.earlier:
            return escape(written.name)
        return Markup(", ").join(
            Markup('<a href="{}">{}</a>').format(names.page(standing), names.name(standing))
            for standing in who[written.name]
        )

    shown = []
    for pair in pairs:
        left, right = similarity.mark(pair)
        shown.append({
            "score": pair.score, "shared": pair.shared, "below": 100 * float(np.mean(scores < pair.score)),
            "one": label(pair.one), "other": label(pair.other), "left": left, "right": right,
            "stands_out": pair.score >= line,
        })  # fmt: skip
    text = environment.get_template(NAME).render(
        title=settings.title, style=style(), scores=scores, compared=len(all_written),
        earlier=sum(each.earlier for each in all_written), left_out=sum(map(similarity.is_too_little, all_written)),
        gram=similarity.GRAM, near=similarity.NEAR, pairs=shown,
        chart=charts.histogram(scores, 0, 1, 50, "alike", {"stands out from": line}) if len(scores) else "",
    )  # fmt: skip
    write_whole(folder / NAME, text)
    return NAME
