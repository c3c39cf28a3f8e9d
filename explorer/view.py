"""What every view is to the page: its controls, what it shows, and how the two are tied to functions of a session."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from explorer.links import link
from explorer.markup import notice
from explorer.session import Session, Sessions
from explorer.worker import Problem
from pretrained import SourceError

# Of every event. Without preprocessing, what is wrong with a value is told by us, and not in a red box by Gradio;
# "multiple", since by default Gradio drops what is chosen while the choice before is still being drawn. Progress is
# shown on nothing: it would be written to every output, hidden or not, which takes the browser half a second a map.
QUIET: dict[str, Any] = {
    "api_visibility": "private", "show_progress": "hidden", "show_progress_on": [], "preprocess": False,
    "postprocess": False, "trigger_mode": "multiple",
}  # fmt: skip
ONCE = QUIET | {"trigger_mode": "once"}  # of buttons that start something

Shown = dict[str, Any]  # new contents of outputs and fields, by their names
Choices = dict[str, Sequence[tuple[str, Any]]]  # labels and values of a menu, by its field's name
Show = Callable[..., Iterator[Shown]]  # of a session and the fields, by their names
Change = Callable[[Session, gr.EventData], Shown | None]  # what becomes of the fields; None where nothing is to be done


class Kept(dict):
    """A part that stays as it is: the browser takes it for gr.skip(), and Gradio does not see that it is one.

    For gr.skip() Gradio builds the part anew, which takes a millisecond and a half for each at every picture.
    """

    def get(self, key: str, default: Any = None) -> Any:
        return default


KEPT = Kept(gr.skip())


@dataclass
class View:
    """fields: what can be set, by the names that stand in links. outputs: what shows. notes: the output for words.

    moved: the fields that the page sets by itself, with a picture or a click; few: each costs time at every event.
    """

    key: str
    fields: dict[str, Any]
    outputs: dict[str, Any]
    buttons: dict[str, Any] = field(default_factory=dict)
    moved: Sequence[str] = ()
    tab: Any = None
    address: Any = None  # the part of the page that holds its address
    choices: Callable[[Session], Choices] = lambda session: {}  # of the menus that depend on the network
    usual: Callable[[Session], Shown] = lambda session: {}  # what suits the network
    meet: Callable[[Session], Shown] = lambda session: {}  # what suits the picture
    show: Show | None = None  # what is drawn without being asked for
    wire: Callable[[Sessions, "View"], None] = lambda sessions, view: None  # ties the view's own buttons

    def parts(self) -> dict[str, Any]:
        """What may change on the page, by name."""
        return {name: self.fields[name] for name in self.moved} | self.outputs


def settings(session: Session, view: View) -> Shown:
    """What the view's fields show on this page: what was set, or what suits the network and the picture."""
    if view.key not in session.settings:
        session.settings[view.key] = beginning(view, session)
    return session.settings[view.key]


def tie(
    event: Callable[..., Any], sessions: Sessions, view: View, run: Show | None, change: Change | None = None,
    inputs: Sequence[str] = (), how: dict[str, Any] = QUIET,
) -> None:  # fmt: skip
    """Let an event set what `change` says, then show what `run` yields.

    inputs: the fields whose values come with the event; by themselves, they are what is set. Few are best: what comes
    in is copied in the browser with all its choices, time and again. What the fields show, the session knows.
    """

    parts = [*view.parts().values(), view.address]

    def handle(request: gr.Request, data: gr.EventData, *given: Any) -> Iterator[list[Any]]:
        session = sessions.of(request.session_hash)
        try:
            usual = beginning(view, session) if None in given else {}
            new = {name: usual[name] if value is None else value for name, value in zip(inputs, given)}
            settings(session, view).update(new)
            moved = change(session, data) if change else {}
            if moved is None:
                yield listed(parts, {})
                return
            settings(session, view).update(moved)
            yield listed(parts, placed(view, moved) | {view.address: link(session, view)})
        except Exception as mistake:
            yield listed(parts, {view.outputs["notes"]: notice(spoken(mistake))})
            return
        for shown in showing(session, view, run):
            yield listed(parts, shown)

    event(handle, [view.fields[name] for name in inputs], parts, **how)


def showing(session: Session, view: View, run: Show | None) -> Iterator[dict[Any, Any]]:
    """What `run` yields, by component. What nobody has thought of ends in a sentence, too, and not in a red box.

    The last of it is nothing: Gradio sends it once more when the event ends, over what another event has shown since.
    """
    try:
        for shown in run(session, **settings(session, view)) if run else ():
            settings(session, view).update({name: value for name, value in shown.items() if name in view.fields})
            yield placed(view, shown)
    except Exception as mistake:
        yield {view.outputs["notes"]: notice(spoken(mistake))}
    yield {}


def placed(view: View, shown: Shown) -> dict[Any, Any]:
    """New contents by component; fields that stand in links alone have no place on the page."""
    return {part: shown[name] for name, part in view.parts().items() if name in shown}


def listed(parts: Sequence[Any], shown: dict[Any, Any]) -> list[Any]:
    """What an event gives Gradio for its outputs."""
    return [shown.get(part, KEPT) for part in parts]


def spoken(mistake: Exception) -> str:
    """What went wrong, as a sentence for the page; what nobody has thought of is printed in full on the terminal."""
    if isinstance(mistake, Problem | SourceError):
        return str(mistake)
    traceback.print_exception(mistake)
    return f"this page made a mistake of its own ({type(mistake).__name__}: {mistake}): the terminal has more of it"


def beginning(view: View, session: Session) -> dict[str, Any]:
    """What the fields begin with, for this network and this picture."""
    return {name: part.value for name, part in view.fields.items()} | view.usual(session) | view.meet(session)
