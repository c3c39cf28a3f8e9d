"""The page: the network and the picture above, the views below as tabs."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing leaves this machine
os.environ.setdefault("GRADIO_HEARTBEAT_INTERVAL", "2")  # seconds until a closed tab is noticed

import gradio as gr

from explorer import browser, fool, idea, inside, links, markup, networks, paint, pictures, saving, where
from explorer.session import Session, Sessions
from explorer.view import LAST, ONCE, QUIET, View, beginning, filled, handler, spoken
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
        seen = gr.Textbox(where.KEY, visible=False)  # the view whose tab is open
        with gr.Tabs(elem_id="views") as tabs:
            views = []
            for module in VIEWS:
                with gr.Tab(module.TITLE, id=module.KEY, elem_id=f"tab-{module.KEY}") as tab:
                    view = module.build()
                    view.tab = tab
                    with gr.Row(elem_classes="x-actions"):
                        keep = gr.Button("Save figure and settings", size="sm", elem_classes="x-save")
                        link = gr.Button("Copy a link to this", size="sm", elem_classes="x-link")
                    download = gr.HTML(visible="hidden", js_on_load=browser.DOWNLOAD)
                    keep.click(_saving(sessions, view), list(view.fields.values()), download, **ONCE)
                    link.click(None, js=browser.COPY)
                    views.append(view)
        above = [network_box, thumbs, words, tabs, seen, own]
        everything = [*above, *(part for view in views for part in view.fields.values())]

        def open_page(session: Session, request: gr.Request) -> list[Any]:
            said, given = links.opened(session, dict(request.query_params), views)
            return _state(session, views, said, given, choices=True)

        def choose_network(session: Session, request: gr.Request, key: str) -> list[Any]:
            session.switch(key)
            return _state(session, views, choices=True)

        def choose_sample(session: Session, request: gr.Request, number: int) -> list[Any]:
            session.choose(pictures.sample(session.source, number % len(session.source.images)))
            return _state(session, views)

        def choose_own(session: Session, request: gr.Request, dropped: dict[str, Any]) -> list[Any]:
            session.choose(pictures.uploaded(dropped))
            return _state(session, views)

        def telling(choose: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
            """What goes wrong is said above the views; the picture and the network stay as they were."""

            def tell(request: gr.Request, *values: Any) -> list[Any]:
                session = sessions.of(request.session_hash)
                try:
                    return choose(session, request, *values)
                except Exception as mistake:
                    said = markup.notice(spoken(mistake))
                    new = {network_box: session.network, words: said, own: None}
                    return [new.get(part, gr.skip()) for part in everything]

            return tell

        def pick(request: gr.Request, event: gr.EventData) -> list[Any]:
            return telling(choose_sample)(request, int(event.number))

        chosen = [
            page.load(telling(open_page), None, everything, **QUIET),
            network_box.input(telling(choose_network), network_box, everything, **QUIET),
            thumbs.pick(pick, None, everything, **QUIET),
            own.input(telling(choose_own), own, everything, **QUIET),
        ]
        for view in views:
            fields, parts = list(view.fields.values()), list(view.parts().values())
            opened = view.tab.select(None, None, seen, js=f"() => '{view.key}'", trigger_mode="multiple")
            if view.show is not None:
                show = handler(sessions, view, view.show, only_when_open=True)
                for event in [*chosen, opened]:
                    event.then(show, [seen, *fields], parts, **QUIET)
                gr.on(
                    [part.input for part in fields if hasattr(part, "input")],
                    show,
                    [seen, *fields],
                    parts,
                    **QUIET,
                )
            view.wire(sessions, view)
            brings_back = _address(sessions, [view])
            opened.then(brings_back, [seen, *fields], address, **QUIET)
            gr.on([part.change for part in fields], brings_back, [seen, *fields], address, **LAST)
        settings = [part for view in views for part in view.fields.values()]
        for event in chosen:  # one request for all views: each takes a hundredth of a second
            event.then(_address(sessions, views), [seen, *settings], address, **QUIET)

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


def _state(
    session: Session, views: Sequence[View], said: str = "", given: dict[str, dict] | None = None, choices: bool = False
) -> list[Any]:
    """What the upper part of the page and all fields become for the session's network and picture."""
    given = given or {}
    chosen = next(iter(given), None)
    values: list[Any] = [
        session.network,
        markup.thumbs(session.source, session.picture.number),
        markup.notice(said, session.picture.note),
        gr.update(selected=chosen) if chosen else gr.skip(),
        chosen or gr.skip(),
        None,  # the place for one's own picture is free again
    ]
    for view in views:
        met = (beginning(view, session) if choices else view.meet(session)) | given.get(view.key, {})
        menus = view.choices(session) if choices else {}
        for name in view.fields:
            if name in menus:
                values.append(gr.update(choices=menus[name], value=met.get(name)))
            else:
                values.append(met.get(name, gr.skip()))
    return values


def _saving(sessions: Sessions, view: View) -> Callable[..., str]:
    def save(request: gr.Request, *values: Any) -> str:
        session = sessions.of(request.session_hash)
        return saving.packed(session, view, filled(view, session, values))

    return save


def _address(sessions: Sessions, views: Sequence[View]) -> Callable[..., Any]:
    """The address that brings the open view's settings back; its values are among those of all fields of `views`."""

    def address(request: gr.Request, seen: str, *values: Any) -> Any:
        session, first = sessions.of(request.session_hash), 0
        for view in views:
            if view.key == seen:
                return links.link(session, view, filled(view, session, values[first : first + len(view.fields)]))
            first += len(view.fields)
        return gr.skip()

    return address
