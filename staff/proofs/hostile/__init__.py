"""Submissions that attack the grader, each bounding itself, and the proof that none of them gains anything."""
