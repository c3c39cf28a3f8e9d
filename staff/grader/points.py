"""The table staff/points.toml, and from the tests' weights the points of each."""

import tomllib
from collections import defaultdict
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "points.toml"


def read(path: Path = TABLE) -> dict:
    return tomllib.loads(path.read_text())


def share_out(weights: dict[str, tuple[str, float]], parts: dict[str, dict]) -> dict[str, float]:
    """The points of each test. weights: of each test, its part and its weight in that part.

    In hundredths, so that a part's tests sum to the part exactly: what is left over goes to the last.
    """
    totals, last = defaultdict(float), {}
    for test, (part, weight) in weights.items():
        totals[part] += weight
        last[part] = test
    points = {test: round(parts[part]["points"] * weight / totals[part], 2) for test, (part, weight) in weights.items()}
    for part, test in last.items():
        others = sum(points[other] for other, (its, _) in weights.items() if its == part and other != test)
        points[test] = round(parts[part]["points"] - others, 2)
    return points
