"""Links and zips: both say what is set on a page. A link stands in its address, as ?view=where&picture=3&target=5."""

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
import torch
from PIL import Image

from explorer import networks, pictures
from explorer.session import Session
from figures import figure
from pretrained import SourceError


def link(session: Session, key: str) -> str:
    """The query that stands for what is set on this page, in the view of this key."""
    asked: dict[str, Any] = {"view": key, "network": session.network, "weights": session.source.weights}
    if session.picture.number is None:
        asked["picture"] = "own"  # no link holds it: who opens this is told so
    else:
        asked |= {"picture": session.picture.number, "sample": session.picture.name}
    for name, value in session.settings[key].items():
        if value is not None and value != -1:
            asked[name] = ".".join(map(str, value)) if isinstance(value, list) else write(value)
    return "?" + urlencode(asked)


def describe(session: Session, key: str) -> tuple[dict[str, Any], np.ndarray]:
    """Network, settings and link of a view as they are now, and the picture that it looks at."""
    versions = {"torch": torch.__version__, "gradio": gr.__version__}
    said = {
        "view": key,
        "network": session.source.name,
        "picture": session.picture.name,
        "settings": dict(session.settings[key]),
        "link": link(session, key),
        "versions": versions,
    }
    return said, session.picture.pixels


def open_picture(session: Session, asked: dict[str, str]) -> list[str]:
    """Look through the network and at the sample that a link asks for; returns what is not there of it."""
    refused = []
    network = asked.get("network", session.network)
    with suppress(SourceError):  # its package may be missing
        if network in [choice.key for choice in networks.choices()]:
            session.switch(network)
    if session.network != network:
        refused.append(f"network={network}")
    if "picture" in asked:
        number = _number(asked["picture"])
        if number is not None and number in range(len(session.source.images)):
            session.choose(pictures.sample(session.source, int(number)))
        else:
            refused.append(f"picture={asked['picture']}")
    return refused


def tell(
    session: Session, pairs: Sequence[tuple[str, str]], refused: Sequence[str], others: Sequence[str]
) -> list[str]:
    """Sentences on a link of these pairs.

    refused: what is not there of it. others: the names of what belongs to another picture than the one that is there.
    """
    asked, said = dict(pairs), []
    here = {"weights": session.source.weights, "sample": session.picture.name}
    if other := [name for name in here if asked.get(name, here[name]) != here[name]]:
        made, found = (", ".join(f"{name}={values[name]}" for name in other) for values in (asked, here))
        said.append(f"the link was made with {made}, and here is {found}")
    if refused:
        said.append(f"the link asks for {', '.join(refused)}, which is not there: the rest was set")
    if others:
        left = ", ".join(f"{name}={asked[name]}" for name in others)
        said.append(f"the link means another picture by {left}: this was left out")
    if twice := [f"{name}={value}" for name, value in pairs if value != asked[name]]:
        said.append(f"the link asks for {', '.join(twice)} and for something else in its place: that was set")
    return said


def has_its_picture(session: Session, asked: dict[str, str]) -> bool:
    """Tell whether the page looks at the picture that the link was made with, as far as the link says which."""
    number, name = session.picture.number, session.picture.name
    return _number(asked.get("picture", str(number))) == number and asked.get("sample", name) == name


def read_fields(
    fields: dict[str, Any], choices: dict[str, Sequence[tuple[str, Any]]], asked: dict[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The fields that a link asks for, and what makes no sense of it. choices: of menus, by field."""
    given, refused = {}, []
    for name, part in fields.items():
        if name in asked:
            value = read(part, asked[name], choices.get(name) or getattr(part, "choices", []))
            if value is None:
                refused.append(f"{name}={asked[name]}")
            else:
                given[name] = value
    return given, refused


def write(value: Any) -> str:
    """A field's value as it stands in a link."""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(part: Any, words: str, choices: Sequence[tuple[str, Any]]) -> Any:
    """The value that these words give to the control; None where they make no sense."""
    if choices:
        values = {write(value): value for _, value in choices}
        if isinstance(part, gr.CheckboxGroup):
            return [values[word] for word in words.split(".")] if set(words.split(".")) <= set(values) else None
        return values.get(words)
    if isinstance(part, gr.Checkbox):
        return words == "1" if words in ("0", "1") else None
    number, whole = _number(words), not isinstance(part, gr.Slider) or isinstance(part.step, int)
    most = float("inf") if part.maximum is None else part.maximum
    if number is None or (whole and number % 1) or not part.minimum <= number <= most:
        return None
    return int(number) if whole else number


def pack(session: Session, key: str) -> str:
    """Pack what a view has drawn, with the settings that made it: a zip's name and its bytes in base64, after a bar.

    Nothing where nothing has been drawn yet.
    """
    drawn = session.drawn.get(key)
    if not drawn:
        return ""
    written, pixels = session.made.get(key) or describe(session, key)
    titles, panels = zip(("picture", pixels), *drawn)
    row = figure.Row(panels, titles=titles)
    file, picture = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("figure.png", figure.png(figure.draw([row], note=written["network"])))
        archive.writestr("settings.json", json.dumps(written, indent=2))
        archive.writestr("picture.png", picture.getvalue())
    return f"explorer_{key}.zip|{base64.b64encode(file.getvalue()).decode()}"


def _number(words: str) -> float | None:
    try:
        number = float(words)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None  # neither NaN nor infinity
