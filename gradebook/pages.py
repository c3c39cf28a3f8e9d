"""class.html and a page for each student: they need no server, open offline, and lead nowhere else."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from markupsafe import Markup

from autograder.assignment import Assignment
from autograder.files import write_whole
from autograder.report import UNPROTECTED, make_environment
from autograder.results import printable
from gradebook import charts, items
from gradebook.settings import Settings
from gradebook.standing import Standing
from gradebook.store import Gradebook

TEMPLATES = Path(__file__).with_name("templates")
SHOWN = 15  # mistakes, and errors
SLOWEST = 8
BINS = 20
EMPTY = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not graded</title><h1></h1></html>'

environment = make_environment(TEMPLATES)


@dataclass
class Part:
    name: str
    title: str
    short: str
    most: float
    mean: float  # the three are shares, in [0, 1]
    full: float
    none: float
    spark: Markup


class Names:
    """Names of students and addresses of their pages; without names, by a number that says nothing."""

    def __init__(self, found: list[Standing], salt: str, anonymous: bool) -> None:
        self.anonymous = anonymous
        self._names: dict[str, str] = {}
        self._pages: dict[str, str] = {}
        keys = [standing.student.key for standing in found]
        if anonymous:
            keys.sort(key=lambda key: hashlib.sha256(f"{salt}{key}".encode()).digest())
        by_key = {standing.student.key: standing.student for standing in found}
        for i, key in enumerate(keys, 1):
            slug = re.sub(r"[^A-Za-z0-9@._-]", "-", key)[:60]
            self._names[key] = f"Student {i}" if anonymous else printable(by_key[key].name or key, "")
            self._pages[key] = f"students/{i:04}.html" if anonymous else f"students/{i:04}-{slug}.html"

    def name(self, standing: Standing) -> str:
        return self._names[standing.student.key]

    def page(self, standing: Standing) -> str:
        """Beside class.html."""
        return self._pages[standing.student.key]

    def problems(self, standing: Standing) -> list[str]:
        """Without those that name files, where names are not to be seen."""
        notes = standing.counted.each.notes if standing.counted and self.anonymous else []
        return [line for line in standing.problems if line not in notes]


def style() -> Markup:
    return Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))


def write(
    folder: Path,
    found: list[Standing],
    settings: Settings,
    book: Gradebook,
    suite: str,
    names: Names,
    similarity: str,
    assignment: Assignment,
) -> Path:
    """Returns class.html. similarity: the page of similar code beside it, if there is one."""
    (folder / "students").mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "students").chmod(0o700)  # one of an earlier version's was open
    for old in (folder / "students").glob("*.html"):
        old.unlink()  # of those who are called otherwise now
    header = environment.get_template("student.html")
    for standing in found:
        said = header.render(
            standing=standing, name=names.name(standing), problems=names.problems(standing), anonymous=names.anonymous
        )
        report = (book.page(standing.key) if standing.key else "") or EMPTY
        write_whole(folder / names.page(standing), printable(report).replace("<h1", f"{said}<h1", 1))
    text = environment.get_template("class.html").render(_facts(found, settings, suite, names, similarity, assignment))
    write_whole(folder / "class.html", text)
    return folder / "class.html"


def _facts(
    found: list[Standing], settings: Settings, suite: str, names: Names, similarity: str, assignment: Assignment
) -> dict:
    graded = [standing for standing in found if standing.results]
    titles = {name: assignment.heading(name) for name in (*assignment.parts, "rules")}
    told = items.items(found)
    order = {name: i for i, name in enumerate(titles)}
    shares = [items.share_of_parts(standing) for standing in graded]
    scores = np.array([standing.points for standing in graded])
    seconds = [standing.seconds for standing in graded]
    most = max((standing.most for standing in graded), default=0)
    script = (TEMPLATES / "class.js").read_text(encoding="utf-8")
    return {
        "settings": settings,
        "names": names,
        "when": datetime.now().strftime("%A, %d %B %Y, %H:%M"),
        "suite": suite,
        "similarity": similarity,
        "style": style(),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "late": _late,
        "parts_of": items.share_of_parts,
        "found": found,
        "graded": graded,
        "nothing": [standing for standing in found if not standing.counted],
        "looks": sorted(filter(names.problems, found), key=lambda standing: not standing.unreadable),
        "unprotected": UNPROTECTED if any(standing.unprotected for standing in graded) else "",
        "median": np.median(scores) if graded else 0,
        "mean": np.mean(scores) if graded else 0,
        "spread": np.std(scores) if graded else 0,
        "full": int((scores == most).sum()) if graded else 0,
        "most": most,
        "points_chart": _histogram(scores, most, "points"),
        "parts": [_part(name, titles.get(name, name), shares) for name in sorted(
            dict.fromkeys(item.part for item in told), key=lambda name: order.get(name, len(order)))],
        "titles": titles | {item.part: item.part for item in told if item.part not in titles},
        "order": order | {item.part: len(order) for item in told if item.part not in order},
        "items": told,
        "standing_out": [item for verdict in items.VERDICTS for item in told if item.verdict == verdict],
        "shown": SHOWN,
        "against": sum(item.verdict == "against the rest" for item in told),
        "tests_chart": charts.scatter([
            (item.difficulty, item.discrimination, f"{item.name}: {item.passed} passed", f"#test-{i}",
             "against" if item.discrimination < 0 else "hidden" if item.hidden else "public")
            for i, item in enumerate(told, 1) if item.discrimination is not None]),
        "mistakes": items.mistakes(found),
        "errors": items.errors(found),
        "ended": items.find_ended(found),
        "uncompared": items.find_uncompared(found),
        "total_time": _span(sum(seconds)),
        "time_chart": _histogram(seconds, max(seconds, default=0), "s"),
        "slowest": sorted(graded, key=lambda standing: -standing.seconds)[:SLOWEST],
    }  # fmt: skip


def _histogram(values: Sequence[float] | np.ndarray, most: float, unit: str) -> Markup | str:
    return charts.histogram(values, 0, most, BINS, unit, {"median": np.median(values)}) if len(values) else ""


def _part(name: str, title: str, shares: list[dict[str, tuple[float, float]]]) -> Part:
    own = [share[name] for share in shares if name in share]
    of_most = np.array([had / most if most else 0 for had, most in own])
    number = title.partition(" ")[0]
    return Part(
        name, title, number if number[:1].isdigit() else title, own[0][1], float(of_most.mean()),
        float((of_most == 1).mean()), float((of_most == 0).mean()), charts.spark(of_most),
    )  # fmt: skip


def _late(standing: Standing) -> str:
    late = standing.counted.late if standing.counted else timedelta(0)
    return f"{late.total_seconds() / 3600:.1f} h" if late else ""


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds > 5400 else f"{seconds / 60:.0f} minutes"
