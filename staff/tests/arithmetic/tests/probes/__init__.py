import pytest

REACH = pytest.StashKey()


def call(name, **arguments):
    if name == "center":
        from moments import Center

        return {"out": Center().subtract_mean(**arguments)}
    from scale import unit

    return {"out": unit(**arguments)}
