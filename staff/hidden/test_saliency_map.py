import pytest

from staff.hidden import drawing
from staff.references import saliency_map

pytestmark = pytest.mark.saliency
READ = "SaliencyMap.compute_saliency_maps: the score of each image's class, its gradient, |.|, the maximum over axis 1"


@pytest.mark.points(4)
@pytest.mark.parametrize(("count", "name"), [(1, "embedded"), (2, "squeezenet"), (7, "deep")], ids=drawing.in_words)
def test_saliency_of_drawn_images(probe, rng, count, name):
    """Other images, classes, sizes and networks than the public tests': one map for each image, of its own class."""
    functions = saliency_map.saliency, saliency_map.saliency_mistakes
    drawing.draw_maps(rng, "saliency", name, count, *functions).ask(probe, "saliency", READ)
