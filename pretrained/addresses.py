"""The files of others that the classic assignment uses: where they are served, and their SHA-256."""

from dataclasses import dataclass

_NEURAL_STYLE = "https://raw.githubusercontent.com/jcjohnson/neural-style/07c4b8299f8fbdafec0c514fc820ff1d7ff62e46"
_FAST_NEURAL_STYLE = (
    "https://raw.githubusercontent.com/jcjohnson/fast-neural-style/813c83441953ead2adb3f65f4cc2d5599d735fa7"
)

IMAGES = "imagenet_val_25.npz"
WEIGHTS = "squeezenet1_1-b8a52dc0.pth"


@dataclass(frozen=True)
class Pinned:
    """A file that is known by its content, so that it does not matter who serves it."""

    sha256: str  # hexadecimal; the weights' is the prefix that torch.hub puts into the file name
    urls: tuple[str, ...] = ()
    served_sha256: str = ""  # where the addresses serve another copy than the course's that will do as well


FILES = {
    WEIGHTS: Pinned("b8a52dc0", (f"https://download.pytorch.org/models/{WEIGHTS}",)),
    IMAGES: Pinned(
        "35141609d22457c791e8fbe10c2d3b09ed0d6a04b669173e9fbebb0b4915cd3c",
        (f"http://cs231n.stanford.edu/{IMAGES}",),
    ),
    "tubingen.jpg": Pinned(
        "e67d1869f01fd805385c681a80d9ebcf0f70ea4a5fe6127f0606bb1c7f4bf506",
        (f"{_NEURAL_STYLE}/examples/inputs/tubingen.jpg",),
    ),
    "composition_vii.jpg": Pinned(
        "8f992ed4aecd6dd56972d7bc8166761de7c94e670ee6effa8fd05f3daeb33409",
        (f"{_FAST_NEURAL_STYLE}/images/styles/composition_vii.jpg",),
    ),
    "the_scream.jpg": Pinned(
        "f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee",
        (f"{_NEURAL_STYLE}/examples/inputs/the_scream.jpg",),
    ),
    "starry_night.jpg": Pinned(  # the one served is a wider crop of the same painting
        "c31741a09141c2e2d07fc7aa6bdf135c369b804f9433e43fa3ceac19386d1ee6",
        (f"{_NEURAL_STYLE}/examples/inputs/starry_night.jpg",),
        served_sha256="0592ab0f7b51b3ce72608a95e53880bd93971e5b48f93a0ce8dfd3cbccf3d098",
    ),
    # The stored outputs of the style losses come with the course and have no public address.
    "style-transfer-checks.npz": Pinned("659a64eb251c9c4ff0c12d5abcc2a93713ac7167d823edd47dbf3805aaa3f3d2"),
    "style-transfer-checks-cs231n.npz": Pinned(
        "2f9b3cf861971f30e842281535420685ed51ed4d4f932e529fc9c27503eb9008",
    ),
}
