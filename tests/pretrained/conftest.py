"""Fixtures of the tests of `pretrained`: no test reaches the web, finds a cache, or sees a setting of this machine."""

import hashlib
import io
import os
import socket
import threading

import numpy as np
import pytest
import torch

from pretrained.addresses import FILES, IMAGES, WEIGHTS, Pinned
from tests.pretrained.world import CLASSIC_PICTURES, Server, Trap, as_pth, random_weights


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_world(tmp_path, monkeypatch):
    """Empty caches, no settings, and no way out of this machine."""
    for name in list(os.environ):
        if name.startswith("COURSE_DATA") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COURSE_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    look_up = socket.getaddrinfo

    def local_only(host, *args, **kwargs):
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", local_only)


@pytest.fixture(scope="module")
def goods():
    """Small files under the classic names: {name: bytes}. The images' label map must never be unpickled."""
    goods = {name: f"a picture called {name}".encode() * 100 for name in CLASSIC_PICTURES}
    goods[WEIGHTS] = as_pth(random_weights(1000))
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    label_map = np.array({0: Trap()}, dtype=object)
    X, y = rng.integers(256, size=(2, 224, 224, 3), dtype=np.uint8), np.array([958, 85])
    np.savez(file, X=X, y=y, label_map=label_map)
    goods[IMAGES] = file.getvalue()
    return goods


@pytest.fixture
def serve(goods, server, monkeypatch):
    """serve(names): the server has these files, and they are pinned and addressed there."""

    def serve(names):
        for name in names:
            server.pages[f"/{name}"] = goods[name]
            sha256 = hashlib.sha256(goods[name]).hexdigest()[: 8 if name == WEIGHTS else 64]
            monkeypatch.setitem(FILES, name, Pinned(sha256, (f"{server.url}/{name}",)))
        return server

    return serve


@pytest.fixture
def classic(goods, serve):
    """The server with all the files that the ImageNet source needs."""
    return serve(goods)


@pytest.fixture
def offline(classic, monkeypatch):
    """The same files, but the server is gone: every connection is refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for name, file in list(FILES.items()):
        monkeypatch.setitem(FILES, name, Pinned(file.sha256, (f"{nowhere}/{name}",) if file.urls else ()))
