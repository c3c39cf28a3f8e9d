"""The page: the network and the picture above, the views below as tabs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing leaves this machine
os.environ.setdefault("GRADIO_HEARTBEAT_INTERVAL", "2")  # seconds until a closed tab is noticed

import gradio as gr
from gradio import routes
from gradio.server_messages import UnexpectedErrorMessage
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
NOSCRIPT = b"<noscript>The explorer needs JavaScript: allow it for this page, then reload it.</noscript>"
LONGEST_LINK = 50_000  # letters; Gradio fails at 65,536
TOO_LONG = f"expected a link of at most {LONGEST_LINK:,} letters, got a longer one: copy it again"
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
            views = {module.KEY: _tab(module, sessions, address, words) for module in VIEWS}
        # What may change with the picture, and with the network, or when the page is opened.
        few = [address, network_box, mark, words, own, *(part for v in views.values() for part in v.parts().values())]
        menus = [part for view in views.values() for part in view.fields.values() if part not in few]
        all_parts = [*few, thumbs, tabs, *menus]

        def describe(session: Session, *said: str) -> Parts:
            """The parts above the views."""
            return {
                address: links.link(session, session.open or where.KEY),
                network_box: session.network,
                mark: str(session.picture.number),
                words: markup.notice(*said, session.picture.note),
            }

        def fill(session: Session, *said: str, given: dict[str, Shown] | None = None) -> Parts:
            """The whole page, for another network; given: what a link sets, by view."""
            shown: Parts = {thumbs: markup.thumbs(session.source, session.picture.number)}
            for key, view in views.items():
                values = view.beginning(session) | (given or {}).get(key, {})
                session.settings[key], menu = values, view.choices(session)
                for name, part in view.fields.items():
                    shown[part] = gr.update(choices=menu[name], value=values[name]) if name in menu else values[name]
            return shown | describe(session, *said)

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
            pairs, asked = request.query_params.multi_items(), dict(request.query_params)
            refused, view = links.open_picture(session, asked), views.get(asked.get("view", ""), views[where.KEY])
            given, senseless = links.read_fields(view.fields, view.choices(session), asked)
            known = {"network", "weights", "picture", "sample", *view.fields}
            known |= {"view"} if asked.get("view") == view.key else set()
            unknown = [name for name in asked if name not in known and not name.startswith("__")]  # which is Gradio's
            # Class and place are those of a picture: where another one is looked at, they are not asked for.
            meant = {} if links.has_its_picture(session, asked) else view.meet(session)
            others = [name for name in given if name in meant]
            given = {name: value for name, value in given.items() if name not in others}
            unfit = view.fit(session, view.beginning(session) | given)
            nowhere = [*unknown, *(name for name in given if name in unfit)]
            refused += [*senseless, *(f"{name}={asked[name]}" for name in nowhere)]
            session.open = view.key
            said = links.tell(session, pairs, refused, others)
            shown = fill(session, *said, given={view.key: given | unfit})
            return shown | ({tabs: gr.update(selected=view.key)} if asked else {})

        def choose_network(session: Session, request: gr.Request, key: str) -> Parts:
            session.switch(key)
            return fill(session)

        def choose_sample(session: Session, request: gr.Request, number: int) -> Parts:
            session.choose(pictures.sample(session.source, number % len(session.source.images)))
            return meet(session)

        def choose_own(session: Session, request: gr.Request, dropped: dict[str, Any]) -> Parts:
            session.choose(pictures.take_upload(dropped))
            return meet(session)

        def drop(request: gr.Request, dropped: dict[str, Any] | None) -> Iterator[list[Any]]:
            """Look at what was dropped; a click on the field's icons, where no picture follows, is nothing."""
            yield from choosing(few, choose_own)(request, dropped) if dropped else [arrange(few, {})]

        def choosing(
            parts: list[Any], choose: Callable[..., Parts], find: Callable[[str | None], Session] = sessions.of
        ) -> Callable[..., Iterator[list[Any]]]:
            """The choice, then the open view of it, in one request: each takes the browser and the server a while.

            What goes wrong is said above the views; the picture and the network stay as they were.
            """

            def handle(request: gr.Request, *given: Any) -> Iterator[list[Any]]:
                session = find(request.session_hash)
                try:
                    with session.choosing():
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

        page.load(choosing(all_parts, open_page, sessions.open), None, all_parts, **QUIET)
        network_box.input(choosing(all_parts, choose_network), network_box, all_parts, **QUIET)
        thumbs.pick(pick, None, few, **QUIET)
        own.input(drop, own, few, **QUIET)
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


def _tab(module: Any, sessions: Sessions, address: gr.HTML, words: gr.HTML) -> View:
    """A view in its tab, with the buttons that save it and copy its link."""
    with gr.Tab(module.TITLE, id=module.KEY, elem_id=f"tab-{module.KEY}") as tab:
        view = View.of(module)
        view.address, view.words = address, words
        with gr.Row(elem_classes="x-actions"):
            keep = gr.Button("Save figure and settings", size="sm", elem_classes="x-save")
            link = gr.Button("Copy a link to this", size="sm", elem_classes="x-link")
        download = gr.HTML(visible="hidden", js_on_load="download(props, watch)")
    parts = [*view.parts().values(), address, words]

    def save(request: gr.Request) -> str:
        return links.pack(sessions.of(request.session_hash), view.key)

    def open_tab(request: gr.Request, filled: str | None) -> Iterator[list[Any]]:
        """Show the view of this tab. filled: the address, "" as long as the page is not filled.

        The first tab opens by itself, before the page has said which one is asked for: that counts for nothing.
        """
        if not filled:
            yield arrange(parts, {})
            return
        session = sessions.of(request.session_hash)
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


class ServerEnded(UnexpectedErrorMessage):
    """Message of Gradio to a page that waits for an answer when the server ends: the page is to be loaded anew.

    Told so, it asks until a server is there. Without it, it waits for that answer for good, whatever is clicked.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"session_not_found": True})


def launch(page: gr.Blocks, port: int | None, share: bool, browse: bool) -> str:
    """Serve the page on this machine alone, unless `share`; returns its address."""
    routes.UnexpectedErrorMessage = ServerEnded  # type: ignore[misc]
    _, local, public = page.launch(
        server_name="127.0.0.1",
        server_port=port,
        share=share,
        inbrowser=browse,
        prevent_thread_lock=True,
        quiet=True,
        max_file_size=pictures.MOST_BYTES,
        app_kwargs={"middleware": [Middleware(refuse), Middleware(tell_without_javascript)]},
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


def refuse(app: Any) -> Any:
    """The app without the files that Gradio would send: an upload is deleted while the browser asks for it again.

    Links longer than any of ours, on which Gradio fails, are refused, too.
    """

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        asks = scope["type"] == "http" and "/gradio_api/file=" in scope["path"]
        long = scope["type"] == "http" and len(scope["query_string"]) > LONGEST_LINK
        refusal = PlainTextResponse("no file is sent", 403) if asks else PlainTextResponse(TOO_LONG, 414)
        await (refusal if asks or long else app)(scope, receive, send)

    return answer


def tell_without_javascript(app: Any) -> Any:
    """The app whose page says in words that it needs JavaScript, where there is none: else it would be white."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def add(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [header for header in message["headers"] if header[0] != b"content-length"]
            elif message["type"] == "http.response.body":
                message["body"] = message["body"].replace(b"</body>", NOSCRIPT + b"</body>")
            await send(message)

        await app(scope, receive, add if scope["type"] == "http" and scope["path"] == "/" else send)

    return answer


def _theme() -> gr.themes.Base:
    """Fonts of the machine alone."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )
