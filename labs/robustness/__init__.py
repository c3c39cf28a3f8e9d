"""Attacks, corruptions and cues: pictures that make a network wrong, and why."""
