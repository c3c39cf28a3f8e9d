"""The page: the network and the picture above, the views below as tabs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing leaves this machine
os.environ.setdefault("GRADIO_HEARTBEAT_INTERVAL", "2")  # seconds until a closed tab is noticed

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from explorer import fool, idea, inside, links, markup, networks, paint, pictures, where
from explorer.session import Session, Sessions
from explorer.view import ONCE, QUIET, Shown, View, arrange, phrase, show_all, tie

HERE = Path(__file__).resolve().parent
MOST_AT_ONCE = 8  # requests of all pages together; further ones wait in the queue
VIEWS = (where, fool, idea, paint, inside)
TITLE = """<h1>What does a convolutional network see?</h1>
<p>Choose a picture, look, poke. What you see is made by the code in this folder: by yours.</p>"""
HEAD = '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
COPY = "() => { navigator.clipboard?.writeText(location.href); }"

Parts = dict[Any, Any]  # new contents by component


def build(network: str, device: str) -> tuple[gr.Blocks, Sessions]:
    """The page, which begins with the network of this key, and the sessions of those who have it open."""
    sessions = Sessions(network, device)
    with gr.Blocks(title="Explorer: what does a network see?", delete_cache=(600, 600)) as page:
        gr.HTML(TITLE, elem_classes="x-title")
        address = gr.HTML(visible="hidden", js_on_load="address(props, watch)")
        with gr.Row(elem_classes="x-picker"):
            with gr.Column(scale=1, min_width=270):
                menu = [(choice.label, choice.key) for choice in networks.choices()]
                network_box = gr.Dropdown(menu, value=network, label="Network", elem_id="network")
            with gr.Column(scale=4, min_width=300):
                thumbs = gr.HTML(js_on_load="thumbs(element, trigger, 'pick')")
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
        mark = gr.HTML(visible="hidden", js_on_load="mark(props, watch)")
        with gr.Tabs(elem_id="views") as tabs:
            views = {module.KEY: _tab(module, sessions, address) for module in VIEWS}
        # What may change with the picture, and with the network, or when the page is opened.
        few = [address, network_box, mark, words, own, *(part for v in views.values() for part in v.parts().values())]
        menus = [part for view in views.values() for part in view.fields.values() if part not in few]
        all_parts = [*few, thumbs, tabs, *menus]

        def describe(session: Session, said: str = "") -> Parts:
            """The parts above the views."""
            return {
                address: links.link(session, session.open or where.KEY),
                network_box: session.network,
                mark: str(session.picture.number),
                words: markup.notice(said, session.picture.note),
            }

        def fill(session: Session, said: str = "", given: dict[str, Shown] | None = None) -> Parts:
            """The whole page, for another network; given: what a link sets, by view."""
            shown: Parts = {thumbs: markup.thumbs(session.source, session.picture.number)}
            for key, view in views.items():
                values = view.beginning(session) | (given or {}).get(key, {})
                session.settings[key], menu = values, view.choices(session)
                for name, part in view.fields.items():
                    shown[part] = gr.update(choices=menu[name], value=values[name]) if name in menu else values[name]
            return shown | describe(session, said)

        def meet(session: Session) -> Parts:
            """Change what depends on the picture. The menus stay: of a thousand classes they take the browser long."""
            shown: Parts = {own: None}  # its place is free again
            for view in views.values():
                met = view.meet(session)
                view.settings(session).update(met)
                shown |= view.place(met)
            return shown | describe(session)

        def open_page(session: Session, request: gr.Request) -> Parts:
            """Fill the page as its link asks, or as it begins."""
            asked = dict(request.query_params)
            refused, view = links.open_picture(session, asked), views.get(asked.get("view", ""), views[where.KEY])
            given, senseless = links.read_fields(view.fields, view.choices(session), asked)
            known = {"network", "picture", *view.fields} | ({"view"} if asked.get("view") == view.key else set())
            unknown = [name for name in asked if name not in known and not name.startswith("__")]  # which is Gradio's
            refused += [*senseless, *(f"{name}={asked[name]}" for name in unknown)]
            session.open = view.key
            said = f"the link asks for {', '.join(refused)}, which is not there: the rest was set" if refused else ""
            return fill(session, said, {view.key: given}) | ({tabs: gr.update(selected=view.key)} if asked else {})

        def choose_network(session: Session, request: gr.Request, key: str) -> Parts:
            session.switch(key)
            return fill(session)

        def choose_sample(session: Session, request: gr.Request, number: int) -> Parts:
            session.choose(pictures.sample(session.source, number % len(session.source.images)))
            return meet(session)

        def choose_own(session: Session, request: gr.Request, dropped: dict[str, Any]) -> Parts:
            session.choose(pictures.take_upload(dropped))
            return meet(session)

        def choosing(parts: list[Any], choose: Callable[..., Parts]) -> Callable[..., Iterator[list[Any]]]:
            """The choice, then the open view of it, in one request: each takes the browser and the server a while.

            What goes wrong is said above the views; the picture and the network stay as they were.
            """

            def handle(request: gr.Request, *given: Any) -> Iterator[list[Any]]:
                session = sessions.of(request.session_hash)
                try:
                    with session.setting:
                        shown = arrange(parts, choose(session, request, *given))
                except Exception as mistake:
                    said = markup.notice(phrase(mistake))
                    yield arrange(parts, {network_box: session.network, words: said, own: None})
                    return
                yield shown
                view = views[session.open or where.KEY]
                yield from show_all(session, view, view.show, parts)

            return handle

        choose = choosing(few, choose_sample)

        def pick(request: gr.Request, event: gr.EventData) -> Iterator[list[Any]]:
            yield from choose(request, int(event.number))

        page.load(choosing(all_parts, open_page), None, all_parts, **QUIET)
        network_box.input(choosing(all_parts, choose_network), network_box, all_parts, **QUIET)
        thumbs.pick(pick, None, few, **QUIET)
        own.input(choosing(few, choose_own), own, few, **QUIET)
        for view in views.values():
            for name, part in view.fields.items():
                if part.visible:
                    tie(part.input, sessions, view, view.show, inputs=[name])
            if view.run:
                tie(view.buttons["start"].click, sessions, view, view.run, inputs=list(view.fields), how=ONCE)
                view.buttons["stop"].click(_stopping(sessions, view.key), None, None, **QUIET)
            view.wire(sessions, view)

        def close_page(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        page.unload(close_page)
    page.queue(default_concurrency_limit=MOST_AT_ONCE, max_size=64)
    return page, sessions


def _tab(module: Any, sessions: Sessions, address: gr.HTML) -> View:
    """A view in its tab, with the buttons that save it and copy its link."""
    with gr.Tab(module.TITLE, id=module.KEY, elem_id=f"tab-{module.KEY}") as tab:
        view = View.of(module)
        view.address = address
        with gr.Row(elem_classes="x-actions"):
            keep = gr.Button("Save figure and settings", size="sm", elem_classes="x-save")
            link = gr.Button("Copy a link to this", size="sm", elem_classes="x-link")
        download = gr.HTML(visible="hidden", js_on_load="download(props, watch)")
    parts = [*view.parts().values(), address]

    def save(request: gr.Request) -> str:
        return links.pack(sessions.of(request.session_hash), view.key)

    def open_tab(request: gr.Request, filled: str | None) -> Iterator[list[Any]]:
        """Show the view of this tab. filled: the address, "" as long as the page is not filled.

        The first tab opens by itself, before the page has said which one is asked for: that counts for nothing.
        """
        session = sessions.of(request.session_hash)
        if not filled:
            yield arrange(parts, {})
            return
        with session.setting:
            session.open = view.key
            view.settings(session)
            shown = {address: links.link(session, view.key)}
        yield arrange(parts, shown)
        yield from show_all(session, view, view.show, parts)

    keep.click(save, None, download, **ONCE)
    link.click(None, js=COPY)
    tab.select(open_tab, address, parts, **QUIET)
    return view


def _stopping(sessions: Sessions, key: str) -> Callable[[gr.Request], None]:
    def stop(request: gr.Request) -> None:
        sessions.of(request.session_hash).stop(key)

    return stop


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
        app_kwargs={"middleware": [Middleware(refuse_files)]},
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=_theme(),
        css_paths=[HERE / "style.css"],
        head=HEAD + f"<script>{(HERE / 'browser.js').read_text(encoding='utf-8')}</script>",
    )
    return public or local


def refuse_files(app: Any) -> Any:
    """The app without the files that Gradio would send: an upload is deleted while the browser asks for it again."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and "/gradio_api/file=" in scope["path"]
        await (PlainTextResponse("no file is sent", 403) if asks else app)(scope, receive, send)

    return answer


def _theme() -> gr.themes.Base:
    """Fonts of the machine alone."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )
