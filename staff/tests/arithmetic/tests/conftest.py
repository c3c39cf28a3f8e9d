import pytest

from tests import probes


@pytest.fixture
def probe(request):
    return request.config.stash.get(probes.REACH, probes.call)
