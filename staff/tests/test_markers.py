"""Solutions between markers: what is handed out, and that every slip of the pen stops the build with file and line."""

import pytest

from staff.handout.markers import MarkerError, hand_out, refuse_markers, solution_lines, without_staff

PARTS = {"first": "1.1", "second": "1.2"}
FILE = '''"""A module."""


def double(x):
    """2 x."""
    # BEGIN SOLUTION first
    doubled = x + x + 0 * x
    return doubled
    # INSTEAD
    # TODO: twice x.
    # Hint: add it to itself.
    #> raise NotImplementedError("Part 1.1: doubling")
    # END SOLUTION


def triple(x):
    # BEGIN SOLUTION second
    return double(x) + x + 0
    # INSTEAD
    # TODO: three times x.
    #> if x:
    #>     raise NotImplementedError("Part 1.2: tripling")
    #> raise NotImplementedError("Part 1.2: tripling zero")
    # END SOLUTION
'''
STUB = '''"""A module."""


def double(x):
    """2 x."""
    # TODO: twice x.
    # Hint: add it to itself.
    raise NotImplementedError("Part 1.1: doubling")


def triple(x):
    # TODO: three times x.
    if x:
        raise NotImplementedError("Part 1.2: tripling")
    raise NotImplementedError("Part 1.2: tripling zero")
'''


def expect_refusal(source):
    with pytest.raises(MarkerError) as error:
        hand_out("some/file.py", source, PARTS)
    return str(error.value)


def test_the_stub_stands_where_the_solution_was():
    assert hand_out("file.py", FILE, PARTS) == STUB


def test_one_part_can_be_solved_alone():
    text = hand_out("file.py", FILE, PARTS, solved={"first"})
    assert "return doubled" in text and "Part 1.2: tripling" in text and "Part 1.1" not in text
    names = {}
    exec(text, names)
    assert names["double"](4) == 8


def test_with_everything_solved_no_marker_is_left():
    text = hand_out("file.py", FILE, PARTS, solved=PARTS)
    assert "SOLUTION" not in text and "INSTEAD" not in text and "TODO" not in text
    names = {}
    exec(text, names)
    assert names["triple"](4) == 12


def test_solution_lines_are_those_that_say_something():
    """`return doubled` is what anybody could write; a line that is given elsewhere in the file is no secret."""
    assert [line.number for line in solution_lines("file.py", FILE, PARTS)] == [7, 18]
    given = FILE + "\n\nasked = 1\nif asked:\n    return double(x) + x + 0\n"
    assert [line.number for line in solution_lines("file.py", given, PARTS)] == [7]


@pytest.mark.parametrize(
    "old, new, line, words",
    [
        ("    # BEGIN SOLUTION first\n", "", 8, "expected no INSTEAD, since there is no BEGIN"),
        ("tripling zero\")\n    # END SOLUTION\n", "tripling zero\")\n", 17, "expected an END SOLUTION"),
        ("doubling\")\n    # END SOLUTION\n", "doubling\")\n\n", 16, "expected a comment between INSTEAD and END"),
        ("    # INSTEAD\n    # TODO: twice", "    # TODO: twice", 12, "expected an INSTEAD after the BEGIN in line 6"),
        ("    # END SOLUTION\n\n", "    # END SOLUTION\n    # END SOLUTION\n\n", 14, "expected no END SOLUTION"),
        ("    # INSTEAD\n    # TODO: twice", "    # INSTEAD\n    # INSTEAD\n    # TODO: twice", 10, "one INSTEAD"),
        ("    return doubled\n", "    # BEGIN SOLUTION second\n", 8, "they do not nest"),
        ("SOLUTION first", "SOLUTION third", 6, "expected a part of assignment.toml, got 'third'"),
        ("    # END SOLUTION\n\n", "  # END SOLUTION\n\n", 13, "indented like the BEGIN in line 6"),
        ("    return doubled\n", "    return doubled\n# x\n", 9, "no less indentation"),
        ("    # Hint", "    x = 1  # Hint", 11, "expected a comment between INSTEAD and END"),
        ("    #> if x:", "    #>if x:", 21, "INSTEAD, END SOLUTION or `#> code`, got '#>if x:'"),
        ("    #> if x:\n", "", 22, "expected Python without the solution"),
        ("    # TODO: twice x.\n", "", 9, "a comment that begins with TODO"),
        ('    #> raise NotImplementedError("Part 1.1: doubling")\n', "", 9, 'NotImplementedError("Part 1.1: ...")'),
        ("Part 1.1: doubling", "Part 1.2: doubling", 9, 'NotImplementedError("Part 1.1: ...")'),
        (
            "    # TODO: twice x.\n    # Hint: add it to itself.\n"
            '    #> raise NotImplementedError("Part 1.1: doubling")\n', "", 9, "a stub below INSTEAD, got none",
        ),
        ("    doubled = x + x + 0 * x\n    return doubled\n", "    # later\n", 6, "got no code"),
        ('    """2 x."""', "    #> x = 1", 5, "between INSTEAD and END SOLUTION alone"),
        ('    """2 x."""', '    """2 x.\n    # BEGIN SOLUTION first\n    """', 6, "got one within a text"),
        ("x + x + 0", "x + (", 7, "expected Python"),
        ("    #> if x:\n    #>     raise", "    #> break\n    #> if x:\n    #>     raise", 21, "'break' outside loop"),
    ],
)  # fmt: skip
def test_a_slip_stops_the_build_with_file_and_line(old, new, line, words):
    assert old in FILE
    said = expect_refusal(FILE.replace(old, new, 1))
    if words == "expected Python":
        assert said.startswith("some/file.py, line ") and words in said
    else:
        assert said.startswith(f"some/file.py, line {line}: ") and words in said


