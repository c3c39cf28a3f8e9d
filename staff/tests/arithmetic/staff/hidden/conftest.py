from tests.conftest import probe  # noqa: F401
