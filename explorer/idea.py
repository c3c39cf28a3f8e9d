"""View 3, "What is its idea?": a class's picture while it climbs out of noise, and two settings beside each other."""

from collections.abc import Iterator

import gradio as gr
import numpy as np

from explorer import markup, networks
from explorer.markup import pieces
from explorer.networks import likeliest, probabilities
from explorer.session import Session, Sessions
from explorer.view import QUIET, Choices, Shown, Story, View
from figures.figure import short
from pretrained.settings import CLASS_VISUALIZATION

KEY, TITLE = "idea", "What is its idea?"
STORY = Story(
    look="**What to look for.** Search the picture for parts of the thing: eyes, legs, strings, in several places and "
    "sizes. Take the blur and the jitter away and start again: the class scores as well, and what do you still "
    "recognise? Another seed gives another picture of the same idea.",
    formulas=r"""$$I^* = \arg\max_I \ s_y(I) - \lambda \Vert I \Vert_2^2$$

$\lambda$ is L2. Blur, jitter and clamping are not in the formula: they are done to the picture between the steps.""",
    code="ClassVisualization().create_class_visualization(target_y, class_names, model, l2_reg=..., seed=...)",
    parts=("1.4",),
)
NEVER = 0  # of the blur's slider


def build() -> View:
    STORY.tell()
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=1, min_width=270, elem_classes="x-side"):
            target = gr.Dropdown(label="Class", info="any name of it: type to search", elem_id="idea-class")
            seed = gr.Slider(0, 99, 0, step=1, label="Seed of the noise")
            with gr.Row():
                start = gr.Button("Start", variant="primary", elem_id="idea-start", min_width=70)
                pause = gr.Button("Pause", elem_id="idea-pause", min_width=70)
                stop = gr.Button("Stop", elem_id="idea-stop", min_width=70)
            iterations = gr.Slider(10, 300, 100, step=10, label="Iterations")
            rate = gr.Slider(1, 60, 25, step=1, label="Length of a step")
            l2 = gr.Slider(0, 0.01, 0.001, step=0.0005, label="L2: how much large values cost")
            blur = gr.Slider(NEVER, 30, 10, step=1, label="Blur every so many steps", info="0 is never")
            jitter = gr.Slider(1, 64, 16, step=1, label="Jitter, in pixels", info="1 is none")
            clamp = gr.Slider(1, 5, 1, step=0.5, label="Clamp", info="1 keeps colours valid; more lets them go")
        with gr.Column(scale=4, min_width=300):
            notes = gr.HTML()
            with gr.Row(elem_classes="x-panels x-wide"):
                live = gr.HTML(markup.figure([pieces.blank("no picture yet", "x-still")], "Press Start"))
                kept = gr.HTML()
            with gr.Row(elem_classes="x-actions"):
                keep = gr.Button("Keep this beside, to compare", size="sm", elem_id="idea-keep")
            curve = gr.HTML()
    fields = {"target": target, "seed": seed, "iterations": iterations, "rate": rate}
    fields |= {"l2": l2, "blur": blur, "jitter": jitter, "clamp": clamp}
    outputs = {"notes": notes, "live": live, "kept": kept, "curve": curve, "pause": pause}
    buttons = {"start": start, "stop": stop, "keep": keep}
    return View(fields, outputs, buttons)


def choices(session: Session) -> Choices:
    return {"target": networks.class_choices(session.source)}


def usual(session: Session) -> Shown:
    """The settings that suit the network."""
    ascent = CLASS_VISUALIZATION[session.source.recipe]
    return {
        "target": session.source.visualization_targets[0],
        "iterations": ascent.num_iterations,
        "rate": ascent.learning_rate,
        "l2": ascent.l2_reg,
        "blur": ascent.blur_every,
        "jitter": ascent.max_jitter,
    }


def wire(sessions: Sessions, view: View) -> None:
    pause = view.outputs["pause"]

    def pause_or_go(words: str, request: gr.Request) -> str:
        session = sessions.of(request.session_hash)
        if words == "Pause" and session.climbing == KEY:
            session.worker.pause()
            return "Go on"
        session.worker.go()
        return "Pause"

    def keep(request: gr.Request) -> str:
        return put_beside(sessions.of(request.session_hash))

    pause.click(pause_or_go, pause, pause, **QUIET)
    view.buttons["keep"].click(keep, None, view.outputs["kept"], **QUIET)


def run(
    session: Session,
    target: int,
    seed: int,
    iterations: int,
    rate: float,
    l2: float,
    blur: int,
    jitter: int,
    clamp: float,
) -> Iterator[Shown]:
    """The picture, live, and how sure the network is of it."""
    name = short(session.source.class_names[target])
    asked = {
        "target": target,
        "iterations": int(iterations),
        "seed": int(seed),
        "learning_rate": float(rate),
        "l2_reg": float(l2),
        "blur_every": int(blur) if blur > NEVER else int(iterations) + 1,
        "max_jitter": int(jitter),
        "clamp": float(clamp),
    }
    settings = f"seed {seed}, L2 {l2:g}, blur {blur or 'never'}, jitter {jitter}, clamp {clamp:g}, step {rate:g}"
    chances: list[float] = []
    yield {"notes": "", "pause": "Pause"}
    for frame in session.watch(KEY, "idea", **asked):
        now = probabilities(frame["scores"])
        chances.append(float(now[target]))
        said = short(session.source.class_names[likeliest(now)[0]])
        under = f"iteration {frame['iteration']} of {int(iterations)}: the network says {said}, "
        under += markup.percent(float(now.max()))
        session.kept[KEY] = (name, settings, under, frame["pixels"])
        session.drawn[KEY] = _pictures(session)
        yield {
            "live": _figure(name, settings, under, frame["pixels"]),
            "curve": markup.curves({name: chances}, "How sure the network is of what it sees", "picture"),
            "notes": markup.notice(*frame["notes"]),
        }
    yield {"pause": "Pause"}


def put_beside(session: Session) -> str:
    """Keep the present picture beside, until another is kept."""
    if KEY not in session.kept:
        return ""
    session.kept["idea beside"] = session.kept[KEY]
    session.drawn[KEY] = _pictures(session)
    name, settings, under, pixels = session.kept["idea beside"]
    return _figure(name, settings, under, pixels, "Kept: ")


def _pictures(session: Session) -> list[tuple[str, np.ndarray]]:
    pictures = [session.kept[key] for key in (KEY, "idea beside") if key in session.kept]
    return [(f"{name}\n{settings}", pixels) for name, settings, _, pixels in pictures]


def _figure(name: str, settings: str, under: str, pixels: np.ndarray, before: str = "") -> str:
    picture = markup.picture(pixels, f"the network's idea of {name}, {under}", True)
    return markup.figure([picture], f"{before}{name}", settings, [under])
