"""A view as the page sees it: its story, its controls, what it shows, and how events become functions of a session."""

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from explorer.links import describe, link
from explorer.markup import notice
from explorer.session import Session, Sessions
from explorer.worker import Problem
from pretrained import SourceError
from pretrained.ending import explain

ASSIGNMENT = Path(__file__).resolve().parent.parent / "docs" / "assignment.md"
DELIMITERS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
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
Change = Callable[[Session, gr.EventData], Shown]  # what becomes of the fields


@dataclass(frozen=True)
class Story:
    """look: three sentences. formulas: LaTeX. code: what the view runs. parts: headings of docs/assignment.md."""

    look: str
    formulas: str
    code: str
    parts: tuple[str, ...]

    def tell(self) -> None:
        """Put the sentences on the page, and the rest of the story behind a title that opens."""
        gr.Markdown(self.look, elem_classes="x-look")
        with gr.Accordion("Formula, code and assignment", open=False, elem_classes="x-story"):
            gr.Markdown(f"{self.formulas}\n\n```python\n{self.code}\n```", latex_delimiters=DELIMITERS)
            for number in self.parts:
                with gr.Accordion(f"The assignment, part {number}", open=False):
                    gr.Markdown(section(number), latex_delimiters=DELIMITERS)


@cache
def section(number: str) -> str:
    """The part of this number of docs/assignment.md, with its heading."""
    text = ASSIGNMENT.read_text(encoding="utf-8") if ASSIGNMENT.exists() else ""
    found = re.search(rf"^### {re.escape(number)} .*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group().strip() if found else f"Part {number} stands in docs/assignment.md."


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

    fields: dict[str, Any]
    outputs: dict[str, Any]
    buttons: dict[str, Any] = field(default_factory=dict)
    moved: Sequence[str] = ()
    key: str = ""
    address: Any = None  # the part of the page that holds its address
    words: Any = None  # the part of the page for words above the views
    # The functions of the view's module that have these names:
    choices: Callable[[Session], Choices] = lambda session: {}  # of the menus that depend on the network
    usual: Callable[[Session], Shown] = lambda session: {}  # what suits the network
    meet: Callable[[Session], Shown] = lambda session: {}  # what suits the picture
    fit: Callable[[Session, Shown], Shown] = lambda session, shown: {}  # what the fields must be instead
    show: Show | None = None  # what is drawn without being asked for
    run: Show | None = None  # what the button "start" begins, and the button "stop" ends
    wire: Callable[[Sessions, "View"], None] = lambda sessions, view: None  # ties the view's own buttons

    @classmethod
    def of(cls, module: Any) -> "View":
        """The view that this module builds, with the module's key and functions."""
        view = module.build()
        view.key = module.KEY
        for name in ("choices", "usual", "meet", "fit", "show", "run", "wire"):
            setattr(view, name, getattr(module, name, getattr(view, name)))
        return view

    def parts(self) -> dict[str, Any]:
        """The parts that may change on the page, by name."""
        return {name: self.fields[name] for name in self.moved} | self.outputs

    def beginning(self, session: Session) -> Shown:
        """The fields as they begin, for this network and this picture."""
        return {name: part.value for name, part in self.fields.items()} | self.usual(session) | self.meet(session)

    def settings(self, session: Session) -> Shown:
        """The fields as they are set on this page, or as they begin."""
        with session.setting:  # else what takes a while to find is written over what another event has set meanwhile
            if self.key not in session.settings:
                session.settings[self.key] = self.beginning(session)
            return session.settings[self.key]

    def place(self, shown: Shown) -> dict[Any, Any]:
        """New contents by component; fields that stand in links alone have no place on the page."""
        return {part: shown[name] for name, part in self.parts().items() if name in shown}


def tie(
    event: Callable[..., Any], sessions: Sessions, view: View, run: Show | None, change: Change | None = None,
    inputs: Sequence[str] = (), how: dict[str, Any] = QUIET,
) -> None:  # fmt: skip
    """Let an event set what `change` says, then show what `run` yields.

    inputs: the fields whose values the event brings along, from the browser as they are. Few are best: what comes
    in is copied in the browser with all its choices, time and again. What the fields show, the session knows.
    """

    parts = [*view.parts().values(), view.address, view.words]

    def handle(request: gr.Request, data: gr.EventData, *given: Any) -> Iterator[list[Any]]:
        session = sessions.of(request.session_hash)
        try:
            with session.setting:
                settings = view.settings(session)
                # None stands in a field as long as the page is not filled: then what suits the network is meant.
                settings.update((name, value) for name, value in zip(inputs, given) if value is not None)
                moved = change(session, data) if change else view.fit(session, settings)
                settings.update(moved)
                shown = arrange(parts, view.place(moved) | {view.address: link(session, view.key)})
        except Exception as mistake:
            yield arrange(parts, {view.outputs["notes"]: notice(phrase(mistake))})
            return
        yield shown
        yield from show_all(session, view, run, parts)

    event(handle, [view.fields[name] for name in inputs], parts, **how)


def begins(show: Callable[..., Iterator[Shown]]) -> Show:
    """Let what takes a session and its turn begin a request at once, which ends the earlier ones."""

    def begin(session: Session, *given: Any, **fields: Any) -> Iterator[Shown]:
        return show(session, session.begin(), *given, **fields)

    return begin


def show_all(session: Session, view: View, run: Show | None, parts: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield what `run` shows, for these parts. A mistake that nobody has thought of is a sentence, too.

    When something is shown again, the sentence on a choice that was refused goes.
    The last of it is nothing: Gradio sends it once more when the event ends, over what another event has shown since.
    """
    try:
        with session.setting:  # the fields and the request that shows them are one: the last that is set shows last
            showing = run(session, **view.settings(session)) if run else ()
            made, before = describe(session, view.key), session.drawn.get(view.key)
            refused = session.refused  # before: what was being shown then says nothing of it
        for shown in showing:
            if session.drawn.get(view.key) is not before:  # by what was set when it began
                session.made[view.key] = made
            view.settings(session).update({name: value for name, value in shown.items() if name in view.fields})
            gone = {}
            if refused:
                refused = session.refused = False
                gone = {view.words: notice(session.picture.note)}
            yield arrange(parts, view.place(shown) | gone)
    except Exception as mistake:
        yield arrange(parts, {view.outputs["notes"]: notice(phrase(mistake))})
    yield arrange(parts, {})


def arrange(parts: Sequence[Any], shown: dict[Any, Any]) -> list[Any]:
    """New contents in the order in which Gradio wants an event's outputs."""
    return [shown.get(part, KEPT) for part in parts]


def phrase(mistake: Exception) -> str:
    """A mistake as a sentence for the page; one that nobody has thought of is printed in full on the terminal."""
    if isinstance(mistake, Problem | SourceError):
        return str(mistake)
    if words := explain(mistake):
        return words.removeprefix("error: ")
    traceback.print_exception(mistake)
    return f"this page made a mistake of its own ({type(mistake).__name__}: {mistake}): the terminal has more of it"
