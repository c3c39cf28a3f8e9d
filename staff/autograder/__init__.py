"""What Gradescope needs, and how it is packed."""
