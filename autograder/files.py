"""Write files whole, and zips that are the same for the same contents."""

import hashlib
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

PUBLIC = 0o644


def write_whole(path: Path, data: str | bytes, mode: int = 0o600) -> None:
    """Write beside the file's place, then rename: there is never half a file, and a link is replaced, not followed.

    It holds grades, if nothing else is said: only its owner may read it, whatever the umask, and enter a folder that is
    made for it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with open(handle, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode("utf-8", "replace"))
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def fill(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, by their names in it."""
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def make_zip(contents: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """Return a zip of these files, by name and in this order, without owners, with times made of what is in them.

    Stored, not compressed: pictures are compressed already, and compressors differ between machines.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, date_time=_date_of(data))
            entry.create_system = 3  # Unix, wherever it is written
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            file.writestr(entry, data)
    return archive.getvalue()


def _date_of(data: bytes) -> tuple[int, int, int, int, int, int]:
    """Return a time between 1980 and 2018 for this content: unzipped over an older one it is compiled again."""
    return time.gmtime(315_532_800 + int(hashlib.sha256(data).hexdigest()[:8], 16) % 1_200_000_000)[:6]
