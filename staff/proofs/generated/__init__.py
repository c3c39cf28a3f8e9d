"""Programs by machine: right rewrites of the solution and single edits of it, and whether the graded tests are fair.

python -m staff.proofs.generated        (or: make strangers ARGS="--function NAME")
"""
