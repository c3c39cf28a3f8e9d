"""View 4, "Paint": one picture's content in another picture's style, live, with the time that is left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from explorer import markup, networks, pictures
from explorer.links import link
from explorer.markup import pieces
from explorer.session import Session, Sessions
from explorer.view import QUIET, Choices, Shown, Story, View, arrange, show_all
from explorer.worker import Problem

KEY, TITLE = "paint", "Paint"
STORY = Story(
    look="**What to look for.** Which comes first, the colours or the strokes, and when are the houses there? "
    "Take the content loss away, then the style loss: what is left of the picture? "
    "Read style from early layers only, then from late ones: from fine grain to large forms.",
    formulas=r"""$$L = w_c \sum (F - P)^2 + \sum_l w_l \sum_{c,d} (G^l_{c,d} - A^l_{c,d})^2 + w_t \sum (\nabla x)^2$$

$$G_{c,d} = \frac{1}{C\,H\,W} \sum_{h,w} F_{c,h,w} F_{d,h,w}$$

$F$ are the picture's features, $P$ the content's, $G$ and $A$ the Gram matrices of the picture and the style.""",
    code="style_transfer(content_image, style_image, content_loss=ContentLoss(), style_loss=StyleLoss(), ...)",
    parts=("2.1", "2.2", "2.3", "2.4"),
)
ABOVE, OWN = "the picture above", "my own"
TIMES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)  # of the usual weight


def build() -> View:
    STORY.tell()
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=1, min_width=270, elem_classes="x-side"):
            content = gr.Dropdown(label="Content", elem_id="paint-content")
            style = gr.Dropdown(label="Style", elem_id="paint-style")
            own = gr.Image(
                sources=["upload", "clipboard"],
                label="A style of your own",
                buttons=[],
                height=110,
                placeholder="Drop a painting here",
                elem_id="paint-own",
            )
            with gr.Row():
                start = gr.Button("Paint", variant="primary", elem_id="paint-start", min_width=70)
                stop = gr.Button("Cancel", elem_id="paint-stop", min_width=70)
            iterations = gr.Slider(10, 400, 200, step=10, label="Steps")
            with gr.Accordion("Losses and layers", open=False):
                weights = {
                    name: gr.Radio([(f"{times:g} ×", times) for times in TIMES], value=1.0, label=label)
                    for name, label in (
                        ("content_times", "Content loss, times the usual"),
                        ("style_times", "Style loss, times the usual"),
                        ("tv_times", "Total variation, times the usual"),
                    )
                }
                content_layer = gr.Dropdown(label="Content is read from layer")
                style_layers = gr.CheckboxGroup(label="Style is read from layers", elem_id="paint-layers")
                image_size = gr.Slider(96, 384, 192, step=32, label="Size of the content, in pixels")
                style_size = gr.Slider(96, 512, 192, step=32, label="Size of the style: larger is coarser strokes")
        with gr.Column(scale=4, min_width=300):
            notes = gr.HTML()
            sources = gr.HTML()
            live = gr.HTML(elem_classes="x-live")
    fields = {
        "content": content,
        "style": style,
        "iterations": iterations,
        **weights,
        "content_layer": content_layer,
        "style_layers": style_layers,
        "image_size": image_size,
        "style_size": style_size,
    }
    outputs = {"notes": notes, "sources": sources, "live": live, "own": own}
    buttons = {"start": start, "stop": stop}
    return View(fields, outputs, buttons, moved=("style",))


def choices(session: Session) -> Choices:
    source = session.source
    layers = [(f"{i}: {name}", i) for i, name in enumerate(networks.layers(source))]
    contents, styles = [*source.content_images, ABOVE], [*source.style_images, OWN]
    return {
        "content": [(name, name) for name in contents],
        "style": [(name, name) for name in styles],
        "content_layer": layers,
        "style_layers": layers,
    }


def usual(session: Session) -> Shown:
    """The first of the assignment's pairs."""
    pair = networks.pairs(session.source)[0]
    same = ("content", "style", "image_size", "style_size", "content_layer")
    usual = {name: getattr(pair, name) for name in same}
    return usual | {"iterations": pair.num_iterations, "style_layers": list(pair.style_layers)}


