"""The graded functions: where each stands, its file, its part, and which of the part's tests are its own."""

from dataclasses import dataclass

from autograder import assignment
from staff.handout import markers
from staff.mutants import variants


@dataclass(frozen=True)
class Function:
    """A student function, one block of which is the solution's.

    own: what chooses its tests among those of `part`, as pytest's -k does. near: up to this relative error a float64
    run is right; far: from this on it is wrong, which is well above the tolerance of its graded tests.
    count: how many programs of each kind are made of it; fewer where its tests take long.
    """

    name: str  # as in assignment.toml
    file: str
    part: str
    own: str = ""
    near: float = 1e-7
    far: float = 1e-3
    count: int = 60

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def block(self) -> str:
        """Return the solution's lines, without indentation."""
        for piece in variants.read_pieces(self.file):
            if isinstance(piece, markers.Block) and (piece.part, piece.function) == (self.part, self.name):
                return "\n".join(line.text.removeprefix(piece.indent) for line in piece.solution)
        raise ValueError(f"expected a solution of {self.part} in {self.name} of {self.file}, found none")

    def source(self, block: str) -> str:
        """Return the student file with this block in place of the solution's."""
        return variants.rewrite_solution(self.file, self.part, self.name, block)


MAPS = 3e-2  # the `far` of maps, whose tests have tolerances that a ReLU on the edge asks for
# What differs from a function that is a part of its own, and is called like it.
# Captum's saliency, its maps and those of a layer are looked at by tests that earn no points: they have no programs.
SETTINGS: dict[str, dict] = {
    "custom_relu": {"name": "CustomReLU.backward", "own": "custom_relu"},
    "guided_backprop": {"name": "GradCam.guided_backprop", "own": "not custom_relu", "far": MAPS},
    "grad_cam": {"name": "GradCam.grad_cam", "far": MAPS},
    "saliency": {"far": MAPS},
    "fooling": {"far": MAPS, "count": 25},
    # The length of a step may be a quarter off in its tests: what is near that is set aside.
    "class_visualization": {"near": 1e-6, "far": 0.5, "count": 15},
    "gram_matrix": {"name": "StyleLoss.gram_matrix", "own": "gram_matrix"},
    "style_loss": {"name": "StyleLoss.forward", "own": "not gram_matrix"},
    # Of pixels that differ: Adam's steps are as long for the least gradient as for the greatest.
    "style_transfer": {"near": 0.01, "far": 0.2, "count": 15},
    # More or fewer points on the way are right, too: what they change is set aside.
    "integrated_gradients": {"own": "integrated", "near": 1e-5, "far": 0.3, "count": 25},
    "layer_conductance": {"own": "conductance", "near": 1e-5, "far": 0.6, "count": 25},
    "neuron_responses": {"own": "neuron", "far": MAPS, "count": 25},
}


def find_functions() -> dict[str, Function]:
    """Return the functions of assignment.toml: those that are a part alone, and those of SETTINGS."""
    table, found = assignment.read(), {}
    named = {settings.get("name", name): name for name, settings in SETTINGS.items()}
    for part, entry in table.parts.items():
        written = [(file, name) for file in entry["functions"] for of, name in table.solutions(file) if of == part]
        for file, name in written:
            key = named.get(name, part if len(written) == 1 else "")
            if key:
                found[key] = Function(**{"name": name, "file": file, "part": part, **SETTINGS.get(key, {})})
    return found


FUNCTIONS = find_functions()
