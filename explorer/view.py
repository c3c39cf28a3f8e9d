"""What every view is to the page: its controls, what it shows, and how the two are tied to functions of a session."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from explorer.markup import notice
from explorer.session import Sessions
from explorer.worker import Problem

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # of every event

Shown = dict[str, Any]  # new contents of outputs and fields, by their names
Show = Callable[..., Iterator[Shown]]  # of a session and the fields, by their names


@dataclass
class View:
    """fields: what can be set, by the names that stand in links. outputs: what shows. notes: the output for words."""

    key: str
    fields: dict[str, Any]
    outputs: dict[str, Any]
    buttons: dict[str, Any] = field(default_factory=dict)
    tab: Any = None
    meet: Callable[..., Shown] = lambda session: {}  # what the controls become for another picture or network
    show: Show | None = None  # what is drawn without being asked for
    wire: Callable[[Sessions, "View"], None] = lambda sessions, view: None  # ties the view's own buttons

    def parts(self) -> dict[str, Any]:
        return self.fields | self.outputs


def handler(sessions: Sessions, view: View, show: Show) -> Callable[..., Iterator[list[Any]]]:
    """`show` as Gradio calls it: values of the fields in, values of all parts out; those not named stay as they are.

    What nobody has thought of ends in a sentence, too, and not in a red box.
    """
    names, parts = list(view.fields), list(view.parts())

    def handle(request: gr.Request, *values: Any) -> Iterator[list[Any]]:
        session = sessions.of(request.session_hash)
        try:
            for shown in show(session, **dict(zip(names, values))):
                yield [shown.get(part, gr.skip()) for part in parts]
        except Problem as problem:
            yield _said(parts, str(problem))
        except Exception as mistake:
            traceback.print_exc()
            words = f"{type(mistake).__name__}: {mistake}"
            yield _said(parts, f"this page made a mistake of its own ({words}): the terminal has more of it")

    return handle


def _said(parts: Sequence[str], sentence: str) -> list[Any]:
    return [notice(sentence) if part == "notes" else gr.skip() for part in parts]
