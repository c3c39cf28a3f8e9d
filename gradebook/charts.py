"""Small pictures for the pages, as SVG text: nothing is loaded, and the page's own colours apply."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT, FOOT = 1100, 210, 24  # of a histogram, in units of its viewBox
LOW = -0.25  # a correlation below that is drawn there


def histogram(
    values: Sequence[float] | np.ndarray,
    low: float,
    high: float,
    bins: int,
    unit: str,
    marks: dict[str, float] | None = None,
) -> Markup:
    """Bars of counts over [low, high], with an axis and a line for each mark."""
    counts, edges = np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))
    top, wide, tall = max(1, counts.max()), WIDTH / bins, HEIGHT - FOOT - 30
    parts = []
    for i, count in enumerate(counts):
        height = tall * count / top
        said = f"{edges[i]:g} to {edges[i + 1]:g} {unit}: {count}"
        parts.append(f'<g class="bar"><title>{said}</title>{_bar(i * wide + 1.5, wide - 3, HEIGHT - FOOT, height)}')
        if count:
            middle, above = (i + 0.5) * wide, HEIGHT - FOOT - height - 4
            parts.append(f'<text x="{middle:.1f}" y="{above:.1f}" text-anchor="middle">{count}</text>')
        parts.append("</g>")
    step = max(1, bins // 10)
    for i in range(0, bins + 1, step):
        anchor = "start" if i == 0 else "end" if i == bins else "middle"
        parts.append(f'<text class="axis" x="{i * wide:.1f}" y="{HEIGHT - 5}" text-anchor="{anchor}">'
                     f"{edges[i]:.4g}</text>")  # fmt: skip
    for word, value in (marks or {}).items():
        x = min(max((value - low) / (high - low), 0), 1) * WIDTH
        parts.append(
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT - FOOT}"/>'
            f'<text class="mark" x="{x + (5 if x < WIDTH * 0.7 else -5):.1f}" y="11" '
            f'text-anchor="{"start" if x < WIDTH * 0.7 else "end"}">{escape(word)} {value:.4g}</text>'
        )
    return _svg(WIDTH, HEIGHT, "histogram", "".join(parts))


def spark(shares: Sequence[float] | np.ndarray, bins: int = 10) -> Markup:
    """A histogram of shares in [0, 1] as small as a word; full marks have a bar of their own."""
    had = np.asarray(shares, float)
    counts = [*np.histogram(had[had < 1], bins=bins, range=(0, 1))[0], int((had >= 1).sum())]
    top, parts = max(1, *counts), []
    for i, count in enumerate(counts):
        said = f"all points: {count}" if i == bins else f"{i / bins:.0%} to {(i + 1) / bins:.0%}: {count}"
        gap = 4 if i == bins else 0
        parts.append(f'<g class="bar{" full" if i == bins else ""}"><title>{said}</title>'
                     f"{_bar(i * 14 + gap, 12, 34, 32 * count / top)}</g>")  # fmt: skip
    parts.append(f'<line class="axis" x1="0" x2="{bins * 14 + 16}" y1="34.5" y2="34.5"/>')
    return _svg(bins * 14 + 18, 36, "spark", "".join(parts))


def scatter(points: Sequence[tuple[float, float, str, str, str]]) -> Markup:
    """Difficulty to the right, in [0, 1], and discrimination upwards, in [LOW, 1].

    points: x, y, what is shown on hovering, the address that a click leads to, a class for its colour.
    """
    width, height, left, foot = WIDTH, 340, 40, 38

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (width - left - 10), (1 - (max(y, LOW) - LOW) / (1 - LOW)) * (height - foot - 10) + 10

    parts = []
    for y in (0, 0.25, 0.5, 0.75, 1):
        _, at = place(0, y)
        kind = "zero" if y == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{left}" x2="{width}" y1="{at:.1f}" y2="{at:.1f}"/>'
                     f'<text class="axis" x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')  # fmt: skip
    for x in (0, 0.25, 0.5, 0.75, 1):
        at, _ = place(x, 0)
        parts.append(f'<text class="axis" x="{at:.1f}" y="{height - 20}" text-anchor="middle">{x:.0%}</text>')
    parts.append(f'<text class="axis" x="{width}" y="{height - 3}" text-anchor="end">mean share of the points: '
                 "easier to the right</text>")  # fmt: skip
    for x, y, said, address, kind in points:
        at_x, at_y = place(x, y)
        circle = f'<circle class="{escape(kind)}" cx="{at_x:.1f}" cy="{at_y:.1f}" r="5">'
        parts.append(f'<a href="{escape(address)}">{circle}<title>{escape(said)}</title></circle></a>')
    return _svg(width, height, "scatter", "".join(parts))


def _bar(x: float, width: float, floor: float, height: float) -> str:
    """Rounded at its top."""
    if height <= 0:
        return ""
    r = min(3.0, width / 2, height)
    return (
        f'<path d="M{x:.1f} {floor:.1f}v{-(height - r):.1f}q0 {-r:.1f} {r:.1f} {-r:.1f}h{width - 2 * r:.1f}'
        f'q{r:.1f} 0 {r:.1f} {r:.1f}v{height - r:.1f}z"/>'
    )


def _svg(width: float, height: float, kind: str, inside: str) -> Markup:
    return Markup(f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img">{inside}</svg>')
