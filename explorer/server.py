"""Serves the page: on this machine alone, with a folder for uploads that nobody else can read."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from explorer import networks, worker
from figures.script import UserError


@dataclass
class Running:
    """A page that is being served."""

    address: str
    folder: str  # of uploads


def serve(weights: str, model: str, device: str, port: int | None, share: bool, browse: bool) -> None:
    """Serve the page until Ctrl+C, or until the terminal is closed."""
    for name in ("SIGTERM", "SIGHUP"):  # else the folder of uploads would stay
        if signal.getsignal(number := getattr(signal, name, signal.SIGTERM)) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    with running(networks.choose(weights, model).key, device, port, share, browse) as page:
        print(f"The explorer is at {page.address} (Ctrl+C ends it)", flush=True)
        while True:
            time.sleep(3600)


def environment(folder: str, share: bool) -> dict[str, str]:
    """Variables for the page and its processes: uploads lie in the folder, and nothing of a notebook's is used.

    A page on this machine is asked for directly, whatever proxies stand for other addresses, unless others `share` it.
    """
    direct = {} if share else {"NO_PROXY": "*", "no_proxy": "*"}
    return {"GRADIO_TEMP_DIR": folder, "GRADIO_DEBUG": "0", "MPLBACKEND": "Agg"} | direct  # else launching never ends


@contextmanager
def running(
    network: str,
    device: str = "auto",
    port: int | None = None,
    share: bool = False,
    browse: bool = False,
) -> Iterator[Running]:
    """The page is there inside the block; after it nothing is left, neither processes nor files."""
    with (
        tempfile.TemporaryDirectory(prefix="explorer-") as folder,  # for this user's eyes only, as mkdtemp makes it
        mock.patch.dict(os.environ, environment(folder, share)),
    ):
        worker.warm_up()
        source = networks.load(network, device)  # what cannot be had is told before a page opens
        from explorer import page as pages  # imported here: gradio reads the folder's name, and takes two seconds

        page, sessions = pages.build(network, str(source.device))
        try:
            address = pages.launch(page, port, share, browse)
        except (OSError, OverflowError) as problem:
            raise UserError(f"expected a free port, got {port} ({problem}): choose another --port") from None
        try:
            yield Running(address, folder)
        finally:
            page.close()
            sessions.close_all()
