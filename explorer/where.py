"""View 1, "Where does it look?": every method's map of one picture, for one class or for two beside each other."""

from collections.abc import Iterator, Sequence

import gradio as gr
import numpy as np

from explorer import browser, colours, markup, networks, places
from explorer.probabilities import likeliest, probabilities
from explorer.session import Session, Sessions
from explorer.story import Story, tell
from explorer.view import Choices, Shown, View, tie
from explorer.worker import Problem
from figures.figure import short

STORY = Story(
    look="**What to look for.** Does the bright patch of Grad-CAM lie on what you would point at yourself? "
    "Choose a second class: which places speak for the one and not for the other? "
    "Guided backprop hardly changes with the class, so is it an explanation of the class at all?",
    formulas=r"""$$M_{h,w} = \max_c \left| \frac{\partial s_y}{\partial x_{c,h,w}} \right| \qquad
\alpha_k = \frac{1}{h\,w} \sum_{i,j} \frac{\partial s_y}{\partial A^k_{i,j}} \qquad
L = \mathrm{ReLU}\Big(\sum_k \alpha_k A^k\Big)$$

$M$ is the saliency map, $L$ Grad-CAM; guided backprop is the gradient where each ReLU lets through only what is
positive both ways, and Guided Grad-CAM is the product of the two.""",
    code="SaliencyMap().compute_saliency_maps(X, y, model)\n"
    "GradCam(layer).guided_backprop(X, y, model)\n"
    "GradCam(layer).grad_cam(X, y, model)",
    parts=("1.1", "1.2", "1.5"),
)
KEY, TITLE = "where", "Where does it look?"
METHODS = {
    "saliency": ("Saliency", "how strongly each pixel moves the score"),
    "grad_cam": ("Grad-CAM", "where the evidence for the class lies"),
    "guided_backprop": ("Guided backprop", "fine edges; mid-grey is zero"),
    "guided_grad_cam": ("Guided Grad-CAM", "the edges within the patch"),
    "integrated_gradients": ("Integrated gradients", "red speaks for the class, blue against it"),
}
# Grad-CAM goes on from the pass that the network's answer took; the last takes a second.
ORDER = ("grad_cam", "saliency", "guided_backprop", "guided_grad_cam", "layer_map", "place", "integrated_gradients")
NONE = -1  # no second class, no place
OURS, CAPTUM, DIFFERENCE = WHOSE = ("ours", "Captum's", "difference")


def build() -> View:
    """The view's controls and panels, inside its tab."""
    tell(STORY)
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=1, min_width=270, elem_classes="x-side"):
            seen = gr.HTML(js_on_load=browser.ROWS)
            target = gr.Dropdown(label="Class", info="any name of it: type to search", elem_id="where-class")
            versus = gr.Dropdown(label="Beside it, a second class", elem_id="where-versus")
            layer = gr.Dropdown(label="Layer of Grad-CAM", elem_id="where-layer")
            whose = gr.Radio(WHOSE, value=OURS, label="Whose maps", elem_id="where-whose")
            with gr.Accordion("Colours", open=False):
                cmap = gr.Dropdown(list(colours.MAPS.items()), value="inferno", label="Colours of the maps")
                strength = gr.Slider(0, 1, 0.6, step=0.05, label="How strongly Grad-CAM lies over the picture")
                outline = gr.Checkbox(False, label="Outline the object, where its mask is known")
        with gr.Column(scale=4, min_width=300):
            notes = gr.HTML()
            with gr.Row(elem_classes="x-panels"):
                panels = {name: gr.HTML(markup.waiting(title)) for name, (title, _) in METHODS.items()}
                panels["layer_map"] = gr.HTML(js_on_load=browser.PLACES)
            place = gr.HTML(js_on_load=browser.PLACES)
    hidden = [gr.Number(NONE, precision=0, visible=False) for _ in range(3)]
    fields = {
        "target": target,
        "versus": versus,
        "layer": layer,
        "whose": whose,
        "cmap": cmap,
        "strength": strength,
        "outline": outline,
        **dict(zip(("row", "column", "channel"), hidden)),
    }
    outputs = {"notes": notes, "seen": seen, **panels, "place": place}
    moved = ("target", "versus")
    return View(KEY, fields, outputs, moved=moved, choices=choices, usual=usual, meet=meet, show=show, wire=wire)


