"""The graded functions: where each stands, its file, its part, and which of the part's tests are its own."""

from dataclasses import dataclass
from pathlib import Path

from staff.handout import markers
from staff.mutants import variants

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Function:
    """A student function, one block of which is the solution's.

    own: what chooses its tests among those of `part`, as pytest's -k does. near: up to this relative error a float64
    run is right; far: from this on it is wrong, which is well above the tolerance of its graded tests.
    count: how many programs of each kind are made of it; fewer where its tests take long.
    """

    name: str
    file: str
    part: str
    own: str = ""
    near: float = 1e-7
    far: float = 3e-2
    count: int = 60

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def block(self) -> str:
        """Return the solution's lines, without indentation."""
        for piece, inside in variants.read_pieces(self.file):
            if isinstance(piece, markers.Block) and (piece.part, inside) == (self.part, self.name):
                return "\n".join(line.text.removeprefix(piece.indent) for line in piece.solution)
        raise ValueError(f"expected a solution of {self.part} in {self.name} of {self.file}, found none")

    def source(self, block: str) -> str:
        """Return the student file with this block in place of the solution's."""
        return variants.rewrite_solution(self.file, self.part, self.name, block)


LOSS = 1e-3  # the `far` of losses, whose tests have tolerances of 1e-4 and less
GRADCAM = "visualizers/gradcam.py"
STYLE = "style_modules/style_loss.py"

# Captum's saliency, its maps and those of a layer are looked at by tests that earn no points: they have no programs.
FUNCTIONS = {
    "saliency": Function("compute_saliency_maps", "visualizers/saliency_map.py", "saliency"),
    "custom_relu": Function("backward", GRADCAM, "guided_backprop", own="custom_relu", far=LOSS),
    "guided_backprop": Function("guided_backprop", GRADCAM, "guided_backprop", own="not custom_relu"),
    "grad_cam": Function("grad_cam", GRADCAM, "gradcam"),
    "fooling": Function("make_fooling_image", "visualizers/fooling_image.py", "fooling", count=25),
    # The length of a step may be a quarter off in its tests: what is near that is set aside.
    "class_visualization": Function(
        "create_class_visualization",
        "visualizers/class_visualization.py",
        "class_visualization",
        near=1e-6,
        far=0.5,
        count=15,
    ),
    "content_loss": Function("forward", "style_modules/content_loss.py", "content_loss", far=LOSS),
    "gram_matrix": Function("gram_matrix", STYLE, "style_loss", own="gram_matrix", far=LOSS),
    "style_loss": Function("forward", STYLE, "style_loss", own="not gram_matrix", far=LOSS),
    "tv_loss": Function("forward", "style_modules/tv_loss.py", "tv_loss", far=LOSS),
    # Of pixels that differ: Adam's steps are as long for the least gradient as for the greatest.
    "style_transfer": Function("style_transfer", "style_utils.py", "style_transfer", near=0.01, far=0.2, count=15),
    # More or fewer points on the way are right, too: what they change is set aside.
    "integrated_gradients": Function(
        "integrated_gradients", "saliency_map.py", "captum", own="integrated", near=1e-5, far=0.3, count=25
    ),
    "layer_conductance": Function(
        "layer_conductance", "gradcam.py", "captum", own="conductance", near=1e-5, far=0.6, count=25
    ),
    "neuron_responses": Function("neuron_responses", "gradcam.py", "captum", own="neuron", count=25),
}
