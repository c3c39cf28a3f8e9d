"""The assignment's text as PDF: Markdown to HTML by markdown-it, formulas by matplotlib, pages by WeasyPrint."""

import base64
import io
import re
from pathlib import Path

import matplotlib
from markdown_it import MarkdownIt
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from PIL import ImageFile

FORMULA_SIZE = 11  # points, like the text

STYLE = """
@page { size: A4; margin: 22mm 22mm 20mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif; color: #5f6368; } }
body { font: 10.5pt/1.45 "DejaVu Sans", sans-serif; color: #1d1d1f; }
h1 { font-size: 20pt; line-height: 1.2; margin: 0 0 8mm; }
h2 { font-size: 14pt; margin: 8mm 0 2mm; border-bottom: 0.5pt solid #dedbd4; padding-bottom: 1mm; break-after: avoid; }
h3, h3 + p { break-after: avoid; }
h3 { font-size: 11.5pt; margin: 5mm 0 1mm; color: #8a4b08; }
p, ul, ol, table, pre { margin: 0 0 2.5mm; }
li { margin-bottom: 0.8mm; }
code { font: 9pt "DejaVu Sans Mono", monospace; }
pre { background: #f6f5f2; padding: 2.5mm; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; break-inside: avoid; }
th, td { text-align: left; vertical-align: top; border-bottom: 0.5pt solid #dedbd4; padding: 1mm 2mm 1mm 0; }
a { color: #8a4b08; text-decoration: none; }
.math.block { text-align: center; margin: 3mm 0; break-inside: avoid; }
"""


def write_pdf(source: Path, target: Path) -> None:
    """The same text gives the same bytes."""
    from weasyprint import HTML  # imported here: it looks for system libraries

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # which it sets, for everybody in this process

    page = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_title(source)}<style>{STYLE}</style></head>'
    HTML(string=page + f"<body>{html(source.read_text(encoding='utf-8'))}</body></html>").write_pdf(target)


def html(text: str) -> str:
    """The text as HTML, formulas as pictures. Raises ValueError for a formula that matplotlib cannot set."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(anchors_plugin, max_level=3).use(dollarmath_plugin, renderer=_formula, allow_digits=False)
    return parser.render(text)


def _formula(tex: str, options: dict) -> str:
    picture = io.BytesIO()
    settings = {"mathtext.fontset": "dejavusans", "svg.hashsalt": "formula", "svg.fonttype": "path"}
    formula = f"${' '.join(tex.split())}$"
    with matplotlib.rc_context(settings):
        depth = math_to_image(formula, picture, FontProperties(size=FORMULA_SIZE), dpi=72, format="svg")
    data = base64.b64encode(re.sub(rb"<metadata>.*?</metadata>", b"", picture.getvalue(), flags=re.DOTALL)).decode()
    alt = tex.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return f'<img alt="{alt}" style="vertical-align: -{depth:.1f}pt" src="data:image/svg+xml;base64,{data}">'


def _title(source: Path) -> str:
    first = source.read_text(encoding="utf-8").partition("\n")[0]
    return f"<title>{first.lstrip('# ')}</title>"
