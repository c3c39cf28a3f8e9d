"""Make the README's picture of the explorer, docs/pictures/explorer.png: a scene, seen for two classes.

    python -m workshop.explorer_picture

Expect twenty seconds on two cores. It needs pytest-playwright (tests/explorer/requirements.txt) and Debian's Chromium.
The picture is of this project's own content alone: the embedded network's scenes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from explorer import server
from workshop.readme_pictures import OUT, write

CHROMIUM = "/usr/bin/chromium"
SETTINGS = "?view=where&network=embedded&picture=6&target=5&versus=17&row=6&column=7"
SIZE: ViewportSize = {"width": 1280, "height": 1240}
PATIENCE = 300_000  # milliseconds, on a machine that may be busy with anything
MOST = 300_000  # bytes


def main() -> None:
    with tab("embedded", SIZE) as (page, address):
        page.goto(address + SETTINGS)
        page.locator('img[alt^="SmoothGrad"]').first.wait_for()  # the last of what is drawn
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    write("explorer", shot)
    size = (OUT / "explorer.png").stat().st_size
    if size > MOST:
        raise SystemExit(f"expected a picture of at most {MOST} bytes, got {size}: make it smaller")


@contextmanager
def tab(network: str, size: ViewportSize) -> Iterator[tuple[Page, str]]:
    """An empty tab of a browser, and the address of an explorer that is served meanwhile."""
    with server.running(network, "cpu") as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=size)
        page.set_default_timeout(PATIENCE)
        yield page, running.address
        browser.close()


if __name__ == "__main__":
    main()