def wire(sessions: Sessions, view: View) -> None:
    own = view.outputs["own"]
    parts = [*view.parts().values(), view.address, view.words]

    def choose_own(dropped: dict[str, Any], request: gr.Request) -> Iterator[list[Any]]:
        session = sessions.of(request.session_hash)
        try:
            session.kept["paint own"] = pictures.take_upload(dropped)
        except Problem as problem:
            yield arrange(parts, {own: None, view.outputs["notes"]: markup.notice(str(problem))})
            return
        view.settings(session)["style"] = OWN
        yield arrange(parts, {own: None, view.fields["style"]: OWN, view.address: link(session, KEY)})
        yield from show_all(session, view, show, parts)

    own.upload(choose_own, own, parts, **QUIET)


def show(session: Session, content: str, style: str, **_: Any) -> Iterator[Shown]:
    """The two sources."""
    if session.climbing != KEY:
        yield {"sources": _sources(session, content, style), "notes": ""}


def run(
    session: Session,
    content: str,
    style: str,
    iterations: int,
    content_times: float,
    style_times: float,
    tv_times: float,
    content_layer: int,
    style_layers: list[int],
    image_size: int,
    style_size: int,
) -> Iterator[Shown]:
    """The picture while it is painted, and how long it will take."""
    if not style_layers:
        raise Problem("expected at least one layer that style is read from, got none: tick one")
    pairs = networks.pairs(session.source)
    pair = next((p for p in pairs if p.style == style), pairs[-1])
    layers = sorted(style_layers)
    at_home = (content_layer, tuple(layers)) == (pair.content_layer, tuple(sorted(pair.style_layers)))
    usual = pair.style_weights and at_home
    both = _pair(session, content, style)
    asked = {
        "content": both[0][1],
        "style": both[1][1],
        "iterations": int(iterations),
        "image_size": int(image_size),
        "style_size": int(style_size),
        "content_layer": content_layer,
        "style_layers": layers,
        # Weights belong to layers: for other ones than the usual they are balanced anew.
        "weights": (pair.content_weight, pair.style_weights) if usual else None,
        "times": (content_times, style_times),
        "tv_weight": pair.tv_weight * tv_times,
        "initial_lr": pair.initial_lr,
        "decayed_lr": pair.decayed_lr,
    }
    title, step = f"{content} in the style of {style}", 0
    yield {"sources": _sources(session, content, style), "notes": ""}
    for frame in session.watch(KEY, "paint", **asked):
        step, pixels = frame["step"], frame["pixels"]
        left = frame["each"] * (iterations - step)
        said = f"step {step} of {int(iterations)}" + (f", about {left:.0f} s left" if left >= 1 else "")
        session.drawn[KEY] = [*both, (title, pixels)]
        yield {"live": _figure(title, pixels, said)}
    if 0 < step < iterations:
        yield {"live": _figure(title, pixels, f"stopped at step {step} of {int(iterations)}")}
    chosen = session.settings.get(KEY, {"content": content, "style": style})
    if (chosen["content"], chosen["style"]) != (content, style):
        yield from show(session, **chosen)  # chosen while this was painted, when nothing else was shown


def _figure(title: str, pixels: np.ndarray, said: str) -> str:
    return markup.figure([markup.picture(pixels, f"{title}: {said}", True)], title, said)


def _pixels(session: Session, name: str, files: dict[str, Path]) -> np.ndarray:
    """The picture of this name, as large as it is painted from."""
    if name == ABOVE:
        return session.picture.large
    if name == OWN:
        own = session.kept.get("paint own")
        if own is None:
            raise Problem("expected a style of your own, got none: drop a picture into its field first")
        return own.large
    if name not in files:
        raise Problem(f"expected one of {', '.join(files)}, got {name!r}: choose another picture")
    return pictures.large(files[name])


def _pair(session: Session, content: str, style: str) -> list[tuple[str, np.ndarray]]:
    """The content and the style: their names and pictures."""
    source = session.source
    return [
        (content, _pixels(session, content, source.content_images)),
        (style, _pixels(session, style, source.style_images)),
    ]


def _sources(session: Session, content: str, style: str) -> str:
    pair = zip(("Content", "Style"), _pair(session, content, style))
    return pieces.panels([_figure(title, pictures.small(pixels), name) for title, (name, pixels) in pair], "x-sources")