def choices(session: Session) -> Choices:
    names = networks.class_choices(session.source)
    layers = [(name, name) for name in networks.layers(session.source)]
    return {"target": names, "versus": [("none", NONE), *names], "layer": layers}


def usual(session: Session) -> Shown:
    return {"layer": session.source.gradcam_layer}


def meet(session: Session) -> Shown:
    """The picture's likeliest class, and no place of a layer."""
    return {"target": top(session)[1][0], "versus": NONE, "row": NONE, "column": NONE, "channel": NONE}


def wire(sessions: Sessions, view: View) -> None:
    """A bar of the five classes, a place of the layer and a channel can be clicked."""

    def choose_class(session: Session, event: gr.EventData) -> Shown:
        return {"target": top(session)[1][int(event.row)]}

    def choose_place(session: Session, event: gr.EventData) -> Shown:
        return {"row": int(event.row), "column": int(event.column), "channel": NONE}

    def choose_channel(session: Session, event: gr.EventData) -> Shown:
        return {"channel": int(event.channel)}

    tie(view.outputs["seen"].row, sessions, view, show, choose_class)
    tie(view.outputs["layer_map"].place, sessions, view, show, choose_place)
    tie(view.outputs["place"].channel, sessions, view, show, choose_channel)


def show(
    session: Session,
    target: int,
    versus: int,
    layer: str,
    whose: str,
    cmap: str,
    strength: float,
    outline: bool,
    row: int,
    column: int,
    channel: int,
) -> Iterator[Shown]:
    """First what is quick, then the rest, each as soon as it is there."""
    turn, drawn = session.turn(KEY, target, versus), {}
    yield {"seen": seen(session, outline), "notes": markup.notice(session.picture.note)}
    targets = [target] if versus in (NONE, target) else [target, versus]
    said: list[str] = []
    for part in ORDER:
        if part == "layer_map":
            html = places.layer_map(session, layer, cmap, row, column)
        elif part == "place":
            html = places.found(session, layer, cmap, row, column, channel)
        else:
            html, drawn[part] = _panel(session, part, targets, layer, whose, cmap, strength, outline, said)
        if not turn.current:
            return
        session.drawn[KEY] = [panel for method in METHODS for panel in drawn.get(method, [])]
        yield {part: html, "notes": markup.notice(session.picture.note, *dict.fromkeys(said))}


def seen(session: Session, outline: bool) -> str:
    """The picture, and the five classes that the network finds likeliest."""
    picture = session.picture
    pixels = colours.outlined(picture.pixels, picture.mask) if outline else picture.pixels
    likely, ranked = top(session)
    names = [short(session.source.class_names[k]) for k in ranked]
    said = f"the picture: {picture.name}; the network says {names[0]}, {markup.percent(likely[0])}"
    truth = f"A sample: {picture.name}" if picture.label is not None else "Your picture"
    return (
        f'<figure class="x-figure x-seen">{markup.picture(pixels, said)}'
        f"<figcaption>{markup.text(truth)}. The network says:</figcaption>"
        f"{markup.bars(names, likely, 'the five likeliest classes')}</figure>"
    )


def top(session: Session, count: int = 5) -> tuple[list[float], list[int]]:
    """The likeliest classes: probabilities and indices."""
    chances = probabilities(session.scores())
    ranked = likeliest(chances, count)
    return chances[ranked].tolist(), ranked


