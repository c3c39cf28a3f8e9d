"""Files are known by their content: who serves them, or which package has them, does not matter."""

import hashlib
from collections.abc import Sequence
from pathlib import Path


def matches(path: Path, accepted: Sequence[str]) -> bool:
    """Whether there is a readable file whose SHA-256, in hexadecimal, begins with one of those accepted."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return digest.startswith(tuple(accepted))
