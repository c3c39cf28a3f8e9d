"""View 1, "Where does it look?": every method's map of one picture, for one class or for two beside each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

import methods
from explorer import colours, markup, networks
from explorer.markup import pieces
from explorer.networks import likeliest, probabilities
from explorer.session import Session, Sessions, Turn
from explorer.view import Choices, Shown, Story, View, begins, tie
from explorer.worker import Problem
from figures import palette
from figures.figure import short
from methods import BY_CAPTUM, METHODS

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
NONE = -1  # no second class, no place
CHANNELS = 6  # that are strongest at a place
CAPTUMS_PART = "1.5"  # of the assignment, in which methods are Captum's alone
OURS, CAPTUM, DIFFERENCE = WHOSE = ("ours", "Captum's", "difference")


@dataclass(frozen=True)
class Style:
    """The way maps are drawn: whose they are, their colours, and whether the object is outlined."""

    whose: str
    cmap: str
    strength: float
    outline: bool


def method_names() -> list[str]:
    """The methods in the order of their panels: that of the assignment, then those beyond it."""
    return sorted(METHODS, key=lambda name: METHODS[name].part or "9")


def order() -> list[str]:
    """The panels in the order in which they are drawn: Grad-CAM, which most people look for, first."""
    quick = [name for name in method_names() if not METHODS[name].slow]
    slow = [name for name in method_names() if METHODS[name].slow]
    return [methods.CAM, *(name for name in quick if name != methods.CAM), "layer_map", "place", *slow]


def build() -> View:
    """The view's controls and panels, inside its tab."""
    STORY.tell()
    with gr.Row(elem_classes="x-view"):
        with gr.Column(scale=1, min_width=270, elem_classes="x-side"):
            seen = gr.HTML(js_on_load="rows(element, trigger, 'row')")
            target = gr.Dropdown(label="Class", info="any name of it: type to search", elem_id="where-class")
            versus = gr.Dropdown(label="Beside it, a second class", elem_id="where-versus")
            layer = gr.Dropdown(label="Layer of Grad-CAM", elem_id="where-layer")
            whose = gr.Radio(WHOSE, value=OURS, label="Whose maps", elem_id="where-whose")
            with gr.Accordion("Colours", open=False):
                cmap = gr.Dropdown(list(colours.MAPS.items()), value=palette.HEAT, label="Colours of the maps")
                strength = gr.Slider(0, 1, 0.6, step=0.05, label="How strongly Grad-CAM lies over the picture")
                outline = gr.Checkbox(False, label="Outline the object, where its mask is known")
        with gr.Column(scale=4, min_width=300):
            notes = gr.HTML()
            with gr.Row(elem_classes="x-panels"):
                panels = {name: gr.HTML(markup.waiting(METHODS[name].title)) for name in method_names()}
                panels["layer_map"] = gr.HTML(js_on_load="places(element, trigger, 'place', watch)")
            place = gr.HTML(js_on_load="channels(element, trigger, 'channel')")
    hidden = [gr.Number(NONE, precision=0, minimum=NONE, visible=False) for _ in range(3)]
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
    return View(fields, outputs, moved=("target", "versus"))


def choices(session: Session) -> Choices:
    names = networks.class_choices(session.source)
    layers = [(name, name) for name in networks.layers(session.source)]
    return {"target": names, "versus": [("none", NONE), *names], "layer": layers}


def usual(session: Session) -> Shown:
    return {"layer": session.source.gradcam_layer}


def meet(session: Session) -> Shown:
    """The picture's likeliest class, and no place of a layer."""
    return {"target": top(session.turn)[1][0], "versus": NONE, "row": NONE, "column": NONE, "channel": NONE}


def fit(session: Session, shown: Shown) -> Shown:
    """No place and no channel, where the layer has not those that are set."""
    row, column, channel = (shown[name] for name in ("row", "column", "channel"))
    if row == column == channel == NONE:
        return {}
    strongest = find_strongest(session.turn, shown["layer"], row, column)
    if not strongest:
        return {"row": NONE, "column": NONE, "channel": NONE}
    return {} if channel in (NONE, *(number for number, _, _ in strongest)) else {"channel": NONE}


def choose_place(session: Session, event: Any) -> Shown:
    """The place that was clicked or walked to; nothing, if a later one came first, as may be where keys are quick."""
    if event.asked < session.walked:
        return {}
    session.walked = event.asked
    return {"row": int(event.row), "column": int(event.column), "channel": NONE}


