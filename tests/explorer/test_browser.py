"""The explorer in a real browser, used as a person would: `python explore.py` in a folder of one's own.

It needs Debian's Chromium and pytest-playwright; where they are missing these tests are skipped, and say so.
"""

import io
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from PIL import Image

from explorer.worker import ROOT
from figures import gallery
from figures.figure import Picture

pytest.importorskip("pytest_playwright", reason="needs pytest-playwright: pip install pytest-playwright")
from playwright.sync_api import TimeoutError, expect

CHROMIUM = "/usr/bin/chromium"
TABS = {  # their names, and the ends of their panels' ids
    "Where does it look?": "where",
    "Fool it": "fool",
    "What is its idea?": "idea",
    "Paint": "paint",
    "Inside": "inside",
}
PATIENCE = 90_000  # milliseconds, on a machine that may be busy with anything
FOLDERS = ("explorer", "figures", "images", "pretrained", "style_modules", "visualizers")
FILES = ("explore.py", "gradcam.py", "image_utils.py", "methods.py", "saliency_map.py")
FILES += ("style_transfer.py", "style_utils.py")

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs {CHROMIUM}: apt-get install chromium"),
    pytest.mark.timeout(400),  # seconds; quiet, the slowest takes ten
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": ["--no-sandbox", *fake]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A student's folder, with everything that the explorer needs."""
    folder = tmp_path_factory.mktemp("student")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    (folder / "docs").mkdir()
    for name in (*FILES, "docs/assignment.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def find_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    with serving(folder, tmp_path_factory.mktemp("scratch"), find_port()) as server:
        yield server


@contextmanager
def serving(folder, scratch, port):
    """`python explore.py`: its address, its process, and the folder in which it may put things down."""
    command = [sys.executable, "explore.py", "--weights", "embedded", "--no-browser", "--port", str(port)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(scratch), "TMPDIR": str(scratch), "OMP_NUM_THREADS": "2"}
    # A notebook's way of drawing and proxies that are not there: the explorer needs neither.
    environment |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "ALL_PROXY": "socks5://127.0.0.1:9"}
    environment |= dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    with (
        (scratch / "said").open("w+", encoding="utf-8") as said,  # a pipe that nobody reads would hold it up
        subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said) as process,
    ):
        try:
            while "The explorer is at" not in (words := (scratch / "said").read_text(encoding="utf-8")):
                assert process.poll() is None, f"the explorer ended before it opened a page: {words}"
                time.sleep(0.1)
            assert "Traceback" not in words
            yield f"http://127.0.0.1:{port}/", process, scratch
        finally:
            process.send_signal(signal.SIGINT)  # as Ctrl+C does, which ends its processes, too
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            assert "leaked" not in (scratch / "said").read_text(encoding="utf-8")  # of the system's locks


