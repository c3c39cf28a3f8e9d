"""What is saved: the figure as it was seen, and the settings that made it, in one zip."""

import base64
import io
import json
import zipfile
from typing import Any

import gradio
import numpy as np
import torch
from PIL import Image

from explorer import links
from explorer.session import Session
from explorer.view import View, settings
from figures import figure


def packed(session: Session, view: View) -> str:
    """The zip's name and its bytes in base64, with a bar between; nothing where nothing has been drawn yet."""
    drawn = session.drawn.get(view.key)
    if not drawn:
        return ""
    written = {
        "view": view.key,
        "network": session.source.name,
        "picture": session.picture.name,
        "settings": settings(session, view),
        "link": links.link(session, view),
        "versions": {"torch": torch.__version__, "gradio": gradio.__version__},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("figure.png", figure.png(_figure(session, drawn)))
        archive.writestr("settings.json", json.dumps(written, indent=2))
        archive.writestr("picture.png", _png(session.picture.pixels))
    return f"explorer_{view.key}.zip|{base64.b64encode(file.getvalue()).decode()}"


def _figure(session: Session, drawn: list[tuple[str, np.ndarray]]) -> Any:
    titles, panels = ["picture", *(title for title, _ in drawn)], [session.picture.pixels, *(p for _, p in drawn)]
    return figure.draw([figure.Row(panels, titles=titles)], note=session.source.name)


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
