"""Links that bring settings back: they stand in the page's address, as ?view=where&picture=3&target=5&..."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gradio as gr

from explorer import networks, pictures
from explorer.session import Session

if TYPE_CHECKING:
    from explorer.view import View


def link(session: Session, view: "View") -> str:
    """The query that stands for what is set on this page."""
    asked: dict[str, Any] = {"view": view.key, "network": session.network}
    if session.picture.number is not None:
        asked["picture"] = session.picture.number
    for name, value in session.settings[view.key].items():
        if value is not None and value != -1:
            asked[name] = ".".join(map(str, value)) if isinstance(value, list) else written(value)
    return "?" + urlencode(asked)


def opened(session: Session, asked: dict[str, str], views: Iterable["View"]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Set the session as a link asks for; returns what to say of it, and the fields of the view that it names.

    What makes no sense is left as it is, and said.
    """
    refused = []
    network = asked.get("network", session.network)
    if network in [choice.key for choice in networks.choices()]:
        session.switch(network)
    else:
        refused.append(f"network={network}")
    if "picture" in asked:
        number = _number(asked["picture"])
        if number is not None and 0 <= number < len(session.source.images):
            session.choose(pictures.sample(session.source, int(number)))
        else:
            refused.append(f"picture={asked['picture']}")
    view = next((view for view in views if view.key == asked.get("view")), None)
    given: dict[str, dict[str, Any]] = {}
    if view is not None:
        given[view.key] = {}
        choices = view.choices(session)
        for name, part in view.fields.items():
            if name in asked:
                value = read(part, asked[name], choices.get(name) or getattr(part, "choices", []))
                if value is None:
                    refused.append(f"{name}={asked[name]}")
                else:
                    given[view.key][name] = value
    said = f"the link asks for {', '.join(refused)}, which is not there: the rest was set" if refused else ""
    return said, given


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(part: Any, words: str, choices: Sequence[tuple[str, Any]]) -> Any:
    """The value that these words give to the control; None where they make no sense."""
    if choices:
        values = {written(value): value for _, value in choices}
        if isinstance(part, gr.CheckboxGroup):
            return [values[word] for word in words.split(".")] if set(words.split(".")) <= set(values) else None
        return values.get(words)
    if isinstance(part, gr.Checkbox):
        return words == "1" if words in ("0", "1") else None
    number = _number(words)
    if number is None:
        return None
    if isinstance(part, gr.Slider):
        number = number if part.minimum <= number <= part.maximum else None
        return int(number) if number is not None and isinstance(part.step, int) else number
    return int(number)


def _number(words: str) -> float | None:
    try:
        number = float(words)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None  # neither NaN nor infinity
