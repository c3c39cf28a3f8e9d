"""The pairs that somebody made of pictures of their own by style_transfer.py, as they lie in a folder."""

from pathlib import Path

from figures.figure import SOURCES, read_made
from pretrained.settings import STYLE_PAIRS

# The pairs that style_transfer.py makes by itself, whichever network it takes.
GIVEN_PAIRS = {pair.name for pairs in STYLE_PAIRS.values() for pair in pairs}
START = "style_transfer_"


def own_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """List for each pair of one's own the picture of its two sources, and the result; the newest first."""
    pairs = []
    for sources in folder.glob(f"{START}*{SOURCES}.png"):
        result = sources.with_name(f"{sources.stem.removesuffix(SOURCES)}.png")
        made = [read_made(path).get("options", {}) for path in (sources, result)]  # of half a picture nothing
        if all(options.keys() & {"content", "style"} for options in made):
            pairs.append((sources, result))
    return sorted(pairs, key=lambda pair: pair[0].stat().st_mtime, reverse=True)
