"""View 2, "Fool it": the smallest push until the network says something else, step by step, and what is left of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np

from explorer import markup, networks
from explorer.markup import pieces
from explorer.networks import likeliest, probabilities
from explorer.session import Session
from explorer.view import Choices, Shown, Story, View
from figures.figure import short
from figures.images import save_and_read

KEY, TITLE = "fool", "Fool it"
STORY = Story(
    look="**What to look for.** Compare the two pictures before you look at the difference: can you see what changed? "
    "Watch the curves: does the class fall because another rises, or long before? "
    "Save it as JPEG, or ask the other network: a fooling image is made for one network, and for its exact numbers.",
    formulas=r"""$$x \leftarrow x + \eta \, \frac{g}{\Vert g \Vert_2}, \qquad g = \frac{\partial s_t(x)}{\partial x}$$

$t$ is the target, $s_t$ its score before softmax, $\eta$ the length of a step.""",
    code="FoolingImage(learning_rate, max_steps=1).make_fooling_image(x, target, model)  # once for each step",
    parts=("1.3",),
)


@dataclass
class Fooled:
    """The last attempt: what was aimed at, and how far it came."""

    network: str
    picture: str  # its key
    target: int
    pixels: np.ndarray
    scores: np.ndarray
    before: list[float] = field(default_factory=list)  # the first class's probability, step by step
    after: list[float] = field(default_factory=list)  # the target's
    others: list[tuple[str, Sequence[str], np.ndarray]] = field(default_factory=list)  # what does not go by the quality


def build() -> View:
    STORY.tell()
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=1, min_width=270, elem_classes="x-side"):
            target = gr.Dropdown(label="Make the network say", info="any name of a class", elem_id="fool-target")
            rate = gr.Slider(1, 40, 10, step=1, label="Length of a step")
            most = gr.Slider(1, 100, 40, step=1, label="Steps at most")
            with gr.Row():
                start = gr.Button("Fool it", variant="primary", elem_id="fool-start", min_width=70)
                stop = gr.Button("Stop", elem_id="fool-stop", min_width=70)
            quality = gr.Slider(5, 100, 75, step=5, label="Quality of the JPEG that it is saved as")
        with gr.Column(scale=4, min_width=300):
            notes = gr.HTML()
            panels = gr.HTML()
            curve = gr.HTML()
            after = gr.HTML()
    fields = {"target": target, "rate": rate, "most": most, "quality": quality}
    outputs = {"notes": notes, "panels": panels, "curve": curve, "after": after}
    buttons = {"start": start, "stop": stop}
    return View(fields, outputs, buttons)


def choices(session: Session) -> Choices:
    return {"target": networks.class_choices(session.source)}


def usual(session: Session) -> Shown:
    """The target that the assignment aims at."""
    return {"target": session.source.fooling_target}


def show(session: Session, target: int, rate: float, most: int, quality: int) -> Iterator[Shown]:
    """The picture before, or the last attempt where it was made of this picture; a new quality is tried at once."""
    fooled = session.kept.get(KEY)
    if session.climbing == KEY:
        return
    if fooled is None or (fooled.network, fooled.picture) != (session.network, session.picture.key):
        before = f"Before\nthe network says {_say(session, session.scores())}", session.picture.pixels
        yield {"panels": _figures([before], ""), "curve": "", "after": "", "notes": ""}
        session.drawn.pop(KEY, None)
        return
    yield {"after": tell_rest(session, fooled, quality)}


def run(session: Session, target: int, rate: float, most: int, quality: int) -> Iterator[Shown]:
    """Step by step, live; then what is left of it."""
    first = likeliest(session.scores())[0]
    name, aim = (short(session.source.class_names[k]) for k in (first, target))
    fooled = Fooled(session.network, session.picture.key, target, session.picture.pixels, session.scores())
    step, said, started = 0, "", session.picture
    asked = {"picture": started.pixels, "target": target, "learning_rate": float(rate), "most": int(most)}
    for frame in session.watch(KEY, "fool", **asked):
        step = frame["step"]
        said = "; ".join(frame["notes"])
        if "pixels" not in frame:
            break
        fooled.pixels, fooled.scores = frame["pixels"], frame["scores"]
        chances = probabilities(fooled.scores)
        fooled.before.append(float(chances[first]))
        fooled.after.append(float(chances[target]))
        session.drawn[KEY] = panels = _panels(session, started.pixels, frame, step)
        lines = {f"{name}, as at first": fooled.before, f"{aim}, the target": fooled.after}
        yield {
            "notes": "",
            "panels": _figures(panels, name),
            "curve": markup.curves(lines, "What the network thinks, step by step", "step"),
            "after": "",
        }
    session.kept[KEY] = fooled
    yield {"notes": markup.notice(_verdict(fooled, target, aim, step), said)}
    if session.picture is started:
        yield {"after": tell_rest(session, fooled, quality)}
    else:
        yield from show(session, target, rate, most, quality)  # chosen while this climbed, when nothing else was shown


def tell_rest(session: Session, fooled: Fooled, quality: int) -> str:
    """A table: the attempt as the network says once it is saved and read again, and as the other networks say."""
    ours = session.source.class_names

    def ask(kind: str) -> np.ndarray:
        again = save_and_read(fooled.pixels, kind, quality)
        return probabilities(session.ask("scores", picture=again, network=fooled.network))

    if not fooled.others:
        others = [("saved as PNG", ours, ask("PNG"))]
        for other in networks.choices():
            if other.key != fooled.network:
                scores = session.ask("scores", picture=fooled.pixels, network=other.key)
                names = networks.load(other.key, session.device).class_names
                others.append((f"seen by {other.label}", names, probabilities(scores)))
        fooled.others = others
    found = [("the network's own numbers", ours, probabilities(fooled.scores)), fooled.others[0]]
    found += [(f"saved as JPEG, quality {quality}", ours, ask("JPEG")), *fooled.others[1:]]
    rows = []
    for how, names, chances in found:
        said = likeliest(chances)[0]
        target = markup.percent(float(chances[fooled.target])) if names == ours else "has no such class"
        rows.append((how, f"{short(names[said])}, {markup.percent(float(chances[said]))}", target))
    return pieces.table("What is left of it", ["", "it is taken for", short(ours[fooled.target])], rows)


def _say(session: Session, scores: np.ndarray) -> str:
    first = likeliest(scores)[0]
    return f"{short(session.source.class_names[first])}, {markup.percent(float(probabilities(scores)[first]))}"


def _panels(
    session: Session, before: np.ndarray, frame: dict[str, Any], step: int
) -> list[tuple[str, np.ndarray]]:
    difference = frame["difference"]
    ten = np.round(255 * (0.5 + 10 * difference).clip(0, 1)).astype(np.uint8)
    moved = 255 * float(np.abs(difference).mean())
    return [
        ("Before", before),
        (f"After {_count(step)}\n{_say(session, frame['scores'])}", frame["pixels"]),
        (f"Difference, times ten\npixels moved by {moved:.1f} of 255", ten),
    ]


def _figures(panels: list[tuple[str, np.ndarray]], name: str) -> str:
    figures = []
    for words, pixels in panels:
        title, _, under = words.partition("\n")
        under = under or name
        figures.append(markup.figure([markup.picture(pixels, f"{title}: {under}", True)], title, "", [under]))
    return pieces.panels(figures)


def _verdict(fooled: Fooled, target: int, aim: str, step: int) -> str:
    if likeliest(fooled.scores)[0] != target:
        return f"after {_count(step)} the network is not fooled"
    if not step:
        return f"the network says {aim} already: no step is needed"
    return f"the network says {aim} after {_count(step)}"


def _count(step: int) -> str:
    return f"{step} {'step' if step == 1 else 'steps'}"
