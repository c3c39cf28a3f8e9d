"""The explorer: a page in the browser where one chooses a picture and sees at once what each method says of it.

    python explore.py
    python explore.py --weights embedded --no-browser

Expect a page at http://127.0.0.1:7860, which this machine alone can open. It runs the code in this folder: what is not
written yet shows its sentence, and the rest works. Ctrl+C ends it.
"""

import figures  # noqa: F401 -- first: it says in words which package is missing

# isort: split
import argparse
from collections.abc import Sequence

from figures import script


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument("--port", type=script.count, help="of the page (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="also open the page to others, through gradio.live")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    # Imported here: the processes that run students' code read this file, too, and need no page.
    from explorer import server

    server.serve(args.weights, args.model, args.device, args.port, args.share, not args.no_browser)


if __name__ == "__main__":
    script.run(main)
