"""Proofs of the grader: generated programs, attacks, and how far rounding stays from every tolerance."""
