"""What students receive: which files, and which hold solutions. A file that nobody decided on stops the build."""

import subprocess
from collections.abc import Collection
from pathlib import Path

from staff.grader import points
from staff.handout import markers

ROOT = Path(__file__).resolve().parents[2]

# The blocks of each file with solutions, by part, in order.
SOLUTIONS = {
    "visualizers/saliency_map.py": ("saliency",),
    "visualizers/gradcam.py": ("guided_backprop", "guided_backprop", "gradcam"),
    "visualizers/fooling_image.py": ("fooling",),
    "visualizers/class_visualization.py": ("class_visualization",),
    "style_modules/content_loss.py": ("content_loss",),
    "style_modules/style_loss.py": ("style_loss", "style_loss"),
    "style_modules/tv_loss.py": ("tv_loss",),
    "style_utils.py": ("style_transfer",),
    "saliency_map.py": ("captum", "captum"),
    "gradcam.py": ("captum", "captum", "captum", "captum"),
}
# Files with a section for staff, which is cut out.
CUT = (
    "Makefile", "README.md", "images/README.md", "pretrained/README.md", "pyproject.toml",
    "tests/test_class_visualization.py", "tests/test_fooling_image.py",
)  # fmt: skip
# Everything else that is handed out as it is. Folders, with a slash at their end, hold pictures and numbers alone: code
# is named file by file, since any new one may hold a solution.
KEPT = (
    ".gitattributes",
    ".gitignore",
    "LICENSE",
    "class_visualization.py",
    "collect_submission.py",
    "docs/assignment.md",
    "docs/pictures/",
    "docs/setup.md",
    "environment.yaml",
    "environment/make_venv.sh",
    "environment/photographs.txt",
    "explore.py",
    "explorer/__init__.py",
    "explorer/ascents.py",
    "explorer/browser.py",
    "explorer/colours.py",
    "explorer/fool.py",
    "explorer/idea.py",
    "explorer/inside.py",
    "explorer/links.py",
    "explorer/markup.py",
    "explorer/methods.py",
    "explorer/networks.py",
    "explorer/page.py",
    "explorer/paint.py",
    "explorer/pictures.py",
    "explorer/places.py",
    "explorer/probabilities.py",
    "explorer/saving.py",
    "explorer/server.py",
    "explorer/session.py",
    "explorer/story.py",
    "explorer/style.css",
    "explorer/view.py",
    "explorer/where.py",
    "explorer/worker.py",
    "figures/__init__.py",
    "figures/__main__.py",
    "figures/canvas.py",
    "figures/figure.py",
    "figures/gallery.py",
    "figures/images.py",
    "figures/measured.py",
    "figures/page.html",
    "figures/pairs.py",
    "figures/palette.py",
    "figures/script.py",
    "fooling_image.py",
    "image_utils.py",
    "images/",
    "labs/README.md",
    "labs/__init__.py",
    "labs/__main__.py",
    "labs/attribution/__init__.py",
    "labs/attribution/data_test.py",
    "labs/attribution/data_test.safetensors",
    "labs/attribution/integrated_gradients.py",
    "labs/attribution/localisation.py",
    "labs/attribution/sanity_checks.py",
    "labs/attribution/shap_cam.py",
    "labs/attacking.py",
    "labs/composed.py",
    "labs/networks.py",
    "labs/cues.py",
    "labs/decoders.py",
    "labs/features/__init__.py",
    "labs/features/deconvnet.py",
    "labs/features/inversion.py",
    "labs/features/neuron_maximization.py",
    "labs/gradients/__init__.py",
    "labs/gradients/one_backward.py",
    "labs/gradients/regularizers.py",
    "labs/gradients/saliency_is_no_direction.py",
    "labs/gradients/score_or_loss.py",
    "labs/lab.py",
    "labs/plots.py",
    "labs/querying.py",
    "labs/measures.py",
    "labs/requirements.txt",
    "labs/robustness/__init__.py",
    "labs/robustness/attacks.py",
    "labs/robustness/black_box.py",
    "labs/robustness/corruptions.py",
    "labs/robustness/linearity.py",
    "labs/robustness/one_pixel.py",
    "labs/robustness/shape_or_texture.py",
    "labs/robustness/taxonomy.py",
    "labs/robustness/twin.safetensors",
    "labs/segmentation/__init__.py",
    "labs/segmentation/encoder_decoder.py",
    "labs/segmentation/fully_convolutional.py",
    "labs/segmentation/upsampling.py",
    "methods.py",
    "pretrained/__init__.py",
    "pretrained/__main__.py",
    "pretrained/addresses.py",
    "pretrained/command_line.py",
    "pretrained/downloads.py",
    "pretrained/efficientnet.py",
    "pretrained/embedded.safetensors",
    "pretrained/errors.py",
    "pretrained/files.py",
    "pretrained/imagenet.py",
    "pretrained/layers.py",
    "pretrained/machine.py",
    "pretrained/networks.py",
    "pretrained/normalisation.py",
    "pretrained/original.py",
    "pretrained/packaged.tsv",
    "pretrained/packages.py",
    "pretrained/photographs.py",
    "pretrained/scenes.py",
    "pretrained/settings.py",
    "pretrained/source.py",
    "pretrained/torchvision_networks.py",
    "pretrained/weights.py",
    "report-template-a3.pptx",
    "report.py",
    "requirements.txt",
    "style_modules/__init__.py",
    "style_transfer.py",
    "tests/compare.py",
    "tests/conftest.py",
    "tests/failures.py",
    "tests/hints.py",
    "tests/inputs.py",
    "tests/likeness.py",
    "tests/networks.py",
    "tests/panels.py",
    "tests/probes/__init__.py",
    "tests/probes/captum.py",
    "tests/probes/class_visualization.py",
    "tests/probes/content_loss.py",
    "tests/probes/facts.py",
    "tests/probes/fooling_image.py",
    "tests/probes/gradcam.py",
    "tests/probes/saliency_map.py",
    "tests/probes/style_loss.py",
    "tests/probes/style_transfer.py",
    "tests/probes/tv_loss.py",
    "tests/references/",
    "tests/sentences.py",
    "tests/test_captum.py",
    "tests/test_content_loss.py",
    "tests/test_gradcam.py",
    "tests/test_image_utils.py",
    "tests/test_saliency_map.py",
    "tests/test_scripts.py",
    "tests/test_style_loss.py",
    "tests/test_style_transfer.py",
    "tests/test_tv_loss.py",
    "visualizers/__init__.py",
    "visualizers/network.py",
)
# Labs that are not to be handed out this time: move a line from KEPT to here, "labs/attribution/sanity_checks.py".
# `make labs` passes over a lab that is not there.
HELD_BACK: tuple[str, ...] = ()
LEFT_OUT = (
    *HELD_BACK,
    ".ci/",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/",
    "docs/autograder.md",
    "docs/performance.md",
    "docs/rubric.md",
    "docs/staff.md",
    "staff/",
    "workshop/",
    # Tests of what is given, and of what the solution alone promises: nothing in them is a student's to mend.
    "tests/explorer/",
    "tests/labs/",
    "tests/pretrained/",
    "tests/test_benchmarks.py",
    "tests/test_canvas.py",
    "tests/test_collect_submission.py",
    "tests/test_figure.py",
    "tests/test_gallery.py",
    "tests/test_hints.py",
    "tests/test_images.py",
    "tests/test_measured.py",
    "tests/test_methods.py",
    "tests/test_network.py",
    "tests/test_original_network.py",
    "tests/test_other_networks.py",
    "tests/test_own_files.py",
    "tests/test_own_images.py",
    "tests/test_pairs.py",
    "tests/test_palette.py",
    "tests/test_report.py",
    "tests/test_setup.py",
    "tests/test_wrong_shapes.py",
)
NEEDED = (
    "images/scenes/scenes.json",
    "pretrained/embedded.safetensors",
    "tests/probes/__init__.py",
    "tests/references/style_transfer_checks.npz",
    *SOLUTIONS,
    *CUT,
)


