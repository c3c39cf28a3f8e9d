# STAFF
"""The pairs that somebody made of pictures of their own, found among all that style_transfer.py writes."""

import json
import os

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from figures.figure import MADE
from figures.pairs import own_pairs


def write(folder, *names, given=()):
    """Write pictures, the later ones younger, that hold how they were made: of one's own, but for those given."""
    for at, name in enumerate(names):
        made = PngInfo()
        made.add_text(MADE, json.dumps({"options": {} if name in given else {"style": "mine.jpg"}}))
        Image.new("RGB", (2, 2)).save(folder / f"style_transfer_{name}.png", pnginfo=made)
        os.utime(folder / f"style_transfer_{name}.png", (at, at))


def test_own_pairs_are_found_the_newest_first(tmp_path):
    """Sources and result belong together; a given pair, and half a pair, are none."""
    names = "a_sources", "a", "b_sources", "b", "flow_sources", "flow", "half_sources", "half2", "cut_sources", "cut"
    write(tmp_path, *names, given={"flow_sources", "flow"})
    cut = tmp_path / "style_transfer_cut.png"
    cut.write_bytes(cut.read_bytes()[:-9])
    names = [(sources.name, result.name) for sources, result in own_pairs(tmp_path)]
    assert names == [
        ("style_transfer_b_sources.png", "style_transfer_b.png"),
        ("style_transfer_a_sources.png", "style_transfer_a.png"),
    ]


def test_a_pair_that_is_itself_called_sources_is_no_other_pairs_source(tmp_path):
    """A painting in my_sources.jpg: its result, whose name ends in _sources, is taken for no sources."""
    write(tmp_path, "town_my_sources_sources", "town_my_sources", "sources_flow_sources", "sources_flow")
    names = {(sources.name, result.name) for sources, result in own_pairs(tmp_path)}
    assert names == {
        ("style_transfer_town_my_sources_sources.png", "style_transfer_town_my_sources.png"),
        ("style_transfer_sources_flow_sources.png", "style_transfer_sources_flow.png"),
    }
