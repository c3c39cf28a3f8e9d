"""Tests, as a package: as plain folders they would lose against a package of that name which another one brings."""