@contextmanager
def opened(browser, server, query="", **options):
    """A person's browser with the explorer open, which must make no mistake and ask nobody else."""
    mistakes, asked = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: mistakes.append(str(error.error)))
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    page.goto(server[0] + query)
    try:
        yield page
    finally:
        context.close()
    assert mistakes == []
    assert [url for url in asked if not url.startswith((server[0], "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def page(browser, server):
    """One tab for most tests, since opening one costs seconds; each goes to its view and chooses what it needs."""
    with opened(browser, server) as page:
        yield page


def go(page, tab):
    """Open a view, which on a narrow page stands behind a menu; the row of tabs is laid out again after each change."""
    button, more = page.get_by_role("tab", name=tab, exact=True), page.locator(".overflow-menu > button")
    until = time.monotonic() + PATIENCE / 1000
    panel = page.locator(f"#tab-{TABS[tab]}")
    while not panel.is_visible():
        assert time.monotonic() < until, f"expected a tab {tab}, found none"
        try:
            if not button.is_visible():
                more.click(timeout=1000)
                page.locator(".overflow-dropdown button", has_text=tab).click(timeout=1000)
            else:
                button.click(timeout=1000)
            panel.wait_for(timeout=1000)
        except TimeoutError:
            continue


def shows(page, alt):
    """Wait for a picture whose text begins like this."""
    picture = page.locator(f'img[alt^="{alt}"]:visible').first
    expect(picture).to_be_visible()
    return picture


def test_looking(page, browser, server):
    """Choose a sample, type a class, put another beside it, click a place: each shows; the link brings it back."""
    shows(page, "Saliency of hay for hay")
    page.click('button[title="gorilla"]')
    shows(page, "Grad-CAM of gorilla for gorilla")
    page.fill("#where-class input", "elephant")
    page.keyboard.press("Enter")
    shows(page, "Grad-CAM of gorilla for elephant")
    page.fill("#where-versus input", "bear")
    page.keyboard.press("Enter")
    shows(page, "SmoothGrad of gorilla for bear")
    page.locator(".x-places").click(position={"x": 60, "y": 40})
    expect(page.locator(".x-place")).to_contain_text("Strongest channels at row")
    shows(page, "the pixels that excite channel")
    expect(page).to_have_url(re.compile("picture=6.*target=17.*versus=4.*row="))
    with opened(browser, server, "?" + page.url.partition("?")[2]) as other:
        shows(other, "Guided Grad-CAM of gorilla for bear")
        expect(other.locator(".x-mark")).to_be_visible()
        chosen = [tab.locator("#where-class input").input_value() for tab in (page, other)]
        assert chosen[0] == chosen[1]


def test_a_picture_opens_large(page):
    """By a click or by Enter; Escape closes it, and the focus is where it was."""
    picture = shows(page, "Grad-CAM of")
    for opening in (picture.click, lambda: (picture.focus(), page.keyboard.press("Enter"))):
        opening()
        large = page.locator("dialog.x-large img")
        expect(large).to_be_visible()
        assert large.get_attribute("alt") == picture.get_attribute("alt")
        assert large.bounding_box()["width"] > 1.5 * picture.bounding_box()["width"]
        page.keyboard.press("Escape")
        expect(large).to_have_count(0)
    expect(picture).to_be_focused()


def test_who_changes_their_mind_sees_what_was_chosen_last(page):
    """Three samples in one second: the last one is shown, and nothing that was chosen before comes afterwards."""
    for name in ("snail", "fish", "teapot"):
        page.click(f'button[title="{name}"]')
    shows(page, "SmoothGrad of teapot for teapot")
    assert page.locator('img[alt*="of fish"], img[alt*="of snail"]').count() == 0
    expect(page.locator('button[title="teapot"]')).to_have_attribute("aria-pressed", "true")


def test_an_upload_is_never_sent_back(server):
    """It is deleted once it was read, and whoever was being sent it then would end in a traceback."""
    path = next(server[2].glob("explorer-*")) / "wall.png"
    path.write_bytes((ROOT / "images/scenes/02_dog.png").read_bytes())
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{server[0]}gradio_api/file={path}")
    path.unlink()


def test_one_s_own_picture_is_looked_at_and_not_kept(page, server, tmp_path):
    """A photograph that is dropped in is seen; a damaged one is told in words; no file stays on the disk."""
    Image.new("RGB", (640, 480), "teal").save(tmp_path / "wall.jpg")
    page.set_input_files("#own input[type=file]", tmp_path / "wall.jpg")
    shows(page, "Saliency of your picture")
    (tmp_path / "broken.png").write_bytes((ROOT / "images/scenes/02_dog.png").read_bytes()[:3000])
    page.set_input_files("#own input[type=file]", tmp_path / "broken.png")
    expect(page.get_by_text("Expected a whole picture in the file")).to_be_visible()
    page.click('button[title="ray"]')
    shows(page, "Saliency of ray")
    assert not [path for path in server[2].rglob("*") if path.suffix in (".jpg", ".png")]
    said = (server[2] / "said").read_text(encoding="utf-8")
    assert "Traceback" not in said, said[-3000:]


def test_fooling(page):
    """Three pictures, a curve and what is left of it, and the zip that keeps them."""
    go(page, "Fool it")
    shows(page, "Before")
    page.click("#fool-start")
    expect(page.locator(".x-table")).to_contain_text("saved as JPEG")
    shows(page, "After ")
    expect(page.locator("svg[aria-label^='What the network thinks']")).to_be_visible()
    with page.expect_download() as download:
        page.locator(".x-save:visible").click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert "settings.json" in archive.namelist()


def test_a_class_emerges_rests_goes_on_and_stops(page):
    """Start, pause, keep beside, go on, stop."""
    go(page, "What is its idea?")
    page.click("#idea-start")
    shows(page, "the network's idea of")
    page.click("#idea-pause")
    expect(page.locator("#idea-pause")).to_have_text("Go on")
    page.click("#idea-keep")
    expect(page.get_by_text("Kept: gorilla")).to_be_visible()
    page.click("#idea-pause")
    expect(page.locator("#idea-pause")).to_have_text("Pause")
    page.click("#idea-stop")


def test_painting_and_cancelling(page):
    """The town in another style, with the time left; after Cancel the next painting can begin."""
    go(page, "Paint")
    shows(page, "Content: town")
    page.click("#paint-start")
    expect(page.get_by_text(re.compile(r"step \d+ of 200, about \d+ s left"))).to_be_visible()
    page.click("#paint-stop")
    page.fill("#paint-style input", "flow")
    page.keyboard.press("Enter")
    shows(page, "Style: flow")
    page.click("#paint-start")
    shows(page, "town in the style of flow")
    page.click("#paint-stop")


def test_inside(page):
    """Tiles of all layers; a click on one shows the samples that excite it."""
    go(page, "Inside")
    page.locator('[data-layer="features.6"]').nth(2).click()
    expect(page.get_by_text(re.compile(r"What excites channel \d+ of features.6 most"))).to_be_visible()
    page.click("#inside-start")
    shows(page, "What channel")
    page.click("#inside-stop")


def test_the_keyboard_is_enough(page):
    """Samples by Enter, places of a layer by the arrows, none of which is lost, and the focus stays where it was."""
    go(page, "Where does it look?")
    page.locator('button[title="cat"]').focus()
    page.keyboard.press("Enter")
    shows(page, "Saliency of cat")
    expect(page.locator(".x-places")).to_have_attribute("data-at", "0,0")
    page.locator(".x-places").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".x-place")).to_contain_text("row 2, column 1")
    expect(page.locator(".x-places")).to_be_focused()


def test_every_picture_has_a_text_and_a_phone_need_not_scroll_sideways(page):
    """In every view, after real use, on 390 pixels."""
    page.set_viewport_size({"width": 390, "height": 844})
    for tab in ("Fool it", "What is its idea?", "Paint", "Inside", "Where does it look?"):
        go(page, tab)
        try:
            page.wait_for_function("document.documentElement.scrollWidth <= 390", timeout=20_000)
        except TimeoutError:
            wide = page.evaluate(
                "[...document.querySelectorAll('*')].filter((e) => e.checkVisibility() && "
                "e.getBoundingClientRect().right > 391).map((e) => e.className).slice(0, 9)"
            )
            pytest.fail(f"wider than a phone: {tab}, {wide}")
        assert page.evaluate("[...document.images].filter((image) => !image.alt).length") == 0, tab
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_mistake_is_told_and_mended_without_a_new_start(page, folder):
    """A function that raises shows its sentence; once its file is right, its map is there."""
    path = folder / "visualizers" / "saliency_map.py"
    right = path.read_text(encoding="utf-8")
    try:
        path.write_text(right.replace("gradient.abs().amax(dim=1)", "1 / 0"), encoding="utf-8")
        page.click('button[title="fish"]')
        expect(page.get_by_text("ZeroDivisionError: division by zero (visualizers/saliency_map.py")).to_be_visible()
        shows(page, "Grad-CAM of fish")
    finally:
        path.write_text(right, encoding="utf-8")
    page.click('button[title="clock"]')
    shows(page, "Saliency of clock")


def test_dark_is_dark_and_a_link_that_makes_no_sense_is_told(browser, server):
    """Anybody who prefers dark gets dark paper and light ink; what cannot be had is named, and the page is there."""
    with opened(browser, server) as page:
        page.emulate_media(color_scheme="dark")
        page.goto(f"{server[0]}?view=where&picture=999&layer=<script>alert(1)</script>")
        expect(page.get_by_text("The link asks for picture=999, layer=<script>")).to_be_visible()
        shows(page, "Saliency of")
        paper, ink = page.evaluate(
            "['background-color', 'color'].map((name) => getComputedStyle(document.body).getPropertyValue(name))"
        )
        assert max(map(int, re.findall(r"\d+", paper)[:3])) < 60
        assert min(map(int, re.findall(r"\d+", ink)[:3])) > 180


def test_without_javascript_a_sentence_stands_on_the_page(browser, server):
    """Else it would be white."""
    with opened(browser, server, java_script_enabled=False) as page:
        assert page.locator("body").inner_text().startswith("The explorer needs JavaScript: allow it for this page")


def test_a_page_that_outlives_its_server_goes_on_where_it_was(browser, folder, tmp_path):
    """Idle, it says at the next click that it is to be reloaded; one that waits for an answer loads itself anew."""
    port = find_port()
    with serving(folder, tmp_path, port) as server:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{server[0]}?picture=5")
        shows(page, "SmoothGrad of cat")
    (tmp_path / "said").unlink()
    with serving(folder, tmp_path, port):
        page.get_by_label("Captum's").first.click()
        expect(page.get_by_text("reload this page to go on")).to_be_visible()
        shows(page, "SmoothGrad of cat")
        page.reload()
        shows(page, "SmoothGrad of cat")
        go(page, "What is its idea?")
        page.click("#idea-start")
        shows(page, "the network's idea of")
    (tmp_path / "said").unlink()
    expect(page.get_by_text("Connection to the server was lost")).to_be_visible()
    with serving(folder, tmp_path, port):
        expect(page.locator("img[alt^='the network']")).to_have_count(0)
        page.click('button[title="ray"]')
        go(page, "Where does it look?")
        shows(page, "Saliency of ray")
    context.close()


def test_two_people_do_not_see_each_other_s_pictures_and_who_leaves_stops_the_work(page, browser, server):
    """Each sees the picture chosen there; a tab that is closed while a class emerges ends its processes."""
    with opened(browser, server, "?view=idea") as other:
        page.click('button[title="teapot"]')
        other.click('button[title="snail"]')
        other.click("#idea-start")
        shows(other, "the network's idea of")
        go(other, "Where does it look?")
        shows(page, "Saliency of teapot")
        shows(other, "Saliency of snail")
        assert page.locator('img[alt*="snail for"]').count() == other.locator('img[alt*="teapot for"]').count() == 0
        processes = psutil.Process(server[1].pid).children
        before = processes(recursive=True)
    until = time.monotonic() + PATIENCE / 1000
    while len(processes(recursive=True)) > len(before) - 1:
        assert time.monotonic() < until, f"expected fewer processes than {before}"
        time.sleep(0.3)


def test_the_page_of_figures_fits_a_narrow_window_and_a_click_opens_a_picture_large(browser, tmp_path):
    """A table of twenty columns scrolls in its box; a dialog shows the picture at its own size until Escape."""
    Image.new("RGB", (1640, 300)).save(tmp_path / "wide.png")
    cells = [["unbreakable" * 2] * 20]
    section = gallery.Section("a", "a question?", "", "python -m " + "labs." * 20, columns=cells[0], rows=cells)
    section.pictures = [Picture(tmp_path / "wide.png", "a question?", "a caption")]
    (tmp_path / "page.html").write_text(gallery.fill_page("title", "words", "network", [section]), encoding="utf-8")
    page = browser.new_page(viewport={"width": 500, "height": 800})
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 500
    assert page.evaluate("document.querySelector('.table').scrollWidth") > 500
    assert page.get_by_text("a question?").count() == 2  # the heading, and the link to it
    page.locator("figure button").click()
    assert page.locator("dialog[open] img").bounding_box()["width"] == 1640
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.close()
