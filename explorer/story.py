"""The words around a view: three sentences on what to look for, its formula, the line of code, and where to read on."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gradio as gr

ASSIGNMENT = Path(__file__).resolve().parent.parent / "docs" / "assignment.md"
DELIMITERS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


@dataclass(frozen=True)
class Story:
    """look: three sentences. formulas: LaTeX. code: what the view runs. parts: headings of docs/assignment.md."""

    look: str
    formulas: str
    code: str
    parts: tuple[str, ...]


def tell(story: Story) -> None:
    """The story's sentences, and the rest of it behind a title that opens."""
    gr.Markdown(story.look, elem_classes="x-look")
    with gr.Accordion("Formula, code and assignment", open=False, elem_classes="x-story"):
        gr.Markdown(f"{story.formulas}\n\n```python\n{story.code}\n```", latex_delimiters=DELIMITERS)
        for number in story.parts:
            with gr.Accordion(f"The assignment, part {number}", open=False):
                gr.Markdown(section(number), latex_delimiters=DELIMITERS)


@cache
def section(number: str) -> str:
    """The part of this number of docs/assignment.md, with its heading."""
    found = re.search(rf"^### {re.escape(number)} .*?(?=^##|\Z)", _assignment(), re.MULTILINE | re.DOTALL)
    return found.group().strip() if found else f"Part {number} stands in docs/assignment.md."


@cache
def _assignment() -> str:
    return ASSIGNMENT.read_text(encoding="utf-8") if ASSIGNMENT.exists() else ""