class ContentsError(ValueError):
    """The handout cannot be made of these files."""


def part_numbers() -> dict[str, str]:
    """The number of each part: {"saliency": "1.1", ...}."""
    return {name: part["number"] for name, part in points.read()["parts"].items()}


def project_files(root: Path = ROOT) -> list[str]:
    """The files that git tracks, as they are now: what lies about beside them is never handed out."""
    command = ["git", "-C", str(root), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in listed if name and (root / name).is_file())


def choose(names: Collection[str]) -> list[str]:
    """Those of the project's files that students receive. Raises ContentsError."""
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ContentsError(f"expected {', '.join(missing)}, found none: the handout needs all of them")
    chosen = [name for name in names if not _listed(name, LEFT_OUT)]
    named = (*SOLUTIONS, *CUT, *KEPT)
    undecided = [name for name in chosen if name not in named and (name.endswith(".py") or not _listed(name, KEPT))]
    if undecided:
        raise ContentsError(
            f"expected files that staff/handout/contents.py decides on, got {', '.join(undecided)}: "
            "add them to KEPT or to LEFT_OUT"
        )
    return chosen


def content(name: str, data: bytes, parts: dict[str, str], solved: Collection[str] = ()) -> bytes:
    """What students get as this file. Raises MarkerError where a marker is not as it must be."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data  # a picture, or numbers
    if name in CUT:
        return markers.without_staff(name, text).encode()
    if name not in SOLUTIONS:
        markers.refuse_markers(name, text)
        return data
    blocks = [piece for piece in markers.read(name, text, parts) if isinstance(piece, markers.Block)]
    if tuple(block.part for block in blocks) != SOLUTIONS[name]:
        line = blocks[0].begin if blocks else 1
        got = ", ".join(f"{block.part} (line {block.begin})" for block in blocks) or "none"
        raise markers.MarkerError(name, line, f"expected blocks for {', '.join(SOLUTIONS[name])}, got {got}")
    return markers.handed_out(name, text, parts, solved).encode()


def _listed(name: str, listed: Collection[str]) -> bool:
    return any(name.startswith(entry) if entry.endswith("/") else name == entry for entry in listed)
