"""View 5, "Inside": every layer's strongest channels for this picture, and what excites one channel most."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np

from explorer import colours, markup, networks, pictures, where
from explorer.markup import pieces
from explorer.session import Session, Sessions, Turn
from explorer.view import Choices, Shown, Story, View, begins, tie
from explorer.worker import Problem
from figures import palette

KEY, TITLE = "inside", "Inside"
STORY = Story(
    look="**What to look for.** Go down the page from edges and colours to coarse maps: where does a channel begin to "
    "mean a thing? Click a channel and look at the samples that excite it most: what do they share? "
    "Let it draw what it looks for, and compare.",
    formulas=r"""$$A^k_{i,j} \quad \text{channel } k \text{ of a layer's output at place } (i, j), \qquad
I^* = \arg\max_I \ \frac{1}{h\,w} \sum_{i,j} A^k_{i,j}(I)$$

A tile is one $A^k$. What a channel draws is part 1.4 with the channel's mean in place of a class's score.""",
    code="ClassVisualization().create_class_visualization(k, names, channels_of(model, layer))",
    parts=("1.4",),
)
TILES = 8
SAMPLES = 3
ITERATIONS = 60
# Longer steps and more blur than a class's picture has: the pattern stands out of the noise after a dozen iterations.
CLIMB = {"seed": 0, "learning_rate": 50.0, "l2_reg": 0.0, "blur_every": 3, "max_jitter": 16}


def build() -> View:
    STORY.tell()
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=3, min_width=300):
            notes = gr.HTML()
            layers = gr.HTML(js_on_load="channels(element, trigger, 'channel')")
        with gr.Column(scale=2, min_width=280, elem_classes="x-sticky"):
            with gr.Row():
                layer = gr.Dropdown(label="Layer", elem_id="inside-layer")
                channel = gr.Number(-1, precision=0, minimum=-1, label="Channel", elem_id="inside-channel")
            exciting = gr.HTML()
            with gr.Row():
                draws: dict[str, Any] = {"variant": "primary", "elem_id": "inside-start", "scale": 2, "min_width": 70}
                start = gr.Button("Draw what it looks for", **draws)
                stop = gr.Button("Stop", elem_id="inside-stop", min_width=70)
            dream = gr.HTML()
    fields = {"layer": layer, "channel": channel}
    outputs = {"notes": notes, "layers": layers, "exciting": exciting, "dream": dream}
    buttons = {"start": start, "stop": stop}
    return View(fields, outputs, buttons, moved=("layer", "channel"))


def choices(session: Session) -> Choices:
    return {"layer": [(name, name) for name in networks.layers(session.source)]}


def usual(session: Session) -> Shown:
    return {"layer": session.source.gradcam_layer}


def meet(session: Session) -> Shown:
    """The strongest channel, whichever it is."""
    return {"channel": -1}


def wire(sessions: Sessions, view: View) -> None:
    def choose(session: Session, event: gr.EventData) -> Shown:
        session.begin()  # what is still drawn must not write its own channel over this one
        return {"layer": str(event.layer), "channel": int(event.channel)}

    tie(view.outputs["layers"].channel, sessions, view, show, choose)


@begins
def show(session: Session, turn: Turn, layer: str, channel: int) -> Iterator[Shown]:
    """The tiles of all layers, then the samples that excite the chosen channel most."""
    names = networks.layers(turn.source)
    strongest = turn.result("strongest", layers=tuple(names), count=TILES)
    if channel < 0:
        channel = strongest[layer][0][0]
    rows, drawn = [], []
    for name in names:
        tiles = []
        for number, peak, maps in strongest[name]:
            pixels = where.tile(maps, palette.HEAT)
            alt = f"channel {number} of {name}, at most {peak:.3g}"
            tiles.append(pieces.tile(pixels, alt, number, (name, number) == (layer, channel), name))
            if name == layer:
                drawn.append((f"{name}\nchannel {number}", pixels))
        h, w = strongest[name][0][2].shape
        rows.append((name, f"{h} x {w}", tiles))
    if not turn.current:  # a tile was clicked meanwhile, and its channel stands there
        return
    session.drawn[KEY] = drawn
    yield {"layers": pieces.layers(rows), "notes": "", "channel": channel}
    if turn.current:
        found, samples = exciting(turn, layer, channel)
        if turn.current:
            session.drawn[KEY] = drawn + samples
            yield {"exciting": found}


def exciting(turn: Turn, layer: str, channel: int) -> tuple[str, list[tuple[str, np.ndarray]]]:
    """The samples that excite the channel most, with its map over them; and the same to be saved."""
    try:
        found = turn.result("exciting", layer=layer, channel=channel, count=SAMPLES)
    except Problem as problem:
        return markup.missing(f"Samples that excite channel {channel} most", str(problem)), []
    cells, under, drawn = [], [], []
    for number, peak, cam in found:
        sample = pictures.sample(turn.source, number)
        pixels = colours.overlay(sample.pixels, cam, palette.HEAT, 0.55)
        alt = f"sample {number}, {sample.name}, and where channel {channel} of {layer} is active in it"
        cells.append(markup.picture(pixels, alt, True))
        under.append(f"{sample.name}, {peak:.3g}")
        drawn.append((f"excites channel {channel}\n{sample.name}", pixels))
    caption = f"of the {len(turn.source.images)} samples; bright is where the channel is active"
    return markup.figure(cells, f"What excites channel {channel} of {layer} most", caption, under), drawn


def run(session: Session, layer: str, channel: int) -> Iterator[Shown]:
    """The picture that the channel likes best, live."""
    title = f"What channel {channel} of {layer} looks for"
    before = session.drawn.get(KEY, [])
    for frame in session.watch(KEY, "channel", layer=layer, channel=int(channel), iterations=ITERATIONS, **CLIMB):
        said = f"iteration {frame['iteration']} of {ITERATIONS}"
        session.drawn[KEY] = [*before, (title, frame["pixels"])]
        yield {
            "dream": markup.figure([markup.picture(frame["pixels"], f"{title}, {said}", True)], title, said),
            "notes": markup.notice(*frame["notes"]),
        }
