"""Pinned files: from a folder of one's own, the cache, or the web, whichever has them first.

COURSE_DATA=DIR            a folder of one's own that is looked into first
COURSE_DATA_CACHE=DIR      where downloads are kept (default: the user's cache folder)
COURSE_DATA_MIRRORS="URL"  folders on the web, separated by spaces, that are asked before the usual addresses

The weights are kept where torch.hub keeps its own, which TORCH_HOME moves. Every file is checked against its
SHA-256 each time it is used, and a download gets its name only once it is whole.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import date
from pathlib import Path

import torch.hub

from pretrained.addresses import FILES, Pinned
from pretrained.errors import SourceError
from pretrained.files import matches, whole

PATIENCE = 5.0  # seconds for a connection, and from one piece of an answer to the next

_offline = ContextVar("offline", default=False)


@contextmanager
def offline() -> Iterator[None]:
    """Inside the block the web is not asked: a file is here, or it cannot be had."""
    before = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(before)


def course_file(name: str, exactly: bool = False, patient: bool = True) -> Path:
    """Path of a pinned file, fetched if need be.

    name: a key of `addresses.FILES`.
    exactly: only the course's own copy will do; the starry_night.jpg that is served publicly is a wider crop.
    patient: as in `find_pinned`.
    Raises SourceError where the file cannot be had.
    """
    if name not in FILES:
        raise SourceError(f"expected one of {', '.join(FILES)}, got {name!r}: check the spelling")
    return find_pinned(name, FILES[name], exactly, patient)


def find_pinned(name: str, file: Pinned, exactly: bool = False, patient: bool = True) -> Path:
    """Path of a file of this name and content, fetched if need be.

    patient: False where another file will do: the web is not asked again on a day on which a host was dead.
    Raises SourceError where the file cannot be had.
    """
    known = [file.sha256, file.served_sha256] if file.served_sha256 else [file.sha256]
    accepted = known[:1] if exactly else known

    if own := _own_copy(name, accepted):
        return own
    cached = cache_folder(name) / name
    if matches(cached, accepted):
        return cached

    problems = []
    if os.path.exists(cached) and not matches(cached, known):
        problems.append(f"a damaged file in {cached.parent}")
    urls = [f"{mirror.rstrip('/')}/{name}" for mirror in _mirrors().split()]
    if accepted == known:
        urls += file.urls
    if _offline.get():
        problems.append("no download, as none was wanted")
    elif not patient and (host := _dead_today()):
        problems.append(f"no connection to {host} earlier today")
    else:
        for url in urls:
            try:
                path = _download(url, cached, accepted)
                with suppress(OSError):
                    _mark().unlink()
                return path
            except _FetchError as problem:
                problems.append(str(problem))
                if isinstance(problem, _DeadHost):
                    _remember(_host(url))
    got = "; ".join(problems) or "no public address"
    advice = "connect and run `make data`, or set" if urls else "ask your course for it, and set"
    raise SourceError(f"expected {name}, got {got}: {advice} COURSE_DATA to a folder that has the file")


def cache_folder(name: str = "") -> Path:
    """The folder in which the download of this file is kept."""
    if name.endswith(".pth"):
        return Path(torch.hub.get_dir()) / "checkpoints"
    if folder := os.environ.get("COURSE_DATA_CACHE"):
        return Path(os.path.expanduser(folder))
    import pooch

    return Path(pooch.os_cache("cs7643-a3"))


class _FetchError(Exception):
    """One address did not give the file; the message says what came from which host."""


class _DeadHost(_FetchError):
    """The host cannot be reached, or does not answer."""


def _mirrors() -> str:
    return os.environ.get("COURSE_DATA_MIRRORS", "")


def _mark() -> Path:
    """The file that remembers a dead host for a day: its name, and the mirrors that were set."""
    return cache_folder() / "no-connection"


def _remember(host: str) -> None:
    with suppress(OSError), whole(_mark()) as path:  # where nothing can be written the web is asked again
        path.write_text(f"{host}\n{_mirrors()}", encoding="utf-8")


def _dead_today() -> str:
    """The host that was dead when the web was last asked, if that was today and with the same mirrors, else ""."""
    try:
        when = date.fromtimestamp(_mark().stat().st_mtime)
        host, _, mirrors = _mark().read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return ""
    return host if (when, mirrors) == (date.today(), _mirrors()) else ""


def _own_copy(name: str, accepted: list[str]) -> Path | None:
    """The file in COURSE_DATA, if that is set and has it; a wrong file there is an error and not skipped."""
    setting = os.environ.get("COURSE_DATA")
    if not setting:
        return None
    folder = Path(os.path.expanduser(setting))
    if not os.path.isdir(folder):  # unlike Path.is_dir, false for a folder that we may not look into
        raise SourceError(f"expected COURSE_DATA to name a folder, got {setting!r}: correct it or unset it")
    path = folder / name
    if not os.path.exists(path):
        return None
    if not matches(path, accepted):
        raise SourceError(
            f"expected {name} with the SHA-256 {' or '.join(accepted)}, got another or a damaged file in "
            f"COURSE_DATA ({folder}): remove it there, or put the right one in its place"
        )
    return path


def _download(url: str, path: Path, accepted: list[str]) -> Path:
    """Fetch url and put it at path once it is whole and right; return path."""
    import pooch
    import requests

    host = _host(url)
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=PATIENCE)
    print(f"fetching {path.name} from {host}", file=sys.stderr)
    try:
        with whole(path) as beside:
            fetch(url, beside, None)
            if not matches(beside, accepted):
                raise _FetchError(f"a file with another SHA-256 from {host}")
    except requests.HTTPError as problem:
        status = problem.response.status_code if problem.response is not None else "unknown"
        raise _FetchError(f"status {status} from {host}") from None
    except requests.ReadTimeout:
        raise _DeadHost(f"no answer from {host} within {PATIENCE:g} seconds") from None
    except requests.ConnectionError as problem:
        if "Read timed out" in str(problem):  # in the middle of an answer
            raise _DeadHost(f"no answer from {host} within {PATIENCE:g} seconds") from None
        raise _DeadHost(f"no connection to {host}") from None
    except (requests.RequestException, ValueError) as problem:
        # What is a ValueError, too, has not asked the host: a socks proxy without its package, a mirror's address, or
        # the one that a host sends us to.
        got = "no usable proxy or address for" if isinstance(problem, ValueError) else "a broken answer from"
        raise _FetchError(f"{got} {host} ({type(problem).__name__})") from None
    except OSError as problem:  # such as a full disk
        if problem.errno is None:  # requests' own, such as REQUESTS_CA_BUNDLE that names no file
            raise _FetchError(str(problem)) from None
        setting = "TORCH_HOME" if path.suffix == ".pth" else "COURSE_DATA_CACHE"
        raise SourceError(
            f"expected to write {path.name} into the cache folder {path.parent}, "
            f"got {problem.strerror or problem}: set {setting} to a folder that you can write to"
        ) from None
    return path


def _host(url: str) -> str:
    """Host and port without a password, of any text: urllib raises on some that a mirror may be set to."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url