def values(session: Session, method: str, target: int, layer: str, captum: bool) -> tuple[np.ndarray, list[str]]:
    """The method's map, ours or Captum's, and the notes that came with it. Raises Problem."""
    if method == "guided_grad_cam" and not captum:
        cam, notes = values(session, "grad_cam", target, layer, captum)
        guided, more = values(session, "guided_backprop", target, layer, captum)
        return cam[..., None] * guided, notes + more
    if method == "integrated_gradients":
        return session.result(method, target=target)
    if not captum:
        return session.result(method, target=target, **({"layer": layer} if method == "grad_cam" else {}))
    if method == "saliency":
        return session.result("captum_saliency", target=target)
    maps, notes = session.result("captum_maps", target=target, layer=layer)
    return maps[("guided_backprop", "grad_cam", "guided_grad_cam").index(method)], notes


def _panel(
    session: Session,
    method: str,
    targets: Sequence[int],
    layer: str,
    whose: str,
    cmap: str,
    strength: float,
    outline: bool,
    said: list[str],
) -> tuple[str, list[tuple[str, np.ndarray]]]:
    """The figure of a method, and its pictures with their titles."""
    title, caption = METHODS[method]
    pictures, under, panels = [], [], []
    for target in targets:
        name = short(session.source.class_names[target])
        try:
            pixels, words = _drawn(session, method, target, layer, whose, cmap, strength, said)
        except Problem as problem:
            return markup.missing(title, str(problem)), []
        if outline:
            pixels = colours.outlined(pixels, session.picture.mask)
        pictures.append(markup.picture(pixels, f"{title} of {session.picture.name} for {name}. {words}"))
        under.append(f"<b>{markup.text(name)}</b> {markup.text(words)}")
        panels.append((f"{title}\n{name}", pixels))
    if method == "integrated_gradients":
        caption += "; by Captum"
    elif whose == DIFFERENCE:
        caption = "black where ours and Captum's agree"
    return markup.figure(pictures, title, markup.text(caption), under), panels


def _drawn(
    session: Session,
    method: str,
    target: int,
    layer: str,
    whose: str,
    cmap: str,
    strength: float,
    said: list[str],
) -> tuple[np.ndarray, str]:
    """A map in colours, and what can be said of it."""
    own, notes = values(session, method, target, layer, captum=whose == CAPTUM)
    said += notes
    if whose == DIFFERENCE and method != "integrated_gradients":
        other, _ = values(session, method, target, layer, captum=True)
        return difference(method, own, other, cmap)
    words = hit(own, session.picture.mask)
    if method == "grad_cam":
        return colours.overlay(session.picture.pixels, own, cmap, strength), words
    if method == "saliency":
        return colours.heat(own, cmap), words
    return colours.signed(own) if own.ndim == 2 else colours.about_grey(own), words


def difference(method: str, own: np.ndarray, other: np.ndarray, cmap: str) -> tuple[np.ndarray, str]:
    """Where two maps differ, on the scale of the second, and the largest difference."""
    if method == "guided_grad_cam":  # Captum does not stretch its Grad-CAM, so only the shapes can be compared
        own, other = (maps / max(np.abs(maps).max(), 1e-12) for maps in (own, other))
    apart = np.abs(own - other)
    apart = apart.max(axis=-1) if apart.ndim == 3 else apart
    largest = float(np.abs(other).max())
    words = f"Largest difference {apart.max():.2g}, where the largest value is {largest:.2g}."
    return colours.heat(apart, cmap, largest or 1.0), words


def hit(values: np.ndarray, mask: np.ndarray | None) -> str:
    """Whether the map's strongest place is on the object, and how much of the map is; nothing where no mask is."""
    strength = np.abs(values).sum(axis=-1) if values.ndim == 3 else np.clip(values, 0, None)
    if mask is None or strength.max() <= 0:
        return ""
    on = mask[np.unravel_index(int(strength.argmax()), strength.shape)]
    share, area = strength[mask].sum() / strength.sum(), mask.mean()
    verdict = "Hits the object" if on else "Misses the object"
    return f"{verdict}: {share:.0%} of the map lies on it, {area:.0%} of the picture."
