"""Drawing for labs: names beside their curves, and never one over the other."""

import pytest

from labs import plots


@pytest.fixture
def draw(tmp_path):
    """Draw curves from 0 to 1, save them, and give their axes."""

    def draw(lines, **limits):
        fig = plots.sheet(800, 400)
        axes = plots.plain(fig.subplots(), "a title that is long enough to reach the names of the curves")
        plots.curves(axes, [0, 1], lines)
        axes.set(**limits)
        assert plots.save(plots.head(fig, "heading", "note"), tmp_path / "curves.png").exists()
        return axes

    return draw


def test_names_of_curves_that_end_together_stand_apart(draw):
    """Three curves that end at nearly the same height: no name covers another, and each has its curve's colour."""
    lines = {"score": [0, 1], "loss": [0, 1.001], "probability": [0, 0.999]}
    axes = draw(lines)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == list(lines)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(text.get_color() == plots.COLOURS[text.get_text()] for text in axes.texts)


def test_a_name_far_from_others_stays_at_its_curve(draw):
    assert all(text.xyann == (6, 0) for text in draw({"score": [0, 1], "loss": [0, 5]}).texts)


def test_names_of_curves_that_end_at_the_top_stay_below_the_title(draw):
    """Six curves end at the top of their axes: no name is above it, and none covers another."""
    axes = draw({name: [0, 1] for name in list(plots.COLOURS)[:6]}, ylim=(0, 1))
    boxes = [text.get_window_extent() for text in axes.texts]
    assert max((box.y0 + box.y1) / 2 for box in boxes) <= axes.bbox.y1 + 1
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
