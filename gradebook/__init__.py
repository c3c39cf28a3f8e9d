"""A whole class graded: what was handed in, a cluster that grades it, the gradebook, and the pages made of it."""
