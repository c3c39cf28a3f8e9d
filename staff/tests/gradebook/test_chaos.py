"""The proof in small: while workers die, then the scheduler, then the client, then the disk, nothing is lost."""

import os
import sys

import pytest

from staff.proofs import chaos, made_up

COUNT = 12
CLIENT = """
import functools, sys
from gradebook import __main__ as gradebook; from staff.proofs import simulated
function = functools.partial(simulated.grade, seconds=0.4)
gradebook.grade_class = functools.partial(gradebook.grade_class, function=function)
if __name__ == "__main__":
    sys.exit(gradebook.main())
"""


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_nothing_is_lost_whatever_dies(tmp_path, capfd):
    """Gradings are replaced by sleeps; make class-chaos does the same with real ones, 60 of them."""
    made_up.write(tmp_path / "class", COUNT)
    wrong = chaos.prove(tmp_path / "class", tmp_path, COUNT, 5, (sys.executable, "-c", CLIENT), os.getuid() == 0)
    said, complained = capfd.readouterr()
    assert wrong == [], said
    assert "the scheduler failed after" in said and "the run ended with -9" in said
    assert "Traceback" not in complained
