"""What the end of a container means."""

import pytest

from caisson.cli.launch import require_success
from caisson.errors import Rejected, Unavailable


def test_success_says_nothing():
    require_success(0, "whatever")


@pytest.mark.parametrize(
    ("status", "kind"), [(81, Rejected), (88, Rejected), (92, Rejected), (93, Unavailable), (99, Rejected)]
)
def test_only_nobody_to_decide_is_no_verdict(status, kind):
    output = "caisson premain: launch\ncaisson premain: x: error: why\ncaisson premain: hint: do this\n"
    with pytest.raises(kind) as failure:
        require_success(status, output)
    assert type(failure.value) is kind
    assert failure.value.message == f"activation ended with status {status}: x: error: why"
    assert failure.value.hint == "do this"


@pytest.mark.parametrize(
    ("status", "output"), [(1, "caisson premain: ready\n"), (88, ""), (93, "error: mine\n"), (137, "")]
)
def test_a_program_that_ends_by_itself_is_not_taken_for_premain(status, output):
    with pytest.raises(Rejected, match=f"the program ended with status {status}"):
        require_success(status, output)
