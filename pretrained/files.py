"""Files known by their content, and files written whole."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[1] / "visualization"  # the assignment's, wherever one stands


def matches(path: Path, accepted: Sequence[str]) -> bool:
    """Return True if there is a readable file whose SHA-256, in hexadecimal, begins with one of those accepted."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return digest.startswith(tuple(accepted))


@contextmanager
def whole(path: str | PathLike[str]) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when the block ends well, else remove it.

    So nobody ever finds half a file, and what was there before stays until the new one is complete. Folders are made.
    The path given keeps the suffix, which some writers choose the format by.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid.uuid4().hex}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    except OSError as problem:
        # Python does not say it of a full disk, and the name beside tells nobody anything; the web has no errno.
        if problem.errno and str(problem.filename or beside) == str(beside):
            problem.filename, problem.filename2 = str(path), None
        raise
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: str | PathLike[str], text: str) -> Path:
    """Write a text file by `whole`, in UTF-8, also where a file's name in it came as bytes; return its path."""
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="surrogateescape")
    return Path(path)
