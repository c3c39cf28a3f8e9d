"""Ways to write one block of the solution: see ../variants.py for what such a module says."""
