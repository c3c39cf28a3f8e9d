"""Write tests/references: what students' functions must return on the embedded network, and how close is close.

    python -m staff.references        (or: make references)

Needed after a change of the embedded weights, of the scenes, or of the town and its styles. Prints for each value how
far float32 differs, and how far the nearest mistake; `stored.py` says what tolerances are made of. Then prints for each
file what changed, key by key; where nothing did, the file is left as it is.
"""

from pathlib import Path

from staff.references import (
    captum,
    class_visualization,
    content_loss,
    fooling_image,
    gradcam,
    saliency_map,
    style_loss,
    style_transfer,
    tv_loss,
)
from tests.compare import REFERENCES


def main() -> None:
    for name in (saliency_map, gradcam, fooling_image, class_visualization, content_loss, style_loss, tv_loss):
        name.store()
    style_transfer.store_checks()
    style_transfer.store()
    captum.store()
    total = sum(path.stat().st_size for path in REFERENCES.glob("*.npz"))
    print(f"{total / 1e3:.0f} kB in {Path(*REFERENCES.parts[-2:])}")


if __name__ == "__main__":
    main()
