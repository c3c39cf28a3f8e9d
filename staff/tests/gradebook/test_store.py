"""The gradebook: committed once, kept whatever happens, written by one."""

import pytest

from gradebook import status
from gradebook.store import Gradebook, GradebookError, Key

KEY = Key("digest", "suite", 7)


def test_a_result_is_there_for_whoever_opens_the_gradebook_next(tmp_path, result):
    with Gradebook(tmp_path) as book:
        book.keep(KEY, result(saliency=[(1.5, 2, "right")]), 2)
    with Gradebook(tmp_path) as book:
        assert book.scores("suite", 7) == {"digest": 1.5}
        assert book.result(KEY)["attempt"] == 2
        assert book.page(KEY) == "<h1>page</h1>"
        assert book.scores("suite", 8) == book.scores("other", 7) == {}
        assert book.earlier("other", 7) == {"digest": ("suite", 7)}


def test_a_second_run_is_told_that_one_is_going_on(tmp_path):
    with Gradebook(tmp_path):
        with pytest.raises(GradebookError, match="another run writes to it"):
            Gradebook(tmp_path)


def test_a_full_disk_costs_nothing_that_was_committed(tmp_path, result):
    """SQLite is told that no page is left, which is what it sees of a full disk."""
    with Gradebook(tmp_path) as book:
        book.keep(KEY, result(), 1)
        book.base.execute("PRAGMA max_page_count = 1")
        large = result()
        large.page = bytes(1 << 20)
        with pytest.raises(GradebookError, match=r"full: make room on its disk.*run the same command again"):
            book.keep(Key("other", "suite", 7), large, 1)
        assert not book.base.in_transaction
    with Gradebook(tmp_path) as book:
        assert book.scores("suite", 7) == {"digest": 1}
        book.keep(Key("other", "suite", 7), large, 1)
        assert book.scores("suite", 7).keys() == {"digest", "other"}


def test_what_is_asked_for_again_stays_asked_for_until_its_result_comes(tmp_path, result):
    with Gradebook(tmp_path) as book:
        book.keep(KEY, result(), 1)
        book.ask_again(["digest"])
    with Gradebook(tmp_path) as book:
        assert book.find_asked_again() == {"digest"}
        book.keep(KEY, result(saliency=[(2, 2, "")]), 1)
        assert book.find_asked_again() == set()
        assert book.scores("suite", 7) == {"digest": 2}


def test_a_file_that_is_no_gradebook_is_told(tmp_path):
    (tmp_path / "gradebook.sqlite").write_text("no database, but long enough to be looked at" * 99)
    with pytest.raises(GradebookError, match="is it a gradebook"):
        Gradebook(tmp_path)


def test_status_tells_how_a_run_is_getting_on(tmp_path, result):
    with pytest.raises(GradebookError, match="no run has begun"):
        status.describe(tmp_path)
    with Gradebook(tmp_path) as book:
        book.begin({}, "suite", 7, 10, 4)
        book.note(2)
        book.keep(KEY, result(), 1)
        book.fail(Key("other", "suite", 7), "tcp://worker", "it died")
        book.fail(Key("other", "suite", 7), "tcp://worker", "it died again")
        told = "\n".join(status.describe(tmp_path))
        assert "with 4 of 10 submissions to grade, on 2 workers" in told
        assert "Graded so far: 1 of 4, about 0 min left" in told
        assert "Tries that failed: 2; marked for staff: 1." in told
    assert "It was killed after 1 of 4: run the same command again" in "\n".join(status.describe(tmp_path))
    with Gradebook(tmp_path) as book:
        book.begin({}, "suite", 7, 10, 3)
        book.end("all are graded.")
    assert "It ended after 0 of 3: all are graded." in "\n".join(status.describe(tmp_path))
