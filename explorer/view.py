"""What every view is to the page: its controls, what it shows, and how the two are tied to functions of a session."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from explorer.markup import notice
from explorer.session import Session, Sessions
from explorer.worker import Problem

# Of every event. Without preprocessing, what is wrong with a value is told by us, and not in a red box by Gradio.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}

Shown = dict[str, Any]  # new contents of outputs and fields, by their names
Choices = dict[str, Sequence[tuple[str, Any]]]  # labels and values of a menu, by its field's name
Show = Callable[..., Iterator[Shown]]  # of a session and the fields, by their names


@dataclass
class View:
    """fields: what can be set, by the names that stand in links. outputs: what shows. notes: the output for words."""

    key: str
    fields: dict[str, Any]
    outputs: dict[str, Any]
    buttons: dict[str, Any] = field(default_factory=dict)
    tab: Any = None
    choices: Callable[[Session], Choices] = lambda session: {}  # of the menus that depend on the network
    usual: Callable[[Session], Shown] = lambda session: {}  # what suits the network
    meet: Callable[[Session], Shown] = lambda session: {}  # what suits the picture
    show: Show | None = None  # what is drawn without being asked for
    wire: Callable[[Sessions, "View"], None] = lambda sessions, view: None  # ties the view's own buttons

    def parts(self) -> dict[str, Any]:
        return self.fields | self.outputs


def handler(sessions: Sessions, view: View, show: Show) -> Callable[..., Iterator[list[Any]]]:
    """`show` as Gradio calls it: values of the fields in, values of all parts out; those not named stay as they are.

    What nobody has thought of ends in a sentence, too, and not in a red box.
    """
    parts = list(view.parts())

    def handle(request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        session = sessions.of(request.session_hash)
        yield [gr.skip() for _ in parts]  # Gradio empties what a generator that yields nothing could have filled
        try:
            for shown in show(session, **filled(view, values)):
                yield [shown.get(part, gr.skip()) for part in parts]
        except Problem as problem:
            yield _said(parts, str(problem))
        except Exception as mistake:
            traceback.print_exc()
            words = f"{type(mistake).__name__}: {mistake}"
            yield _said(parts, f"this page made a mistake of its own ({words}): the terminal has more of it")

    return handle


def filled(view: View, values: Sequence[Any]) -> dict[str, Any]:
    """The fields' values by name; a field that the browser has not filled yet has the value that it begins with."""
    named = zip(view.fields.items(), values)
    return {name: part.value if value is None else value for (name, part), value in named}


def _said(parts: Sequence[str], sentence: str) -> list[Any]:
    return [notice(sentence) if part == "notes" else gr.skip() for part in parts]
