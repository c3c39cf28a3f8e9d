"""The page: the network and the picture above, the views below as tabs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing leaves this machine
os.environ.setdefault("GRADIO_HEARTBEAT_INTERVAL", "2")  # seconds until a closed tab is noticed

import gradio as gr

from explorer import browser, fool, idea, inside, links, markup, networks, paint, pictures, saving, where
from explorer.session import Session, Sessions
from explorer.view import ONCE, QUIET, Change, Shown, View, beginning, listed, placed, settings, showing, spoken, tie
from explorer.worker import LIMIT, ROOT

HERE = Path(__file__).resolve().parent
MOST_AT_ONCE = 8  # requests of all pages together; further ones wait in the queue
VIEWS = (where, fool, idea, paint, inside)
TITLE = """<h1>What does a convolutional network see?</h1>
<p>Choose a picture, look, poke. What you see is made by the code in this folder: by yours.</p>"""


def build(network: str, device: str, limit: float = LIMIT, code: Path = ROOT) -> tuple[gr.Blocks, Sessions]:
    """The page, and the sessions of those who have it open.

    network: the key that it begins with. limit: seconds for a student's function. code: the folder that it is in.
    """
    sessions = Sessions(network, device, limit, code)
    with gr.Blocks(title="Explorer: what does a network see?", delete_cache=(600, 600)) as page:
        gr.HTML(TITLE, elem_classes="x-title")
        address = gr.HTML(visible="hidden", js_on_load=browser.ADDRESS)
        with gr.Row(elem_classes="x-picker"):
            with gr.Column(scale=1, min_width=270):
                menu = [(choice.label, choice.key) for choice in networks.choices()]
                network_box = gr.Dropdown(menu, value=network, label="Network", elem_id="network")
            with gr.Column(scale=4, min_width=300):
                thumbs = gr.HTML(js_on_load=browser.THUMBS)
            with gr.Column(scale=1, min_width=190):
                own = gr.Image(
                    sources=["upload", "clipboard", "webcam"],
                    label="Your own picture",
                    buttons=[],
                    height=132,
                    elem_id="own",
                    placeholder="Drop a picture here",
                )
        words = gr.HTML()
        mark = gr.HTML(visible="hidden", js_on_load=browser.MARK)
        with gr.Tabs(elem_id="views") as tabs:
            views = []
            for module in VIEWS:
                with gr.Tab(module.TITLE, id=module.KEY, elem_id=f"tab-{module.KEY}") as tab:
                    view = module.build()
                    view.tab, view.address = tab, address
                    with gr.Row(elem_classes="x-actions"):
                        keep = gr.Button("Save figure and settings", size="sm", elem_classes="x-save")
                        link = gr.Button("Copy a link to this", size="sm", elem_classes="x-link")
                    download = gr.HTML(visible="hidden", js_on_load=browser.DOWNLOAD)
                    keep.click(_saving(sessions, view), None, download, **ONCE)
                    link.click(None, js=browser.COPY)
                    views.append(view)
        # What may change with the picture, and with the network, or when the page is opened.
        few = [address, network_box, mark, words, own, *(part for view in views for part in view.parts().values())]
        menus = [part for view in views for part in view.fields.values() if part not in few]
        all_parts = [*few, thumbs, tabs, *menus]

        def now(session: Session) -> View:
            return next((view for view in views if view.key == session.open), views[0])

        def about(session: Session, said: str = "") -> dict[Any, Any]:
            """What stands above the views."""
            return {
                address: links.link(session, now(session)),
                network_box: session.network,
                mark: str(session.picture.number),
                words: markup.notice(said, session.picture.note),
            }

        def anew(session: Session, said: str = "", given: dict[str, Shown] | None = None) -> dict[Any, Any]:
            """The whole page, for another network; given: what a link sets, by view."""
            shown: dict[Any, Any] = {thumbs: markup.thumbs(session.source, session.picture.number)}
            for view in views:
                values = beginning(view, session) | (given or {}).get(view.key, {})
                session.settings[view.key], menu = values, view.choices(session)
                for name, part in view.fields.items():
                    shown[part] = gr.update(choices=menu[name], value=values[name]) if name in menu else values[name]
            return shown | about(session, said)

        def met(session: Session) -> dict[Any, Any]:
            """What changes with the picture. The menus stay: with a thousand classes they take the browser long."""
            shown: dict[Any, Any] = {own: None}  # its place is free again
            for view in views:
                settings(session, view).update(view.meet(session))
                shown |= placed(view, view.meet(session))
            return shown | about(session)

        def open_page(session: Session, request: gr.Request) -> dict[Any, Any]:
            said, given = links.opened(session, dict(request.query_params), views)
            session.open = key = next(iter(given), where.KEY)
            return anew(session, said, given) | ({tabs: gr.update(selected=key)} if given else {})

        def choose_network(session: Session, request: gr.Request, key: str) -> dict[Any, Any]:
            session.switch(key)
            return anew(session)

        def choose_sample(session: Session, request: gr.Request, number: int) -> dict[Any, Any]:
            session.choose(pictures.sample(session.source, number % len(session.source.images)))
            return met(session)

        def choose_own(session: Session, request: gr.Request, dropped: dict[str, Any]) -> dict[Any, Any]:
            session.choose(pictures.uploaded(dropped))
            return met(session)

        def choosing(parts: list[Any], choose: Callable[..., dict[Any, Any]]) -> Callable[..., Iterator[list[Any]]]:
            """The choice, then the open view of it, in one request: each takes the browser and the server a while.

            What goes wrong is said above the views; the picture and the network stay as they were.
            """

            def handle(request: gr.Request, *given: Any) -> Iterator[list[Any]]:
                session = sessions.of(request.session_hash)
                try:
                    yield listed(parts, choose(session, request, *given))
                except Exception as mistake:
                    said = markup.notice(spoken(mistake))
                    yield listed(parts, {network_box: session.network, words: said, own: None})
                    return
                for shown in showing(session, now(session), now(session).show):
                    yield listed(parts, shown)

            return handle

        choose = choosing(few, choose_sample)

        def pick(request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
            yield from choose(request, int(event.number))

        page.load(choosing(all_parts, open_page), None, all_parts, **QUIET)
        network_box.input(choosing(all_parts, choose_network), network_box, all_parts, **QUIET)
        thumbs.pick(pick, None, few, **QUIET)
        own.input(choosing(few, choose_own), own, few, **QUIET)
        for view in views:
            tie(view.tab.select, sessions, view, view.show, _opening(view))
            for name, part in view.fields.items():
                if part.visible:
                    tie(part.input, sessions, view, view.show, inputs=[name])
            view.wire(sessions, view)

        def close_page(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        page.unload(close_page)
    page.queue(default_concurrency_limit=MOST_AT_ONCE, max_size=64)
    return page, sessions


def launch(page: gr.Blocks, port: int | None, share: bool, browse: bool) -> str:
    """Serve the page on this machine alone, unless `share`; returns its address."""
    _, local, public = page.launch(
        server_name="127.0.0.1",
        server_port=port,
        share=share,
        inbrowser=browse,
        prevent_thread_lock=True,
        quiet=True,
        max_file_size=pictures.MOST_BYTES,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=_theme(),
        css_paths=[HERE / "style.css"],
        head=browser.HEAD,
    )
    return public or local


def _theme() -> gr.themes.Base:
    """Fonts of the machine alone."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )


def _opening(view: View) -> Change:
    def opening(session: Session, event: gr.EventData) -> Shown | None:
        if not session.open:
            return None  # the first tab opens by itself, before the page has said which one is asked for
        session.open = view.key
        return {}

    return opening


def _saving(sessions: Sessions, view: View) -> Callable[..., str]:
    def save(request: gr.Request) -> str:
        return saving.packed(sessions.of(request.session_hash), view)

    return save
