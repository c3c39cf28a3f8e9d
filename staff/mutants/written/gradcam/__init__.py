"""Ways to write the blocks of visualizers/gradcam.py, and the whole file."""
