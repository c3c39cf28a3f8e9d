"""Looking inside a convolutional network: what in the image, and what in the network, made the score."""

from visualizers.class_visualization import ClassVisualization
from visualizers.fooling_image import FoolingImage
from visualizers.gradcam import GradCam
from visualizers.saliency_map import SaliencyMap

__all__ = ["ClassVisualization", "FoolingImage", "GradCam", "SaliencyMap"]
