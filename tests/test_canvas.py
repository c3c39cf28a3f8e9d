# STAFF
"""The canvas: how much room words take, and how they are cut where there is too little."""

import pytest

from figures.canvas import HEADING, TITLE, width_of, wrap
from pretrained.files import write_whole


def test_words_that_fit_stay_in_one_line():
    assert wrap("a brown bear", 10 * width_of("a brown bear", TITLE), TITLE) == "a brown bear"


def test_words_are_moved_to_the_next_line_and_none_is_lost():
    """No line is wider than asked, paragraphs stay apart, and all words are there."""
    text = "From noise to what the score\nof electric guitar likes best"
    width = width_of("electric guitar", TITLE)
    lines = wrap(text, width, TITLE).split("\n")
    assert len(lines) > 4 and all(width_of(line, TITLE) <= width for line in lines)
    assert " ".join(lines).split() == text.split()


def test_a_word_that_is_too_wide_is_cut():
    """It ends in an ellipsis, as long as fits."""
    width = width_of("Donaudampf", HEADING)
    cut = wrap("Donaudampfschifffahrtsgesellschaft", width, HEADING)
    assert cut.startswith("Donau") and cut.endswith("…") and width_of(cut, HEADING) <= width


@pytest.mark.timeout(20)
@pytest.mark.parametrize("width", [0, 1, 5, -3])
@pytest.mark.parametrize("text", ["W", "…", "ab", "a word, and one more", "two\nlines"])
def test_where_not_even_an_ellipsis_fits_it_ends_all_the_same(text, width):
    """Each word becomes an ellipsis, and no line is empty."""
    lines = wrap(text, width, TITLE).split("\n")
    assert lines == ["…"] * len(text.split())


def test_a_name_that_came_as_bytes_is_drawn_and_written(tmp_path):
    """So Python gives letters beyond ASCII where the system has no language (LC_ALL=C)."""
    name = "Übung ق".encode().decode("ascii", "surrogateescape")
    assert wrap(name, 500, TITLE) == "Übung ق"
    assert write_whole(tmp_path / "a.html", name).read_text(encoding="utf-8") == "Übung ق"