@pytest.mark.parametrize(
    "marker, misspelt",
    [
        ("# BEGIN SOLUTION first", misspelt)
        for misspelt in ("# BEGIN SOLUTON first", "# begin solution first", "#BEGIN SOLUTION first",
                         "# BEGIN SOLUTION", "# BEGIN SOLUTION first.", "# BEGINN SOLUTION first",
                         "# BEGIN_SOLUTION first", "# SOLUTION BEGIN first", "# BEGIN SOLUTION first second",
                         "# BEGIN first", "x = 1  # BEGIN SOLUTION first")
    ]
    + [("# INSTEAD", misspelt) for misspelt in ("# INSTEAD:", "#INSTEAD", "# instead", "# INSTAED", "# INSTEAD OF IT")]
    + [("# END SOLUTION", misspelt) for misspelt in ("# END SOLUTIONS", "# End solution", "# END", "# ENDSOLUTION",
                                                     "# END SOLUTION first")]
    + [("#> raise", misspelt) for misspelt in ("# > raise", "#>> raise")],
)  # fmt: skip
def test_a_misspelt_marker_is_no_marker(marker, misspelt):
    """Whatever resembles a marker and is none is refused where it stands."""
    source = FILE
    number = source[: source.index(marker)].count("\n") + 1
    assert expect_refusal(source.replace(marker, misspelt, 1)).startswith(f"some/file.py, line {number}: ")


@pytest.mark.parametrize("comment", ["# begin with the first layer", "# the end of it", "# at a resolution of 224",
                                     "# TODO: instead of this, write that", "# a sum, not a mean"])  # fmt: skip
def test_prose_is_no_marker(comment):
    source = FILE + comment + "\n"
    assert hand_out("file.py", source, PARTS).endswith(comment + "\n")


@pytest.mark.parametrize("line", ["    # BEGIN SOLUTION first", "# END SOLUTION", "    #> x = 1", "# INSTEAD",
                                  "# BEGIN STAFF", "<!-- END STAFF -->"])  # fmt: skip
def test_a_marker_in_another_file_is_refused(line):
    with pytest.raises(MarkerError, match=r"other\.py, line 2: expected no marker here"):
        refuse_markers("other.py", f"x = 1\n{line}\n")


def test_what_is_for_staff_is_cut():
    assert without_staff("Makefile", "a\n# BEGIN STAFF\nb\n# END STAFF\nc\n") == "a\nc\n"
    assert without_staff("README.md", "a\n<!-- BEGIN STAFF -->\nb\n<!-- END STAFF -->\nc\n") == "a\nc\n"


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("a\n# BEGIN STAFF\nb\n", 2, "expected an END STAFF"),
        ("a\n# END STAFF\n", 2, "expected BEGIN STAFF, got END"),
        ("# BEGIN STAFF\n# BEGIN STAFF\n", 2, "expected END STAFF, got BEGIN"),
        ("a # BEGIN STAFF\n", 1, "alone in its line"),
    ],
)
def test_a_broken_section_for_staff_stops_the_build(text, line, words):
    with pytest.raises(MarkerError, match=rf"Makefile, line {line}: .*{words}"):
        without_staff("Makefile", text)
