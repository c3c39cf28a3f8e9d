"""Strangers by machine: students' functions rewritten by rules, right and wrong, and the grader's verdicts on them.

python -m staff.strangers [--seed N]        (or: make strangers)
"""
