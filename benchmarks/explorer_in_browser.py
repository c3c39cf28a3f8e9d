"""Measure the explorer as a person sees it, in a real browser: times, memory, and requests that leave the machine.

    python -m benchmarks.explorer_in_browser
    python -m benchmarks.explorer_in_browser squeezenet

Prints the table of docs/performance.md: from the click to the painted map, by the browser's clock, the median of the
rounds and the slowest; memory as PSS of the explorer's processes. Quiet machine: a minute. Needs what the tests in the
browser need: pytest-playwright and Debian's Chromium.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from explorer import networks
from staff.explorer_picture import tab

ROUNDS = 5
# Clicks, and waits until a picture is there and painted: the milliseconds in between.
CLICKED = """([button, alt]) => new Promise((done) => {
  const start = performance.now();
  const look = () => {
    const there = [...document.images].some((one) => one.alt.startsWith(alt) && one.complete && one.checkVisibility());
    requestAnimationFrame(there ? () => done(performance.now() - start) : look);
  };
  document.querySelector(button).click();
  requestAnimationFrame(look);
})"""


def main() -> None:
    network = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    print(f"{networks.load(network, 'cpu').name}; load {os.getloadavg()[0]:.1f} before", flush=True)
    with tab(network, {"width": 1280, "height": 900}) as (page, address):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        start = time.monotonic()
        page.goto(address)
        page.locator('img[alt^="Saliency of"]').wait_for()
        print(f"page opened, its first map: {time.monotonic() - start:.2f} s")
        finished(page)
        names = page.evaluate("[...document.querySelectorAll('[data-number]')].map((b) => b.title)")
        first = [choose(page, i, names) for i in range(1, 2 + ROUNDS)]
        told("first sample chosen", first[:1])
        told("another sample, warm", first[1:])
        told("a sample that was there", [choose(page, i, names) for i in range(1, 1 + ROUNDS)])
        layers = networks.layers(networks.load(network, "cpu"))[-1 - ROUNDS : -1]
        page.get_by_text("Colours", exact=True).click()
        for what, field, values in (
            ("another class", "#where-class input", classes(network)),
            ("a class that was there", "#where-class input", classes(network)),
            ("another layer", "#where-layer input", layers),
            ("a layer that was there", "#where-layer input", layers),
            ("overlay", 'input[aria-label^="number input for How strongly"]', ["0.2", "0.9", "0.4", "0.7"]),
        ):
            told(what, [typed(page, field, value) for value in values])
        print(f"memory of its processes: {memory(os.getpid()) / 2**20:.0f} MiB (PSS)")
        gone = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        print(f"requests: {len(asked)}, of which left the machine: {len(gone)}")
    print(f"load {os.getloadavg()[0]:.1f} after")


def classes(network: str) -> list[str]:
    return [name for name, _ in networks.class_choices(networks.load(network, "cpu"))][3 : 3 + ROUNDS]


def choose(page: Page, number: int, names: list[str]) -> tuple[float, float]:
    """From the click on a sample to its first map: seconds by the browser's clock, and of the processor."""
    before = spent(os.getpid())
    found = page.evaluate(CLICKED, [f'[data-number="{number}"]', f"Saliency of {names[number]}"])
    cpu = spent(os.getpid()) - before
    finished(page)
    return found / 1000, cpu


def typed(page: Page, field: str, words: str) -> tuple[float, float]:
    """From Enter to the Grad-CAM that has changed."""
    drawn = page.locator('img[alt^="Grad-CAM of"]').get_attribute("src")
    box = page.locator(field)
    box.fill(words)
    before, start = spent(os.getpid()), time.monotonic()
    box.press("Enter")
    page.wait_for_function(
        "(before) => [...document.images].some((i) => i.alt.startsWith('Grad-CAM of') && i.src !== before)", arg=drawn
    )
    found, cpu = time.monotonic() - start, spent(os.getpid()) - before
    finished(page)
    return found, cpu


def finished(page: Page) -> None:
    """Wait until nothing changes on the page any more."""
    page.evaluate("""() => new Promise((done) => {
      let timer = setTimeout(done, 1500);
      new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 1500); })
        .observe(document.body, {subtree: true, childList: true, attributes: true});
    })""")


def told(what: str, measured: list[tuple[float, float]]) -> None:
    seconds, cpu = zip(*measured)
    print(
        f"{what}: {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s, of the processor "
        f"{statistics.median(cpu):.2f} s ({len(measured)} times)",
        flush=True,
    )


def processes(pid: int) -> Iterator[Path]:
    """The folders in /proc of a process and of those that it has started, less the browser's."""
    waiting = [pid]
    while waiting:
        at = Path(f"/proc/{waiting.pop()}")
        try:
            command = (at / "cmdline").read_text()
            if "chromium" in command or "playwright" in command:
                continue
            for task in (at / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
            yield at
        except OSError:
            continue  # it ended meanwhile


def memory(pid: int) -> int:
    """Bytes of PSS: what several processes share counts once."""
    total = 0
    for at in processes(pid):
        lines = (at / "smaps_rollup").read_text().splitlines()
        total += 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return total


def spent(pid: int) -> float:
    """Seconds of the processor."""
    ticks = 0
    for at in processes(pid):
        ticks += sum(map(int, (at / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
