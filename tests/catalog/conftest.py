"""Every entry of the catalog, brought up once by `caisson up` as a user would."""

import pytest

from caisson import catalog
from tests.catalog.running import brought_up
from tests.catalog.supplied import can_be_had


@pytest.fixture(scope="module", params=[name for name in catalog.names() if can_be_had(name)])
def running(request):
    with brought_up(request.param) as entry:
        yield entry