def wire(sessions: Sessions, view: View) -> None:
    """Let a bar of the five classes, a place of the layer and a channel be clicked."""

    def choose_class(session: Session, event: gr.EventData) -> Shown:
        return {"target": top(session.turn)[1][int(event.row)]}

    def choose_channel(session: Session, event: gr.EventData) -> Shown:
        return {"channel": int(event.channel)}

    tie(view.outputs["seen"].row, sessions, view, show, choose_class)
    tie(view.outputs["layer_map"].place, sessions, view, show, choose_place)
    tie(view.outputs["place"].channel, sessions, view, show, choose_channel)


@begins
def show(
    session: Session,
    turn: Turn,
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
    style, note, drawn = Style(whose, cmap, strength, outline), turn.picture.note, {}
    yield {"seen": see(turn, style), "notes": markup.notice(note)}
    targets = [target] if versus in (NONE, target) else [target, versus]
    said: list[str] = []
    for part in order():
        if part == "layer_map":
            html = layer_map(turn, layer, cmap, row, column)
        elif part == "place":
            html = place(turn, layer, cmap, row, column, channel)
        else:
            html, drawn[part] = _panel(turn, part, targets, layer, style, said)
        if not turn.current:
            return
        session.drawn[KEY] = [panel for name in method_names() for panel in drawn.get(name, [])]
        yield {part: html, "notes": markup.notice(note, *dict.fromkeys(said))}


def see(turn: Turn, style: Style) -> str:
    """The picture, and the five classes that the network finds likeliest."""
    picture = turn.picture
    pixels = colours.outline(picture.pixels, picture.mask) if style.outline else picture.pixels
    likely, ranked = top(turn)
    names = [short(turn.source.class_names[k]) for k in ranked]
    alt = f"the picture: {picture.name}; the network says {names[0]}, {markup.percent(likely[0])}"
    truth = f"A sample: {picture.name}" if picture.label is not None else "Your picture"
    return pieces.seen(pixels, alt, truth, names, likely)


def top(turn: Turn, count: int = 5) -> tuple[list[float], list[int]]:
    """The likeliest classes: probabilities and indices."""
    chances = probabilities(turn.scores())
    ranked = likeliest(chances, count)
    return chances[ranked].tolist(), ranked


def find(turn: Turn, name: str, target: int, layer: str, captum: bool) -> tuple[np.ndarray, list[str]]:
    """The method's map, ours or Captum's, and the notes that came with it. Raises Problem."""
    function, names = next((given for given in BY_CAPTUM.items() if captum and name in given[1]), ("", (name,)))
    layer = layer if any(METHODS[one].takes_layer for one in names) else ""  # else one answer does for all layers
    if not captum:
        return turn.result("explain", method=name, target=target, layer=layer)
    maps, notes = turn.result("by_captum", function=function, target=target, layer=layer)
    return maps[names.index(name)], notes


def _panel(
    turn: Turn, name: str, targets: Sequence[int], layer: str, style: Style, said: list[str]
) -> tuple[str, list[tuple[str, np.ndarray]]]:
    """The figure of a method, and its pictures with their titles."""
    method = METHODS[name]
    pictures, under, panels = [], [], []
    for target in targets:
        label = short(turn.source.class_names[target])
        try:
            pixels, words = _draw(turn, name, target, layer, style, said)
        except Problem as problem:
            return markup.missing(method.title, str(problem)), []
        if style.outline:
            pixels = colours.outline(pixels, turn.picture.mask)
        pictures.append(markup.picture(pixels, f"{method.title} of {turn.picture.name} for {label}. {words}", True))
        under.append(pieces.named(label, words))
        panels.append((f"{method.title}\n{label}", pixels))
    return markup.figure(pictures, method.title, _caption(name, style.whose), under), panels


def _caption(name: str, whose: str) -> str:
    method = METHODS[name]
    if method.part == CAPTUMS_PART:
        return f"{method.look}; by Captum"
    if whose != OURS and not any(name in names for names in BY_CAPTUM.values()):
        return f"{method.look}; ours: the assignment asks for none of Captum's"
    return "black where ours and Captum's agree" if whose == DIFFERENCE else method.look


def _draw(
    turn: Turn, name: str, target: int, layer: str, style: Style, said: list[str]
) -> tuple[np.ndarray, str]:
    """A map in colours, and what can be said of it."""
    method, alone = METHODS[name], METHODS[name].part == CAPTUMS_PART
    both = not alone and any(name in names for names in BY_CAPTUM.values())
    own, notes = find(turn, name, target, layer, captum=alone or (both and style.whose == CAPTUM))
    said += notes
    if style.whose == DIFFERENCE and both:
        other, _ = find(turn, name, target, layer, captum=True)
        return compare(name, own, other, style.cmap)
    words = hit(own, turn.picture.mask)
    return colours.draw(method.drawn, own, turn.picture.pixels, style.cmap, style.strength), words


def compare(name: str, own: np.ndarray, other: np.ndarray, cmap: str) -> tuple[np.ndarray, str]:
    """A picture of where two maps differ, on the scale of the second, and the largest difference."""
    if name == methods.GUIDED_CAM:  # Captum does not stretch its Grad-CAM, so only the shapes can be compared
        own, other = (maps / max(np.abs(maps).max(), 1e-12) for maps in (own, other))
    apart = np.abs(own - other)
    apart = apart.max(axis=-1) if apart.ndim == 3 else apart
    largest = float(np.abs(other).max())
    words = f"Largest difference {apart.max():.2g}, where the largest value is {largest:.2g}."
    return colours.heat(apart, cmap, largest or 1.0), words


def hit(values: np.ndarray, mask: np.ndarray | None) -> str:
    """A sentence: is the map's strongest place on the object, and how much of the map? Nothing where no mask is."""
    strength = np.abs(values).sum(axis=-1) if values.ndim == 3 else np.clip(values, 0, None)
    if mask is None or strength.max() <= 0:
        return ""
    on = mask[np.unravel_index(int(strength.argmax()), strength.shape)]
    share, area = strength[mask].sum() / strength.sum(), mask.mean()
    verdict = "Hits the object" if on else "Misses the object"
    return f"{verdict}: {share:.0%} of the map lies on it, {area:.0%} of the picture."


# The places of a layer: one is clicked, or walked to with the arrow keys, and shows its channels and their pixels.


def layer_map(turn: Turn, layer: str, cmap: str, row: int, column: int) -> str:
    """A map of how active the layer is at each place, and the place that was chosen."""
    activity = turn.result("layer_activity", layer=layer)
    rows, columns = activity.shape
    pixels = colours.enlarge(colours.heat(activity, cmap), turn.picture.pixels.shape[:2])
    alt = f"how active layer {layer} is at {rows} by {columns} places"
    box = pieces.places(pixels, alt, rows, columns, row, column)
    return markup.figure([box], f"Layer {layer}", "click a place, or move with the arrow keys")


def place(turn: Turn, layer: str, cmap: str, row: int, column: int, channel: int) -> str:
    """The channels that are strongest at the place, and the pixels that excite the neuron of one of them there."""
    strongest = find_strongest(turn, layer, row, column)
    if not strongest:
        return ""
    if channel not in [number for number, _, _ in strongest]:
        channel = strongest[0][0]
    where, title = f"row {row}, column {column} of {layer}", f"What excites channel {channel} here"
    try:
        response, _ = turn.result("neuron", layer=layer, channel=channel, row=row, column=column)
        alt = f"the pixels that excite channel {channel} at {where}"
        picture = markup.picture(colours.about_grey(response), alt, True)
        neuron = markup.figure([picture], title, "mid-grey: no influence")
    except Problem as problem:
        neuron = markup.missing(title, str(problem))
    tiles = [
        pieces.tile(tile(maps, cmap), f"channel {number}: {value:.3g} at this place", number, number == channel)
        for number, value, maps in strongest
    ]
    return pieces.place(where, tiles, neuron)


def find_strongest(turn: Turn, layer: str, row: int, column: int) -> list[tuple[int, float, np.ndarray]]:
    """The channels that are strongest at the place; none where the layer has no such place."""
    rows, columns = turn.result("layer_activity", layer=layer).shape
    if not (0 <= row < rows and 0 <= column < columns):
        return []
    return turn.result("place", layer=layer, row=row, column=column, count=CHANNELS)


def tile(maps: np.ndarray, cmap: str) -> np.ndarray:
    """A channel's map, small, as it is."""
    return colours.heat(np.abs(maps), cmap)
