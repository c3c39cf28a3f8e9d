# STAFF
"""Code that never ends: told with its line after some seconds, once for each part."""

from pathlib import Path

import pytest

from tests.deadline import OutOfTimeError, ending_after

ROOT = Path(__file__).resolve().parents[1]
ENDLESS = """
import pytest, sys
import visualizers.fooling_image
from tests import deadline

def never_end(*_):
    while True:
        try:
            sum(range(1000))
        except Exception:
            pass

visualizers.fooling_image.check_target = never_end
deadline.FLOOR = 1.0
sys.exit(pytest.main(["-p", "no:cacheprovider", "-m", "fooling", "tests/test_fooling_image.py"]))
"""


def test_a_loop_that_never_ends_is_ended():
    with pytest.raises(OutOfTimeError, match=r"does a loop never stop\?$"), ending_after(0.3):
        while True:
            try:
                sum(range(1000))
            except Exception:
                pass


def test_what_ends_in_time_is_left_alone():
    with ending_after(60):
        assert sum(range(1000)) == 499_500


def test_the_first_test_of_a_part_tells_the_line_and_the_others_are_passed_over(forks):
    said = forks(ROOT, "-c", ENDLESS).stdout
    assert said.count("OutOfTimeError: expected an end after some seconds, got none: does a loop never stop?") == 1
    assert "    visualizers/fooling_image.py, line " in said
    assert "passed over, as this never ends: visualizers/fooling_image.py, line " in said
    assert "1 failed, " in said and " skipped" in said
