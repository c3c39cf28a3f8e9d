"""The gradient with respect to the image: what it is of, where it leads, and what holds it down."""
