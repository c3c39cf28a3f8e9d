"""The places of a layer: one is clicked, or walked to with the arrow keys, and shows its channels and their pixels."""

import numpy as np

from explorer import colours, markup
from explorer.session import Session
from explorer.worker import Problem

CHANNELS = 6


def layer_map(session: Session, layer: str, cmap: str, row: int, column: int) -> str:
    """How active the layer is at each place, and the place that was chosen."""
    activity = session.result("layer_activity", layer=layer)
    rows, columns = activity.shape
    shape = session.picture.pixels.shape[:2]
    pixels = colours.enlarged(colours.heat(activity, cmap), shape)
    alt = f"how active layer {layer} is at {rows} by {columns} places"
    mark = ""
    if 0 <= row < rows and 0 <= column < columns:
        left, top = 100 * column / columns, 100 * row / rows
        size = f"width:{100 / columns:.2f}%;height:{100 / rows:.2f}%"
        mark = f'<span class="x-mark" style="left:{left:.2f}%;top:{top:.2f}%;{size}"></span>'
    keys = f'data-rows="{rows}" data-columns="{columns}" data-at="{max(row, 0)},{max(column, 0)}"'
    label = f"{alt}. Arrow keys move to another place."
    box = (
        f'<div class="x-places" tabindex="0" role="application" aria-label="{markup.text(label)}" {keys}>'
        f"{markup.picture(pixels, alt)}{mark}</div>"
    )
    return markup.figure([box], f"Layer {layer}", "click a place, or move with the arrow keys")


def found(session: Session, layer: str, cmap: str, row: int, column: int, channel: int) -> str:
    """The channels that are strongest at the place, and the pixels that excite the neuron of one of them there."""
    rows, columns = session.result("layer_activity", layer=layer).shape
    if not (0 <= row < rows and 0 <= column < columns):
        return ""
    strongest = session.result("place", layer=layer, row=row, column=column, count=CHANNELS)
    if channel not in [number for number, _, _ in strongest]:
        channel = strongest[0][0]
    where, title = f"row {row}, column {column} of {layer}", f"What excites channel {channel} here"
    try:
        response, _ = session.result("neuron", layer=layer, channel=channel, row=row, column=column)
        alt = f"the pixels that excite channel {channel} at {where}"
        neuron = markup.figure(
            [markup.picture(colours.about_grey(response), alt)], title, "mid-grey: no influence"
        )
    except Problem as problem:
        neuron = markup.missing(title, str(problem))
    tiles = "".join(
        f'<button type="button" class="x-tile" data-channel="{number}" aria-pressed="{str(number == channel).lower()}">'
        f"{markup.picture(tile(maps, cmap), f'channel {number}: {value:.3g} at this place')}"
        f"<span>{number}</span></button>"
        for number, value, maps in strongest
    )
    return (
        f'<section class="x-place"><div><h3>Strongest channels at {markup.text(where)}</h3>'
        f'<div class="x-tiles">{tiles}</div></div>{neuron}</section>'
    )


def tile(maps: np.ndarray, cmap: str) -> np.ndarray:
    """A channel's map, small, as it is."""
    return colours.heat(np.abs(maps), cmap)
