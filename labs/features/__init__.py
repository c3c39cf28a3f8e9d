"""Units and layers: the pictures that they respond to, and what they keep of an image."""
