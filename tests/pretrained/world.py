"""A small world for the tests of `pretrained`: files of its own, and a server on this machine that can misbehave."""

import hashlib
import io
import os
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.models import squeezenet1_1

from image_utils import preprocess
from pretrained.addresses import IMAGES
from pretrained.errors import SourceError
from pretrained.imagenet import class_names
from pretrained.packages import PACKAGED
from pretrained.weights import EMBEDDED, read_metadata

ROOT = Path(__file__).resolve().parents[2]
NAMES = class_names()
COURSE_DATA = Path(os.environ.get("COURSE_DATA") or ROOT.parent / "shared" / "course_data")
needs_course_data = pytest.mark.skipif(
    not (COURSE_DATA / IMAGES).is_file(),
    reason="the course's own files are not here: set COURSE_DATA to their folder",
)
EMBEDDED_CLASSES = read_metadata(EMBEDDED)["class_names"]
CLASSIC_PICTURES = ("tubingen.jpg", "composition_vii.jpg", "the_scream.jpg", "starry_night.jpg")


class Server(ThreadingHTTPServer):
    """Serves `pages`: path -> bytes, a status, or one of "hang", "stop", "truncated"."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked, self.stopped = {}, [], threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # a client that hung up, as it should


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path, 404)
        if page == "hang":
            self.server.stopped.wait(20)
        elif isinstance(page, int):
            self.send_error(page)
        elif page == "stop":
            self.answer(10**6)
            self.wfile.write(b"." * 10**5)
            self.server.stopped.wait(20)
        elif page == "sends on":
            self.send_response(302)
            self.send_header("Location", "http://[::bad/")
            self.end_headers()
        elif page == "truncated":
            self.answer(10**6)
            self.wfile.write(b"." * 10**5)
        else:
            self.answer(len(page))
            self.wfile.write(page)

    def answer(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        pass


def normalise(images):
    """Images uint8 (N, H, W, 3), as networks want them."""
    return torch.cat([preprocess(Image.fromarray(image)) for image in images])


class Trap:
    """Unpickling it fails the test run for good."""

    def __reduce__(self):
        return os._exit, (66,)


def random_weights(num_classes):
    return squeezenet1_1(num_classes=num_classes).state_dict()


def as_pth(state, **kwargs):
    file = io.BytesIO()
    torch.save(state, file, **kwargs)
    return file.getvalue()


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def assert_one_sentence(message):
    """expected ..., got ...: what to try; on one line, without a traceback."""
    assert re.fullmatch(r"expected .+, (got|found) .+: .+", str(message)), f"no sentence of ours: {message}"


def refuse(words, call, *args, **options):
    """The call must end in a SourceError of one sentence in which these words are found; returns it."""
    with pytest.raises(SourceError, match=words) as error:
        call(*args, **options)
    assert_one_sentence(error.value)
    return str(error.value)


def install(monkeypatch, folder, name, content=None, version=None):
    """Put a package with the file `name` of PACKAGED before the real one; content None: without the file."""
    file = PACKAGED[name]
    version = version or file.version
    about = folder / f"{file.package.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {file.package}\nVersion: {version}\n")
    if content is not None:
        path = folder / re.sub(r"(\.tar\.gz)/.+", r"\1", file.path)  # of a member of an archive, the archive
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def pin(monkeypatch, name, content):
    """Let the packaged file of this name be one with this content."""
    monkeypatch.setitem(PACKAGED, name, replace(PACKAGED[name], sha256=hashlib.sha256(content).hexdigest()))


def uninstall(monkeypatch, *names):
    """Let the packages of these files of PACKAGED not be there."""
    for name in names:
        monkeypatch.setitem(PACKAGED, name, replace(PACKAGED[name], package=f"no-{PACKAGED[name].package}"))
