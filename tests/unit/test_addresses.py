"""Addresses as they are written: only an IPv6 host needs brackets, and what was written is read back."""

import pytest

from caisson.addresses import authority, bracketed, unbracketed


@pytest.mark.parametrize(
    ("host", "written"),
    [("127.0.0.1", "127.0.0.1"), ("keys.example", "keys.example"), ("::1", "[::1]"), ("fe80::1%lo", "[fe80::1%lo]")],
)
def test_only_an_ipv6_host_stands_in_brackets(host, written):
    assert bracketed(host) == written
    assert unbracketed(written) == host
    assert authority(host, 8700) == f"{written}:8700"
