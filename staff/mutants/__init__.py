"""Wrong and right ways to write each student function, and the proof that the grader tells them apart.

python -m staff.mutants [PART or NAME ...]        (or: make mutants ARGS=NAME)
"""
