import pytest

REACH = pytest.StashKey()


def call(name, **arguments):
    from moments import Center
    from scale import unit

    return {"out": {"center": Center().subtract_mean, "unit": unit}[name](**arguments)}
