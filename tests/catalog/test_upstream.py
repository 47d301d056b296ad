"""Entries follow their recipe for the upstream image, and keep what they promise: on images of upstream's layout.

It is the way on which a tester's own image goes, `CAISSON_IMAGE_NAME`.
"""

import pytest

from caisson import catalog
from tests.catalog.running import brought_up
from tests.catalog.upstream import LAYOUTS, make


@pytest.fixture(scope="module", params=LAYOUTS)
def supplied(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"CAISSON_IMAGE_{request.param.upper()}", make(request.param, tmp_path_factory.mktemp("upstream")))
        with brought_up(request.param) as entry:
            yield entry


def test_the_upstream_image_keeps_what_the_entry_promises(supplied):
    supplied.carry_out(supplied.promises.start)
    supplied.carry_load()
    stopped, _ = supplied.stop()
    assert stopped == supplied.promises.stop_status, supplied.logs()
    supplied.start()
    supplied.carry_out(supplied.promises.restart)


def test_it_runs_the_program_that_upstream_has(supplied):
    command = catalog.load(supplied.entry.name).recipe.taken_from(upstream=True).application.command
    assert supplied.up["base"] is None
    done = supplied.stage.caisson("inspect", supplied.up["image"], "--json")
    assert command[0] in done.stdout
    assert "docker-entrypoint" not in done.stdout
