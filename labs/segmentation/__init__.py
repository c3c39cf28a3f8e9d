"""Networks that answer with a picture: classes for every pixel, and the ways up from coarse maps to fine ones."""
