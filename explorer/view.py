"""What every view is to the page: its controls, what it shows, and how the two are tied to functions of a session."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from explorer.markup import notice
from explorer.session import Session, Sessions
from explorer.worker import Problem
from pretrained import SourceError

# Of every event. Without preprocessing, what is wrong with a value is told by us, and not in a red box by Gradio;
# "multiple", since by default Gradio drops what is chosen while the choice before is still being drawn.
QUIET: dict[str, Any] = {
    "api_visibility": "private", "show_progress": "hidden", "show_progress_on": [], "preprocess": False,
    "trigger_mode": "multiple",
}  # fmt: skip
ONCE = QUIET | {"trigger_mode": "once"}  # of buttons that start something
LAST = QUIET | {"trigger_mode": "always_last"}  # of what follows every change

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


def handler(
    sessions: Sessions, view: View, show: Show, only_when_open: bool = False
) -> Callable[..., Iterator[list[Any]]]:
    """`show` as Gradio calls it: values of the fields in, values of all parts out; those not named stay as they are.

    only_when_open: the first value in is the key of the open tab, and nothing is done for another one's.
    What nobody has thought of ends in a sentence, too, and not in a red box.
    """
    parts = list(view.parts())

    def handle(request: gr.Request, *given: Any) -> Iterator[list[Any]]:
        session, values = sessions.of(request.session_hash), list(given)
        yield [gr.skip() for _ in parts]  # Gradio empties what a generator that yields nothing could have filled
        if only_when_open:
            seen, *values = values
            if seen != view.key:
                return
        try:
            for shown in show(session, **filled(view, session, values)):
                yield [shown.get(part, gr.skip()) for part in parts]
        except Exception as mistake:
            said = notice(spoken(mistake))
            yield [said if part == "notes" else gr.skip() for part in parts]

    return handle


def spoken(mistake: Exception) -> str:
    """What went wrong, as a sentence for the page; what nobody has thought of is printed in full on the terminal."""
    if isinstance(mistake, Problem | SourceError):
        return str(mistake)
    traceback.print_exception(mistake)
    return f"this page made a mistake of its own ({type(mistake).__name__}: {mistake}): the terminal has more of it"


def filled(view: View, session: Session, values: Sequence[Any]) -> dict[str, Any]:
    """The fields' values by name; one that the browser has not filled yet has the value that it begins with."""
    given = {name: value for name, value in zip(view.fields, values) if value is not None}
    return given if len(given) == len(view.fields) else beginning(view, session) | given


def beginning(view: View, session: Session) -> dict[str, Any]:
    """What the fields begin with, for this network and this picture."""
    return {name: part.value for name, part in view.fields.items()} | view.usual(session) | view.meet(session)
