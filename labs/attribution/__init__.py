"""Maps that explain a class: what they promise, and what they keep."""
