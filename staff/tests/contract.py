"""Gradescope's contract for results.json, as a JSON schema, and the sums that a schema cannot say."""

import math

from jsonschema import validate

NUMBER, TEXT = {"type": "number", "minimum": 0}, {"type": "string", "maxLength": 100_000}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}

TEST = {
    "type": "object",
    "required": ["score", "max_score", "status", "name", "number", "output", "tags", "visibility"],
    "additionalProperties": False,
    "properties": {
        "score": NUMBER,
        "max_score": NUMBER,
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string", "minLength": 5, "maxLength": 200},
        "name_format": FORMAT,
        "number": {"type": "string", "minLength": 1},
        "output": TEXT | {"minLength": 1},
        "output_format": FORMAT,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
}
RESULTS = {
    "type": "object",
    "required": ["score", "execution_time", "output", "output_format", "visibility", "extra_data", "tests"],
    "additionalProperties": False,
    "properties": {
        "score": NUMBER,
        "execution_time": NUMBER,
        "output": TEXT | {"minLength": 1},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object", "required": ["parts"]},
        "leaderboard": {"type": "array"},
        "tests": {"type": "array", "items": TEST},
    },
}


def check(results: dict) -> None:
    """Raise ValidationError or AssertionError. Without points there is neither a score nor a test."""
    tests = results["tests"]
    if results["extra_data"]["ungraded"]:
        assert "score" not in results and not tests
        validate(results | {"score": 0}, RESULTS)
        return
    validate(results, RESULTS)
    assert math.isfinite(results["execution_time"]) and all(math.isfinite(test["max_score"]) for test in tests)
    assert all(test["score"] <= test["max_score"] for test in tests)
    assert all((test["status"] == "passed") == (test["score"] == test["max_score"]) for test in tests)
    assert len({test["name"] for test in tests}) == len(tests), "each test has a name of its own"
    assert math.isclose(results["score"], sum(test["score"] for test in tests), abs_tol=1e-6)
    parts = results["extra_data"]["parts"]
    assert set(parts) == {tag for test in tests for tag in test["tags"]}
    for part, (had, most) in parts.items():
        own = [test for test in tests if test["tags"] == [part]]
        assert math.isclose(had, sum(test["score"] for test in own), abs_tol=1e-6)
        assert math.isclose(most, sum(test["max_score"] for test in own), abs_tol=1e-6)
