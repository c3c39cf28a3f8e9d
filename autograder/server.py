"""The fork server: torch is warm in it, no student code ever is. Each call is one fork of it (call.py).

    python -I server.py PROJECT SOCKET-FD OPTIONS

It is started by client.py, sets up what the kernel offers for isolation (isolation.py), and answers over a socket.
"""

import gc
import importlib
import json
import os
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from staff.grader import call, child, descendants, frames, isolation, leftovers

WARM = ("torch", "torch.utils._python_dispatch", "torchvision.models", "torchvision.transforms.v2", "captum.attr",
        "scipy.ndimage", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "tests.probes",
        # of the given files, what students' import
        "image_utils", "visualizers.network", "style_modules", "figures.figure", "figures.images", "figures.measured",
        "figures.script", "pretrained.settings")  # fmt: skip


def main() -> None:
    serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3]))


def serve(project: Path, link: socket.socket, options: dict) -> None:
    """Answer calls until the other side of `link` is gone."""
    here = isolation.enter(project, options["uid"], list(map(Path, options["hide"])), options["without"])
    here.layers |= child.layers(here)
    here.layers["process numbers repeat"] = isolation.repeat_process_numbers(here)
    search = None if here.leaves_nothing else leftovers.Search()
    warm_up(project)
    places = search and search.places()
    if search is not None:
        here.layers["leftovers swept"] = here.uid is not None and places is not None and not places.unsafe
    send(link, frames.encode({"layers": here.layers, "places": list(places.times) if places else []}))
    shared = descendants.anonymous(os.getpid())
    while (data := receive(link)) is not None:
        request = frames.decode(data)
        report, answer = call.run(request, request.pop("limits"), here, shared, link)
        if places is not None and here.uid is not None:
            places.sweep(here.uid)
        send(link, frames.encode(report))
        send(link, answer)


def warm_up(project: Path) -> None:
    """Import what student code will, but none of it, so that a fork finds it there."""
    sys.path[0] = str(project)
    os.chdir(project)
    sys.dont_write_bytecode = True
    for name in WARM:
        importlib.import_module(name)
    import matplotlib
    from matplotlib import font_manager, pyplot

    from tests import networks

    sys.modules["torch"].set_num_threads(1)  # threads do not survive a fork: none may have started
    pyplot.switch_backend("agg")  # and Agg it stays, since a student's backend may need a screen
    matplotlib.use = pyplot.switch_backend = lambda *_, **__: None
    font_manager.fontManager.get_font_names()  # the list of fonts, and
    networks.build("embedded")  # much of torch for the first network built on "meta": seconds that children save
    gc.freeze()  # or each child's first garbage collection would copy all pages of what is loaded


def send(link: socket.socket, data: bytes) -> None:
    link.sendall(struct.pack("<Q", len(data)) + data)


def receive(link: socket.socket) -> bytes | None:
    """One message; None when the other side is gone."""
    head = _exactly(link, 8)
    return None if head is None else _exactly(link, struct.unpack("<Q", head)[0])


def _exactly(link: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        more = link.recv(min(count - len(data), 1 << 20))
        if not more:
            return None
        data += more
    return bytes(data)


if __name__ == "__main__":
    main()
