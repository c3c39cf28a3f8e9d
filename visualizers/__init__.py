"""Looking inside a convolutional network: what in the image, and what in the network, made the score.

One call at a time for one network: while a method runs, hooks and modes of all its modules are its own.
"""

from visualizers.class_visualization import ClassVisualization
from visualizers.fooling_image import FoolingImage
from visualizers.gradcam import GradCam
from visualizers.saliency_map import SaliencyMap

__all__ = ["ClassVisualization", "FoolingImage", "GradCam", "SaliencyMap"]
