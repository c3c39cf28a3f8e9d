"""grades.csv in Gradescope's column names, and grades-canvas.csv in those that Canvas's import asks for."""

import csv
import io
from datetime import timedelta
from pathlib import Path

from autograder.files import write_whole
from autograder.results import printable
from gradebook.standing import Standing

FORMULA = ("=", "+", "-", "@")  # a cell that begins so is one to a spreadsheet


def write(folder: Path, title: str, found: list[Standing]) -> list[Path]:
    """Returns the files. Where something was handed in and is not graded, the points stay empty."""
    most = max((standing.most for standing in found), default=0)
    gradescope = [[
        "First Name", "Last Name", "SID", "Email", "Sections", title, f"{title} - Max Points",
        f"{title} - Submission Time", f"{title} - Lateness (H:M:S)", "Status", "Points kept", "For staff",
    ]]  # fmt: skip
    canvas = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
              ["Points Possible", "", "", "", "", f"{most:g}"]]  # fmt: skip
    for standing in found:
        student, counted = standing.student, standing.counted
        points = "" if standing.points is None else f"{standing.points:g}"
        first, last = _split(student.name)
        status = "Missing" if counted is None else "Ungraded" if standing.points is None else "Graded"
        when = counted.each.submitted.isoformat(" ") if counted and counted.each.submitted else ""
        gradescope.append([
            first, last, student.sid, student.email, student.section, points, f"{most:g}", when,
            _hours(counted.late) if counted else "", status, f"{counted.kept:.0%}" if counted else "",
            " ".join(standing.problems),
        ])  # fmt: skip
        canvas.append([student.name, student.canvas_id, student.sid, student.login, student.section, points])
    paths = [folder / "grades.csv", folder / "grades-canvas.csv"]
    for path, rows in zip(paths, (gradescope, canvas)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_plain(cell) for cell in row] for row in rows)
        write_whole(path, text.getvalue())
    return paths


def _split(name: str) -> tuple[str, str]:
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    first, _, last = name.rpartition(" ")
    return first, last


def _hours(late: timedelta) -> str:
    minutes, seconds = divmod(int(late.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _plain(cell: str) -> str:
    """No cell is a formula, has lines, or orders for a terminal: names and messages come from students."""
    cell = printable(" ".join(cell.split()), "")
    return f"'{cell}" if cell.startswith(FORMULA) else cell
