"""Measure the explorer as a person sees it, in a real browser: times, memory, and requests that leave the machine.

    python -m benchmarks.explorer_in_browser
    python -m benchmarks.explorer_in_browser squeezenet

Prints the table of docs/performance.md: from the click to the painted map, by the browser's clock, the median of the
rounds and the slowest; memory as PSS of the explorer's processes. Quiet machine: a minute. Needs what the tests in the
browser need: pytest-playwright, psutil and Debian's Chromium.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil
from playwright.sync_api import Page

from explorer import networks
from figures.figure import short
from workshop.explorer_picture import tab

ROUNDS = 5
STRENGTH = 'input[aria-label^="number input for How strongly"]'
STRENGTHS = ("0.2", "0.9", "0.4", "0.7")
PATIENCE = 60_000  # milliseconds: what does not come within a minute does not come
# From an event until a picture of this text is painted that was not there before: the milliseconds.
AWAITED = """([kind, alt]) => {
  const begins = (one) => one.alt.startsWith(alt);
  const before = new Set([...document.images].filter(begins).map((one) => one.src));
  window.awaited = new Promise((done) => addEventListener(kind, () => {
    const start = performance.now();
    const look = () => {
      const there = (one) => begins(one) && !before.has(one.src) && one.complete && one.checkVisibility();
      const found = [...document.images].some(there);
      requestAnimationFrame(found ? () => done(performance.now() - start) : look);
    };
    requestAnimationFrame(look);
  }, {once: true, capture: true}));
}"""
GOT = "(most) => Promise.race([window.awaited, new Promise((no) => setTimeout(no, most))])"
STILL = """() => new Promise((done) => {
  let timer = setTimeout(done, 700);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, 700); })
    .observe(document.body, {subtree: true, childList: true, attributes: true});
})"""


def main() -> None:
    network = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    print(f"{networks.load(network, 'cpu').name}; load {os.getloadavg()[0]:.1f} before", flush=True)
    with tab(network, {"width": 1280, "height": 900}) as (page, address):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.set_default_timeout(PATIENCE)
        source = networks.load(network, "cpu")
        names = [short(source.class_names[label]) for label in source.labels]
        start = time.monotonic()
        page.goto(address)
        page.locator(f'img[alt^="Grad-CAM of {names[0]}"]').wait_for()
        print(f"page opened, its first map: {time.monotonic() - start:.2f} s")
        wait_for_maps(page, names[0])
        first = [choose(page, i, names[i]) for i in range(1, 2 + ROUNDS)]
        tell("first sample chosen", first[:1])
        tell("another sample, warm", first[1:])
        tell("a sample that was there", [choose(page, i, names[i]) for i in range(1, 1 + ROUNDS)])
        picture = names[ROUNDS]
        page.get_by_text("Colours", exact=True).click()
        classes = others(networks.class_choices(source), page.locator("#where-class input").input_value())
        layers = others([(name, 0) for name in networks.layers(source)], source.gradcam_layer)
        for what in ("another class", "a class that was there"):
            seen = [f"Grad-CAM of {picture} for {short(name)}" for name in classes]
            tell(what, [type_words(page, "#where-class input", name, alt) for name, alt in zip(classes, seen)])
            wait_for_maps(page, f"{picture} for {short(classes[-1])}")
        for what in ("another layer", "a layer that was there"):
            tell(what, [type_words(page, "#where-layer input", name, f"Grad-CAM of {picture}") for name in layers])
        tell("another strength of the overlay", [set_strength(page, s, f"Grad-CAM of {picture}") for s in STRENGTHS])
        print(f"memory of its processes: {count_memory() / 2**20:.0f} MiB (PSS)")
        gone = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        print(f"requests: {len(asked)}, of which left the machine: {len(gone)}")
    print(f"load {os.getloadavg()[0]:.1f} after")


def others(choices: Sequence[tuple[str, int]], shown: str) -> list[str]:
    """The last few of a menu that are not chosen already: who chooses those sees nothing change."""
    return [name for name, _ in choices if name != shown][-ROUNDS:]


def choose(page: Page, number: int, name: str) -> tuple[float, float]:
    """Seconds from the click on a sample to its first map, by the browser's clock and of the processor."""
    thumb = page.locator(f'[data-number="{number}"]')
    measured = time_event(page, "click", f"Grad-CAM of {name}", thumb.dispatch_event, "click")
    wait_for_maps(page, name)
    return measured


def type_words(page: Page, field: str, words: str, alt: str) -> tuple[float, float]:
    """Seconds from Enter in a menu to the map that has changed."""
    page.locator(field).fill(words)
    return time_event(page, "keydown", alt, page.locator(field).press, "Enter")


def set_strength(page: Page, value: str, alt: str) -> tuple[float, float]:
    """Seconds from the number that is written to the map that has changed."""
    return time_event(page, "input", alt, page.locator(STRENGTH).fill, value)


def time_event(page: Page, event: str, alt: str, act: Callable[[str], None], given: str) -> tuple[float, float]:
    """Seconds from an event that `act` makes to the picture that it makes appear."""
    page.evaluate(AWAITED, [event, alt])
    before = count_seconds()
    act(given)
    found = page.evaluate(GOT, PATIENCE)
    if found is None:
        raise SystemExit(f"expected another picture of {alt!r} after {given!r}, saw none")
    cpu = count_seconds() - before
    page.evaluate(STILL)
    return found / 1000, cpu


def wait_for_maps(page: Page, name: str) -> None:
    """Wait for the last and slowest map of a picture, and until nothing changes on the page any more."""
    page.locator(f'img[alt^="SmoothGrad of {name}"]').wait_for()
    page.evaluate(STILL)


def tell(what: str, measured: list[tuple[float, float]]) -> None:
    seconds, cpu = zip(*measured)
    print(
        f"{what}: {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s, of the processor "
        f"{statistics.median(cpu):.2f} s ({len(measured)} times)",
        flush=True,
    )


def add_up(ask: Callable[[psutil.Process], float]) -> float:
    """The sum over this process and those that it has started, less the browser's."""
    own, total = psutil.Process(), 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):  # it ended meanwhile
            if not any("chromium" in word or "playwright" in word for word in process.cmdline()):
                total += ask(process)
    return total


def count_memory() -> float:
    """Bytes of PSS: what several processes share counts once."""
    return add_up(lambda process: process.memory_full_info().pss)


def count_seconds() -> float:
    """Seconds of the processor."""
    return add_up(lambda process: sum(process.cpu_times()[:2]))


if __name__ == "__main__":
    main()
