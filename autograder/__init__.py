"""Grades a submission: the parent holds tests and expected values, student code runs in children that are let go."""
