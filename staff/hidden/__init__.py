"""Tests that students do not have: inputs drawn for each submission, expected values from the float64 oracle."""
