"""Pinned files: from a folder of one's own, the cache, or the network, whichever has them first.

COURSE_DATA=DIR            a folder of one's own that is looked into first
COURSE_DATA_CACHE=DIR      where downloads are kept (default: the user's cache folder)
COURSE_DATA_MIRRORS="URL"  folders on the web, separated by spaces, that are asked before the usual addresses

The weights are kept where torch.hub keeps its own, which TORCH_HOME moves. Every file is checked against its
SHA-256 each time it is used, and a download gets its name only once it is whole.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

import torch.hub

from pretrained.addresses import FILES, Pinned
from pretrained.checksum import matches
from pretrained.errors import SourceError

PATIENCE = 5.0  # seconds for CHUNK bytes, or for the connection, after which we give up
CHUNK = 16 * 1024
MEMORY = 60.0  # seconds for which a dead host is not asked again, so that many files do not wait one by one

_unreachable: dict[str, tuple[float, str]] = {}  # host -> when, why
_offline = ContextVar("offline", default=False)
_in_vain: dict[str, float] = {}  # file -> when it was asked for at a dead host, and not had elsewhere


@contextmanager
def offline() -> Iterator[None]:
    """Inside the block the web is not asked: a file is here, or it cannot be had."""
    before = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(before)


def course_file(name: str, exactly: bool = False, patient: bool = True) -> Path:
    """The path of a pinned file, fetched if need be.

    name: a key of `addresses.FILES`.
    exactly: only the course's own copy will do; the starry_night.jpg that is served publicly is a wider crop.
    patient: as in `pinned_file`.
    Raises SourceError where the file cannot be had.
    """
    if name not in FILES:
        raise SourceError(f"expected one of {', '.join(FILES)}, got {name!r}: check the spelling")
    return pinned_file(name, FILES[name], exactly, patient)


def pinned_file(name: str, file: Pinned, exactly: bool = False, patient: bool = True) -> Path:
    """The path of a file of this name and content, fetched if need be.

    patient: False where another will do: the web is not asked if a host was dead lately and nobody else had its file.
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
    urls = [f"{mirror.rstrip('/')}/{name}" for mirror in os.environ.get("COURSE_DATA_MIRRORS", "").split()]
    if accepted == known:
        urls += file.urls
    if _offline.get():
        problems.append("no download, as none was wanted")
    elif patient or not _asked_in_vain():
        for url in urls:
            try:
                path = _download(url, cached, accepted, file.most_bytes)
                _in_vain.pop(name, None)
                return path
            except _FetchError as problem:
                problems.append(str(problem))
                if isinstance(problem, _DeadHost):
                    _in_vain[name] = time.monotonic()
    else:
        problems.append(f"no connection, as for {next(iter(_in_vain))}")
    got = "; ".join(problems) or "no public address"
    advice = "connect and run `make data`, or set" if urls else "ask your course for it, and set"
    raise SourceError(f"expected {name}, got {got}: {advice} COURSE_DATA to a folder that has the file")


def cache_folder(name: str) -> Path:
    """The folder in which the download of this file is kept."""
    if name.endswith(".pth"):
        return Path(torch.hub.get_dir()) / "checkpoints"
    if folder := os.environ.get("COURSE_DATA_CACHE"):
        return Path(folder).expanduser()
    import pooch

    return Path(pooch.os_cache("cs7643-a3"))


class _FetchError(Exception):
    """One address did not give the file; the message says what came from which host."""


class _DeadHost(_FetchError):
    """The host cannot be reached, or does not answer."""


def _asked_in_vain() -> bool:
    return any(time.monotonic() - when < MEMORY for when in _in_vain.values())


def _own_copy(name: str, accepted: list[str]) -> Path | None:
    """The file in COURSE_DATA, if that is set and has it; a wrong file there is an error and not skipped."""
    setting = os.environ.get("COURSE_DATA")
    if not setting:
        return None
    folder = Path(setting).expanduser()
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


def _download(url: str, path: Path, accepted: list[str], most_bytes: int) -> Path:
    """Fetch url and put it at path once it is whole and right; returns path."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            _receive(url, file, most_bytes)
        if not matches(partial, accepted):
            raise _FetchError(f"a file with another SHA-256 from {_host(url)}")
        partial.replace(path)
    except OSError as problem:
        setting = "TORCH_HOME" if path.suffix == ".pth" else "COURSE_DATA_CACHE"
        raise SourceError(
            f"expected to write {path.name} into the cache folder {path.parent}, "
            f"got {problem.strerror or problem}: set {setting} to a folder that you can write to"
        ) from None
    finally:
        if os.path.exists(partial):
            partial.unlink()
    return path


def _receive(url: str, file: BinaryIO, most_bytes: int) -> None:
    """Write what url serves into file, or raise _FetchError, PATIENCE seconds after the last CHUNK at most.

    The time-outs of pooch and requests cover neither a look-up of the host's name that hangs nor a server
    that sends a byte now and then, so they work in a thread that can be left behind.
    """
    import pooch
    import requests

    host = _host(url)
    when, why = _unreachable.get(host, (-MEMORY, ""))
    if time.monotonic() - when < MEMORY:
        raise _DeadHost(why)

    inbox = _Inbox(file, most_bytes)
    outcome: list[Exception] = []
    responses: list[requests.Response] = []  # pooch leaves those open that it does not read to the end

    def work() -> None:
        download = pooch.HTTPDownloader(
            progressbar=sys.stderr.isatty(),
            chunk_size=CHUNK,
            timeout=2 * PATIENCE,
            hooks={"response": lambda response, *args, **kwargs: responses.append(response)},
        )
        try:
            download(url, inbox, None)
        except Exception as problem:  # for the thread that waits
            outcome.append(problem)
        finally:
            for response in responses:
                response.close()

    print(f"fetching {url.rpartition('/')[2]} from {host}", file=sys.stderr)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive() and (rest := inbox.touched + PATIENCE - time.monotonic()) > 0:
            thread.join(rest)
        gave_up = thread.is_alive()
    finally:
        inbox.closed = True  # also after Ctrl-C

    problem = None if gave_up or not outcome else outcome[0]
    if gave_up:
        raise _dead(host, f"no answer from {host} within {PATIENCE:g} seconds")
    if isinstance(problem, requests.exceptions.ConnectionError):
        raise _dead(host, f"no connection to {host}")
    if isinstance(problem, requests.exceptions.HTTPError) and problem.response is not None:
        raise _FetchError(f"status {problem.response.status_code} from {host}")
    if isinstance(problem, _FetchError):
        raise _FetchError(f"an endless answer from {host}")
    if isinstance(problem, requests.exceptions.RequestException):
        raise _FetchError(f"a broken answer from {host} ({type(problem).__name__})")
    if problem:  # such as a full disk
        raise problem


class _Inbox:
    """What pooch writes to: a file that notes when something came, and takes no more when nobody waits."""

    def __init__(self, file: BinaryIO, most_bytes: int) -> None:
        self.file = file
        self.most_bytes = most_bytes
        self.received = 0
        self.touched = time.monotonic()
        self.closed = False

    def write(self, chunk: bytes) -> None:
        if self.closed or self.received > self.most_bytes:
            raise _FetchError
        self.file.write(chunk)
        self.received += len(chunk)
        self.touched = time.monotonic()

    def flush(self) -> None:
        self.file.flush()


def _dead(host: str, why: str) -> _DeadHost:
    """The error for a host that does not answer, which is remembered."""
    _unreachable[host] = (time.monotonic(), why)
    return _DeadHost(why)


def _host(url: str) -> str:
    """Host and port without a password, of any text: urllib raises on some that a mirror may be set to."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url
